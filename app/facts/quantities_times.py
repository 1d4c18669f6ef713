"""Limits on the whole answer and on its first token."""

from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, CURRENT, FOREIGN, HYPOTHETICAL, NEGATION, PAST, PAST_VERB, RIVAL, Marked
from app.facts.units import MINUTE, PERIODS, TIME_UNITS, WEEK

LIMIT, WAIT, FIRST, WHOLE = BIT["limit"], BIT["wait"], BIT["first_token"], BIT["whole"]
LASTING, SPENT = BIT["duration_thing"], BIT["machine_time"]
_NO_WAIT_BEFORE, _NO_WAIT_AFTER = word_set("no_wait_before"), word_set("no_wait_after")
_REFUSED = word_set("refused_after")
_FRACTION_JOINTS = frozenset(("of", "a", "an"))
_PERCENTILES = {"p95": 4, "p99": 3, "p98": 3, "p90": 3, "p80": 2, "p75": 2, "p50": 0, "median": 0}
_ABOVE = frozenset(("more", "longer", "over", "above", "beyond", "exceed", "exceeds", "than", "later", "slower"))
_BEYOND = frozenset(("after", "over", "above", "beyond", "than"))
"""`after 10 s is too late` is a limit, `10 s is too late` refuses one."""
_IS_LONG = frozenset(("of", "is", "are", "about", "averages", "average"))
_ENOUGH = frozenset(("ok", "okay", "fine", "acceptable", "tolerable", "alright", "bearable", "suffices"))
DENIAL_REACH = 7
LASTING_REACH = 6
HUMAN_TIME, HUMAN_REACH = BIT["human_time"], 3
OTHER, OTHER_REACH = BIT["other_deadline"], 7
"""Tokens before a time of minutes or more in which refunds, repairs or a hotline own it."""
_OWNS = frozenset(("has", "have", "had"))
PATIENCE_REACH = 9
_WILLING = frozenset(
    ("can", "will", "would", "may", "they'll", "he'll", "she'll", "they'd", "he'd", "she'd", "we'll", "i'll")
)
_GRANTS = frozenset(("give", "gives", "allow", "allows", "grant", "grants"))
"""`they give it five seconds before they scroll on`."""
_GLADLY = frozenset(("happily", "gladly", "without", "patiently"))
_PATIENT = frozenset(("stand", "stands", "wait", "waits", "look", "looks", "watch", "stay", "linger", "sit", "sits"))
_IS_THE_LIMIT = (["is", "the", "limit"], ["is", "the", "max"], ["is", "the", "maximum"], ["is", "our", "limit"])
_MORE_THAN = (["more", "than"], ["longer", "than"], ["later", "than"])
LIMIT_RANK = 3
OURS_BONUS = 1
"""`that leaves 150 ms for us` ranks above the total that it is part of."""
MAX_LINE_WORDS = 14
_ASYNC = (["async", ","], ["asynchronous", ","], ["batch", ","], ["turnaround", ","])
HALF = BIT["half_of"]
CUE_REACH, FIRST_REACH = 10, 8
_WITHIN = frozenset(("within", "under", "below", "inside"))
_BARE_BEHIND = word_set("bare_behind")
ELIDED_REACH = 12
"""Tokens behind a duration within which a bare figure may take over its unit."""
LONGEST_WAIT = 2 * WEEK
"""A longer time is a project's, not an answer's."""
CURRENT_COST = 5
"""What today's figure ranks below the one that is asked for."""
GIVING_UP_COST = 0.5
PLAIN_RANK = 2
"""Rank of a limit without a percentile; the median ranks below it."""


def read_times(marked: Marked) -> Iterator[Quantity]:
    """Latency limits of the text; the 95th percentile ranks above others, they above the median."""
    for number in marked.numbers:
        duration = _duration(marked, number)
        if duration is None or marked.tokens.quoted[number.first]:
            continue
        seconds, last = duration
        if _is_no_wait(marked, number, last) or not _is_limit(marked, number, last, seconds):
            continue
        name = (
            "time_to_first_token_p95_seconds" if _is_first_token(marked, number.first, last) else "latency_p95_seconds"
        )
        rank: float = _percentile_rank(marked, number.first, last) - CURRENT_COST * bool(
            marked.near(number.first, last, 3, 3) & CURRENT
        )
        if not _GIVING_UP.isdisjoint(marked.tokens.words[last : last + 4]) and _stands_at(marked, number):
            rank -= GIVING_UP_COST
        rank += OURS_BONUS * (marked.tokens.words[last : last + 2] == ["for", "us"])
        yield quantity(marked, name, seconds, number.first, last, rank=rank)
    yield from _elided(marked)
    yield from _bare_units(marked)


def _elided(marked: Marked) -> Iterator[Quantity]:
    """`must start within one second and be complete within eight`: the second figure has the unit of the first."""
    words, unit, until, sentence = marked.tokens.words, 0.0, -1, -1
    for number in marked.numbers:
        behind = words[number.last] if number.last < len(words) else "."
        duration = _duration(marked, number)
        if duration is not None:
            unit, until, sentence = (
                duration[0] / (number.value or 1),
                duration[1] + ELIDED_REACH,
                marked.tokens.sentence[number.first],
            )
            continue
        limit = words[number.last : number.last + 3] in _IS_THE_LIMIT
        bare = (behind in _BARE_BEHIND or limit) and not (number.year or number.identifier)
        near = number.first <= until and marked.tokens.sentence[number.first] - sentence <= limit
        before = words[max(0, number.first - 2) : number.first]
        if bare and near and (limit or before in _MORE_THAN):
            yield quantity(
                marked, "latency_p95_seconds", number.value * unit, number.first, number.last, rank=LIMIT_RANK
            )
            continue
        if bare and near and number.first and (words[number.first - 1] in _WITHIN or _there_in(words, number.first)):
            first_token = _is_first_token(marked, number.first, number.last)
            name = "time_to_first_token_p95_seconds" if first_token else "latency_p95_seconds"
            yield quantity(marked, name, number.value * unit, number.first - 1, number.last, rank=1)


def _there_in(words: list[str], first: int) -> bool:
    """`the clip lasts 90 seconds and its caption must be there in 3`."""
    return words[first - 1] == "in" and not _NEEDED.isdisjoint(words[max(0, first - 4) : first - 1])


def _duration(marked: Marked, number: Number) -> tuple[float, int] | None:
    """Seconds and the token after the unit, when a time unit follows: `2 s`, `half a second`, `a second and a half`."""
    words = marked.tokens.words
    last = number.last
    if number.identifier or (number.suffix and number.suffix not in ("word", "fraction", "couple")):
        return None
    if number.suffix == "fraction":
        while last < len(words) and words[last] in _FRACTION_JOINTS:
            last += 1
    elif words[last : last + 2] == ["or", "so"]:
        last += 2  # within the 4 or so seconds
    elif words[last : last + 1] in (["full"], ["whole"], ["working"], ["business"]):
        last += 1
    unit = TIME_UNITS.get(words[last]) if last < len(words) else None
    if unit is None or (words[last] in ("d", "mo") and not marked.tokens.text[marked.tokens.ends[last - 1]].isalnum()):
        return None
    attached = last + 1 < len(words) and marked.tokens.text[marked.tokens.ends[last]] == "-"
    if attached and words[last] == "second" and words[last + 1] in _HAND:
        return None
    value = number.value
    if words[last + 1 : last + 4] == ["and", "a", "half"]:
        value, last = value + 1 / 2, last + 3
    return value * unit, last + 1


def _is_no_wait(marked: Marked, number: Number, last: int) -> bool:
    """`every 10 seconds`, `8 hours a day`, `a 90-second clip`, `takes 12 seconds`, `200 ms is impossible`."""
    words, first = marked.tokens.words, number.first
    before, earlier = words[first - 1] if first else "", words[first - 2] if first > 1 else ""
    after, then = (*words[last : last + 2], "", "")[:2]
    limited = marked.near(first, last, 2, 0) & LIMIT
    until = before in ("the", "a", "an") and earlier in ("before", "inside", "within", "in")
    if until and (number.attached or after == "before"):
        return False  # back before the 30-second ad ends, in the half second before it prints
    if after == "before" and (
        marked.near(last, last, 0, 7) & FIRST or not _GRANTS.isdisjoint(words[max(0, first - 4) : first])
    ):
        return False  # 1.2 s before text appears
    if before in _NO_WAIT_BEFORE and not (earlier.startswith("wait") or (before in ("per", "each") and earlier == ",")):
        wanted = marked.near(first, last, 3, 3) & LIMIT or _is_fine(words, first, last) or _is_stood(words, first, last)
        return not (before in ("takes", "needs", "took", "for") and wanted)
    if before == "in" and any(n.value >= MANY for n in marked.numbers_within(first - 4, first - 1)):
        return True
    if after in ("a", "per", "/"):
        return then in PERIODS or then in TIME_UNITS
    if (
        after in _REFUSED
        or ("too" in words[last : last + 4] and before not in _BEYOND)
        or (after in _NO_WAIT_AFTER and not limited and after != "of")
    ):
        return True
    lasting = marked.ahead(first, LASTING_REACH)
    has = before in _OWNS or (before == "between" and earlier in _OWNS)
    if lasting & LASTING and (has or (before in _IS_LONG and not limited)):
        return True  # a show has between 25 and 110 minutes
    return number.attached and bool(marked.near(last, last, 0, 1) & LASTING)


def _is_stood(words: list[str], first: int, last: int) -> bool:
    """`they'll stand there for two seconds`, `can look at it for 5 s`: as long as somebody is ready to wait."""
    lead = words[max(0, first - PATIENCE_REACH) : first]
    willing = not _WILLING.isdisjoint(lead) or not _GLADLY.isdisjoint((*lead, *words[last : last + 3]))
    return willing and not _PATIENT.isdisjoint(lead)


def _stands_at(marked: Marked, number: Number) -> bool:
    """`at 1.8 s they look away`: a limit only where no other is named."""
    return number.first > 0 and marked.tokens.words[number.first - 1] in ("at", "after")


def _is_fine(words: list[str], first: int, last: int) -> bool:
    """`30 seconds is fine`, `it's OK if it takes 30 seconds`."""
    return not _ENOUGH.isdisjoint(words[max(0, first - 8) : last + 4])


def _is_limit(marked: Marked, number: Number, last: int, seconds: float) -> bool:
    """Ours, and asked for. Under a minute a duration is a limit unless something speaks against it."""
    words, first = marked.tokens.words, number.first
    scope = marked.scope(first, last)
    limited = marked.near(first, last, 4, 4) & LIMIT
    above = not _ABOVE.isdisjoint(words[max(0, first - 3) : first])
    fine = _is_fine(words, first, last)
    if _of_half(marked, first):
        return False
    if scope & (RIVAL | PAST) or (scope & PAST_VERB and not limited) or (scope & HYPOTHETICAL and not (above or fine)):
        return False
    if (
        _is_denied(marked, number)
        or marked.ahead(first, HUMAN_REACH) & HUMAN_TIME
        or words[first - 1 : first] == ["their"]
    ):
        return False
    if seconds < MINUTE:
        return not (marked.near(first, first, 4, 0) & SPENT and not (limited or fine))
    if seconds > LONGEST_WAIT or marked.time(first) & CURRENT or marked.ahead(first, OTHER_REACH) & OTHER:
        return False
    if _is_headed(words, marked.tokens.sentence, first) or words[max(0, first - 2) : first] in _ASYNC:
        return True
    waits = marked.near(first, last, 5, 5) & WAIT
    if words[max(0, first - 1)] in _OWNS and not waits:
        return False
    return bool((limited and waits) or marked.near(first, last, 2, 1) & LIMIT) or _is_fine(words, last, last)


def _of_half(marked: Marked, first: int) -> bool:
    """`half of them within an hour`: no limit on every answer."""
    return bool(marked.masks[marked.clause[first]] & HALF) and "half" in marked.tokens.words[max(0, first - 10) : first]


def _is_headed(words: list[str], sentence: list[int], first: int) -> bool:
    """`SLO: done before pick-up, ~20 min`, `time: 30 min`: the line says that it is about time."""
    k = first
    while k > 0 and first - k < MAX_LINE_WORDS and sentence[k - 1] == sentence[first]:
        k -= 1
    head = words[k : k + HEADING_REACH + 1]
    return ":" in head and not _HEADINGS.isdisjoint(head[: head.index(":")])


def _is_denied(marked: Marked, number: Number) -> bool:
    """`we don't need answers within 1 second`; `must not take more than 3 seconds` denies what is above the limit."""
    words, last = marked.tokens.words, number.last
    if not _ABOVE.isdisjoint(words[max(0, number.first - 3) : number.first]) or words[last + 1 : last + 3] == [
        "at",
        "most",
    ]:
        return False
    return bool(marked.ahead(number.first, DENIAL_REACH) & NEGATION)


def _percentile_rank(marked: Marked, first: int, last: int) -> int:
    """Percentile before the duration (`p95 of 900 ms`), else right behind it (`900 ms at p95`)."""
    words, held = marked.tokens.words, marked.number_tokens
    for k in range(first - 1, max(first - 4, 0) - 1, -1):
        if k in held or words[k] in (",", ";", ".", "\n"):
            break
        if words[k] in _PERCENTILES:
            return _PERCENTILES[words[k]]
    for word in words[last : last + 3]:
        if word in _PERCENTILES:
            return _PERCENTILES[word]
        if word in ("and", ",", ";", ".", "\n"):
            break
    return PLAIN_RANK


def _is_first_token(marked: Marked, first: int, last: int) -> bool:
    """A cue of the first words is nearer than one of the whole answer; figures between belong to the cue instead."""
    begin = marked.distance(first, last, FIRST, CUE_REACH, stops=marked.number_tokens)
    if begin is None:
        return False
    ahead = marked.ahead(first, FIRST_REACH)
    if ahead & FIRST and not ahead & WHOLE:
        return True
    whole = marked.distance(first, last, WHOLE, CUE_REACH, stops=marked.number_tokens)
    return whole is None or begin < whole


_A_SECOND_BEHIND = (
    ["at", "most"], ["or", "so"], ["or", "less"], ["max", "."], ["tops", "."], [",", "tops"], [",", "max"],
    ["max", ","], ["tops", ","], ["and", "no"], ["maximum", "."], [",", "maximum"], [",", "no"], ["is", "enough"],
    ["is", "fine"], ["is", "ok"], ["would", "do"], ["will", "do"], ["flat", "."], ["or", "two"],
)  # fmt: skip
_A_MINUTE_BEHIND = (["is", "fine"], ["is", "ok"], ["is", "okay"], ["is", "enough"], ["would", "do"], ["will", "do"])
_ALLOWS = frozenset(("minds", "mind", "ok", "okay", "fine", "acceptable", "may", "can"))
ALLOWED_REACH = 8
"""Tokens before `takes a minute` in which `nobody minds` allows it."""
_GONE = frozenset(("gone", "lost", "passes", "away"))
"""`gone in a second` is a figure of speech."""
_HAND = frozenset(("hand", "level", "line", "tier", "class", "rate", "year", "order", "guess", "language", "stage"))
"""Behind `second-`: an ordinal, no time."""
_NEEDED = frozenset(
    (
        "there",
        "done",
        "complete",
        "finished",
        "needed",
        "due",
        "required",
        "wanted",
        "ready",
        "back",
        "expected",
        "promised",
    )
)
_LONG_UNITS = frozenset(("day", "week", "morning", "shift"))
MANY = 100
"""`500 lines in ten seconds`: so many in a time are a rate, no wait."""
_HEADINGS = frozenset((
    "slo", "sla", "time", "latency", "speed", "turnaround", "deadline", "response", "wait", "timing", "due", "when",
    "answer", "answers", "p95", "p99", "delay", "limit", "urgency", "timeliness", "needed",
))  # fmt: skip
HEADING_REACH = 3
_GIVING_UP = frozenset((
    "leave", "look", "drop", "hang", "lose", "give", "quit", "abandon", "complain", "walk", "grumble", "start",
))  # fmt: skip
MAX_BARE_REACH = 8
_BARE_UNITS = frozenset(("second", "subsecond", "sec", "minute", "hour", *_LONG_UNITS))
_LIMIT_BEFORE = frozenset(["in", "within", "under", "inside", "below", "than", "after", "over", "the"])


def _bare_units(marked: Marked) -> Iterator[Quantity]:
    """`in a second`, `a second at most`, `sub-second`, `within the hour`."""
    words = marked.tokens.words
    for i in [i for i, word in enumerate(words) if word in _BARE_UNITS]:
        word = words[i]
        if i == 0 or marked.tokens.quoted[i]:
            continue
        if not _is_bare_limit(marked, i) or marked.scope(i, i + 1) & FOREIGN:
            continue
        if marked.near(i - 1, i - 1, 5, 0) & NEGATION or _of_half(marked, i):
            continue
        first = i if word == "subsecond" else i - 1
        name = "time_to_first_token_p95_seconds" if _is_first_token(marked, first, i + 1) else "latency_p95_seconds"
        yield quantity(marked, name, TIME_UNITS.get(word) or PERIODS.get(word, 1.0), first, i + 1, rank=1)


def _is_bare_limit(marked: Marked, i: int) -> bool:
    words = marked.tokens.words
    before, earlier = words[i - 1], words[i - 2] if i > 1 else ""
    if words[i] == "subsecond" or before == "sub":
        return True
    if before not in ("a", "an", "the", "one") or earlier in ("half", "quarter"):
        return False
    if earlier == "of" and (words[i] not in _LONG_UNITS or words[max(0, i - 3)] in ("quarter", "half", "part")):
        return False
    if words[i] in _LONG_UNITS and before in ("a", "an") and words[i + 1 : i + 3] in _A_MINUTE_BEHIND:
        return True
    if words[i] in _LONG_UNITS:
        needed = not _NEEDED.isdisjoint(words[max(0, i - 5) : i - 1])
        return earlier == "within" and words[i + 1 : i + 2] != ["of"] and needed
    if before == "a" and words[i + 1 : i + 2] in (["per"], ["for"], ["an"]) and earlier in ("", ".", ":", "\n", ";"):
        return bool(marked.near(i, i, 0, MAX_BARE_REACH) & LIMIT)
    if words[i] in ("hour", "minute"):
        fine = before == "a" and (words[i + 1 : i + 3] in _A_MINUTE_BEHIND or words[i + 1 : i + 2] in (["ok"], ["max"]))
        return (
            fine
            or (earlier in ("takes", "take") and not _ALLOWS.isdisjoint(words[max(0, i - ALLOWED_REACH) : i]))
            or earlier in ("within", "under")
            or words[max(0, i - 3) : i - 1] == ["up", "to"]
            or (before == "a" and words[i + 1 : i + 3] == ["at", "most"])
        )
    if before == "a" and earlier in ("most", "than") and words[i + 1 : i + 2] in (["behind"], ["later"], ["late"]):
        return True  # at most a second behind
    if before == "a" and words[i + 1 : i + 2] == ["behind"]:
        return bool(marked.near(i, i, 0, MAX_BARE_REACH) & LIMIT)
    if before not in ("one", "the") and earlier in _LIMIT_BEFORE and earlier != "the":
        return words[max(0, i - 3)] not in _GONE
    if before == "the":
        return earlier in _WITHIN or (earlier == "in" and words[i + 1 : i + 2] == ["before"])
    return before == "a" and words[i + 1 : i + 3] in _A_SECOND_BEHIND

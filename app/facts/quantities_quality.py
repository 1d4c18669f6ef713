"""Quality reached by prompting and quality needed, told from everybody else's percentages."""

from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, HYPOTHETICAL, NEGATION, RIVAL, Marked
from app.facts.units import TIME_UNITS, currency_of, percent_after

PROMPT_WORDS, TARGET_WORDS = BIT["prompt_words"], BIT["target_words"]
METRIC, PROMPTED, TARGET, NOT_PROMPTED = BIT["metric"], BIT["prompted"], BIT["target"], BIT["not_prompted"]
LOWEST_QUALITY = 0.2
"""Below this a share is rarely a quality figure (error rates, growth, shares of traffic)."""
LIMIT = BIT["limit"]
ERROR, NAMED_METRIC = BIT["error"], BIT["named_metric"]
METRIC_BEHIND = 7
FINE = BIT["fine_words"]
FINE_REACH = 3
"""Tokens behind a share within which `is enough` asks for it."""
METRIC_BEFORE = 3
"""Tokens before a bare figure in which `exact match` or `F1` makes it a quality."""
_METRIC_BEHIND = frozenset(("f1", "accuracy", "recall", "precision", "em", "auc"))
_QUALITY_BEHIND = frozenset(("now", "→", "+", "with", "point", "points", "is"))
MOST_ERRORS = 0.5
"""A larger share beside a word of errors is the share that is right."""
ERROR_BEFORE, ERROR_BEHIND = 8, 7
"""Tokens around a share in which `wrong` or `errors` tells what it counts."""
MAX_COUNTED_NOUNS, MAX_JOINTS = 2, 3
_JOINTS = frozenset(("in", "of", "out", "every", "each", "from"))
_WHOLES = frozenset((3.0, 4.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 1000.0))
"""Of so many a quality is counted: `nine in ten`."""
_FEWEST_OF = 10
RIGHT = BIT["right_words"]
_WANTS = frozenset((
    "expect", "expects", "want", "wants", "need", "needs", "require", "requires", "demand", "demands",
))  # fmt: skip
"""Right before a figure it is wanted, by whomever: `people expect 90`."""
_HUNDRED = frozenset(("hundred", "100"))
"""`97 in a hundred` speaks of quality where it is asked for."""
_SOLVES = frozenset(("got", "gets", "solved", "answered", "had"))
_WELL = frozenset(("correctly", "right", "properly", "well"))
MISTAKE_WORDS, MISTAKE_REACH, OF_REACH = 2, 5, 12
"""Tokens before `200` in which `a mistake in every` stands, and back to the `of 300` that a figure is part of."""
RIGHT_BEFORE, RIGHT_BEHIND = 5, 5
"""Tokens around `412 of 500` in which `correct` or `right` makes it a quality."""
LOWEST_COUNTED = 0.5
"""`one in four` and `two in ten` are shares of traffic, `nine in ten` a quality."""
WRITTEN_NEXT = 2
"""Tokens before a figure in which a word such as `want` decides, whoever else is named."""
LOWEST_BARE = 50
"""A bare figure of a hundred counts from here on: `we need 95`."""
REACH, METRIC_REACH = 9, 40
HEADED_REACH, HEAD_WORDS = 30, 4
"""Tokens back to a `Goal:` that heads the sentence, and how long such a head is."""
_OR_NOT = (["or", "no"], ["or", "nothing"], ["or", "we"], ["or", "bust"], ["or", "it's"], ["or", "forget"])
"""`92 % or no launch`."""
_ON = (["on"], ["up"], ["upwards"], ["onwards"], ["upward"])
OWNER_LEAD = 2.0
"""Somebody else's name may stand this much farther off than a verb such as `reach` and still own the figure."""
_REACHES = frozenset(("manages", "reaches", "gets", "achieves", "hits", "scores", "makes", "gives"))
_AIMS = frozenset(("aim", "aiming", "hope", "hoping", "going", "shooting", "striving", "asking", "looking"))
_BARE_BEHIND = word_set("bare_behind")
_BARE_BEFORE = word_set("bare_target_before")


def read_quality(marked: Marked) -> Iterator[Quantity]:
    """`prompted_quality` and `target_quality` as fractions."""
    shares: list[tuple[Number, float, int]] = []
    for number in marked.numbers:
        soon = bool(shares) and marked.tokens.sentence[number.first] - marked.tokens.sentence[shares[-1][0].first] <= 1
        if marked.tokens.quoted[number.first]:
            continue
        if soon and (allowed := _allowed_errors(marked, number, *shares[-1])) is not None:
            shares.append((number, *allowed))
        elif (share := _share(marked, number, soon)) is not None:
            shares.append((number, *share))
    stops = frozenset(k for number, _, last in shares for k in range(number.first, last))
    seen = False
    for number, value, last in shares:
        if marked.tokens.words[number.first - 1 : number.first] == ["from"] and number.low < number.value:
            low = number.low * value / number.value  # from 82 to 90 percent
            yield quantity(marked, "prompted_quality", low, number.first, last, rank=1)
            yield quantity(marked, "target_quality", value, number.first, last, rank=1)
            continue
        role = _role(marked, number, last, seen or _metric_before(marked, number.first), stops)
        if role is not None:
            seen = True
            yield quantity(marked, role, value, number.first, last, rank=1)


def _allowed_errors(
    marked: Marked, number: Number, other: Number, value: float, _last: int
) -> tuple[float, int] | None:
    """`The prompt is wrong 25 % of the time; we can tolerate 10 %`: the second counts errors as the first did."""
    signs = percent_after(marked.tokens.words, number)
    errors = round(1 - value, 6) == round(other.value / 100, 6)
    if not (signs and errors and number.value < other.value):
        return None
    last = number.last + signs
    near = marked.near(number.first, last, ERROR_BEFORE, 4)
    return (1 - number.value / 100, last) if near & (LIMIT | TARGET) else None


def _metric_before(marked: Marked, first: int) -> bool:
    """A metric is named in this sentence or the one before."""
    sentence = marked.tokens.sentence
    for k in range(first - 1, max(first - METRIC_REACH, 0) - 1, -1):
        if sentence[k] < sentence[first] - 1:
            return False
        if marked.marks[k] & METRIC:
            return True
    return False


def _share(marked: Marked, number: Number, soon: bool) -> tuple[float, int] | None:
    """The fraction and the token after it: `83 %`, `0.71`, `.58`, and `67.4` or `95` beside a word of quality.

    `soon`: another share stands in the same sentence or the one before.
    """
    words, text, start = marked.tokens.words, marked.tokens.text, marked.tokens.starts[number.first]
    counted = _counted(marked, number) or _counted_of(marked, number) or _fraction(marked, number)
    if counted is not None:
        return counted
    signs = percent_after(words, number)
    behind = words[number.last + signs] if number.last + signs < len(words) else "."
    if behind in ("a", "per", "/") or behind in TIME_UNITS:
        return None
    if signs:
        value, last = number.value / 100, number.last + signs
        if value <= MOST_ERRORS and _is_error(marked, number.first, last):
            return 1 - value, last
        if behind == "of" and not (
            marked.ahead(number.first, 4) & PROMPTED or marked.near(number.first, last, 5, 6) & METRIC
        ):
            return None
        return (value, last) if LOWEST_QUALITY <= value <= 1 and number.suffix in ("", "word") else None
    if (
        start
        and text[start - 1] == "."
        and (start == 1 or not text[start - 2].isalnum())
        and words[number.first].isdigit()
    ):
        return float("0." + words[number.first]), number.last
    if number.identifier or number.suffix not in ("", "word") or number.year:
        return None
    if not number.suffix and number.decimal and LOWEST_QUALITY <= number.value <= 1:
        return number.value, number.last
    if LOWEST_BARE <= number.value <= 100 and _is_bare(marked, number, soon):
        return number.value / 100, number.last
    return None


def _counted(marked: Marked, number: Number) -> tuple[float, int] | None:
    """`nine in ten`, `8 cases of 10`, `19 times out of 20`, `88 of every 100`, and the token after it."""
    words, last = marked.tokens.words, number.last
    if number.year or number.identifier or number.suffix not in ("", "word"):
        return None
    at = last
    while at < len(words) and at - last < MAX_COUNTED_NOUNS and words[at] not in _JOINTS and words[at].isalpha():
        at += 1
    joint = at
    while at < len(words) and at - joint < MAX_JOINTS and words[at] in _JOINTS:
        at += 1
    if at > joint and words[at : at + 2] == ["a", "hundred"]:
        at += not marked.numbers_within(at, at + 1)
    wholes = marked.numbers_within(at, at + 1) if at > joint else []
    if not wholes or not number.value < wholes[0].value:
        return None
    if wholes[0].value not in _WHOLES and not (
        wholes[0].value >= _FEWEST_OF and marked.near(number.first, wholes[0].last, RIGHT_BEFORE, RIGHT_BEHIND) & RIGHT
    ):
        return None
    share, end = number.value / wholes[0].value, wholes[0].last
    small = words[joint] == "of" and words[joint + 1] not in _JOINTS and wholes[0].value < _FEWEST_OF
    if small or (end < len(words) and words[end] in TIME_UNITS):
        return None
    if share <= MOST_ERRORS and _is_error(marked, number.first, end):
        return 1 - share, end
    return (share, end) if share >= LOWEST_COUNTED else None


def _counted_of(marked: Marked, number: Number) -> tuple[float, int] | None:
    """`Of 300 test cases the prompt solved 231`; `one mistake in 200` leaves 199 right."""
    words, sentence, first = marked.tokens.words, marked.tokens.sentence, number.first
    if number.year or number.identifier or number.suffix not in ("", "word") or first < MISTAKE_WORDS:
        return None
    head = words[first - 1] if words[first - 1] != "every" else words[first - 2]
    if head == "in" and number.value >= _FEWEST_OF and _is_one_mistake(marked, first):
        return 1 - 1 / number.value, number.last
    behind = words[number.last] if number.last < len(words) else "."
    closed = not behind[0].isalnum() or behind in _WELL or _starts(marked, number.last, RIGHT)
    if closed and words[first - 1] in _SOLVES and behind in ("right", "correct", "correctly"):
        return _of_asked(marked, number)
    if not closed or "of" not in words[max(0, first - OF_REACH) : first]:
        return None
    if not marked.near(first, number.last, RIGHT_BEFORE, 1) & RIGHT:
        return None
    for whole in marked.numbers_within(first - OF_REACH, first):
        opens = whole.first and words[whole.first - 1] == "of" and sentence[whole.first] == sentence[first]
        if opens and whole.value >= _FEWEST_OF and LOWEST_COUNTED <= number.value / whole.value < 1:
            return number.value / whole.value, number.last
    return None


def _starts(marked: Marked, k: int, bit: int) -> bool:
    """A cue stands right behind a figure."""
    return k < len(marked.marks) and bool(marked.marks[k] & bit)


def _of_asked(marked: Marked, number: Number) -> tuple[float, int] | None:
    """`We asked the bot twenty questions, it got 12 right`: of the figure before it in the sentence."""
    sentence = marked.tokens.sentence
    for whole in reversed(marked.numbers_within(number.first - OF_REACH, number.first)):
        fits = not whole.year and whole.value >= _FEWEST_OF and number.value / whole.value <= 1
        if fits and sentence[whole.first] == sentence[number.first]:
            return number.value / whole.value, number.last
    return None


def _is_one_mistake(marked: Marked, first: int) -> bool:
    """`one mistake in` stands right before a figure."""
    places = range(max(1, first - MISTAKE_REACH), first)
    return any(marked.marks[k] & ERROR and marked.tokens.words[k - 1] in ("a", "one") for k in places)


def _fraction(marked: Marked, number: Number) -> tuple[float, int] | None:
    """`three quarters of the answers`, `four fifths`; `a quarter of the cases wrong` is three quarters right."""
    words, last = marked.tokens.words, number.last
    if number.suffix != "fraction" or (last < len(words) and (words[last] in TIME_UNITS or words[last] in ("a", "an"))):
        return None
    if number.value < MOST_ERRORS and _is_error(marked, number.first, last):
        return 1 - number.value, last
    half = (
        number.value == LOWEST_COUNTED
        and words[last : last + 1] == ["of"]
        and marked.near(number.first, last, 0, METRIC_BEHIND) & METRIC
    )
    return (number.value, last) if half or LOWEST_COUNTED < number.value < 1 else None


def _is_error(marked: Marked, first: int, last: int) -> bool:
    """The share counts what goes wrong: a word of errors stands beside it, or names it in the sentence before."""
    if marked.near(first, last, ERROR_BEFORE, ERROR_BEHIND) & ERROR:
        return True
    words, sentence = marked.tokens.words, marked.tokens.sentence
    if "it" not in words[max(0, first - ERROR_BEFORE) : first]:
        return False
    back = range(first - 1, max(first - METRIC_REACH // 2, 0) - 1, -1)
    return any(marked.marks[k] & ERROR for k in back if sentence[k] == sentence[first] - 1)


def _is_bare(marked: Marked, number: Number, soon: bool) -> bool:
    """`accuracy 67.4`, `we need 95`."""
    words = marked.tokens.words
    behind = words[number.last] if number.last < len(words) else "."
    before = words[number.first - 1] if number.first else ""
    if behind in _METRIC_BEHIND:
        return True  # 88.2 F1
    if (behind not in _BARE_BEHIND and behind not in _QUALITY_BEHIND) or currency_of(marked.tokens, number):
        return False
    if marked.near(number.first, number.first, METRIC_BEFORE, 0) & NAMED_METRIC:
        return True
    if behind == "is":
        return soon
    if before == "for" and number.first > 1 and words[number.first - 2] in _AIMS:
        return _is_quality_talk(marked, number, soon)
    if before in _REACHES and soon:
        return True  # ninety percent is fine, the prompt manages eighty-four
    return bool(number.first and marked.marks[number.first - 1] & METRIC) or (
        before in _BARE_BEFORE and _is_quality_talk(marked, number, soon)
    )


def _is_quality_talk(marked: Marked, number: Number, soon: bool) -> bool:
    """Something near by makes a bare figure one of quality."""
    prompts = marked.near(number.first, number.last, 6, 4) & PROMPT_WORDS
    return soon or bool(prompts) or _metric_before(marked, number.first)


def _role(marked: Marked, number: Number, last: int, seen: bool, stops: frozenset[int]) -> str | None:
    """Whose figure it is: the nearest of prompting, of what is needed, and of anything else."""
    first = number.first
    near = marked.near(first, last, 8, 6)
    target = marked.distance(first, last, TARGET, REACH, stops=stops)
    if target is None and _is_headed(marked, first):
        target = float(REACH)
    prompted = marked.distance(first, last, PROMPTED, REACH, stops=stops)
    other = marked.distance(first, last, NOT_PROMPTED, REACH, stops=stops)
    wrong = _is_error(marked, first, last)
    named = near & METRIC or wrong or seen or (near & TARGET and near & PROMPTED)
    if not (
        named
        or marked.near(first, last, 6, 5) & PROMPT_WORDS
        or marked.near(first, last, 4, 2) & TARGET_WORDS
        or _is_condition(marked, first, last)
        or _is_enough(marked, first, last)
        or (target is not None and marked.tokens.words[last - 1] in _HUNDRED)
    ):
        return None
    if marked.scope(first, last) & (RIVAL | HYPOTHETICAL):
        return None
    if _is_condition(marked, first, last) or (wrong and near & LIMIT and prompted is None):
        return "target_quality"
    if marked.ahead(first, 3) & NEGATION:
        return None
    from_to = _from_to(marked, number)
    if from_to is not None:
        return from_to
    close = marked.ahead(first, WRITTEN_NEXT)
    if first and marked.tokens.words[first - 1] in _WANTS and close & TARGET:
        return "target_quality"
    if close & TARGET and not close & (NOT_PROMPTED | PROMPTED):
        return "target_quality"
    if other is not None and all(d is None or other <= d + OWNER_LEAD for d in (target, prompted)):
        return None
    nearest = min((d for d in (target, prompted) if d is not None), default=None)
    if nearest is None and _is_enough(marked, first, last):
        return "target_quality"
    if nearest is None and near & METRIC and _is_of_prompt(marked, first):
        return "prompted_quality"
    return None if nearest is None else "target_quality" if nearest == target else "prompted_quality"


def _is_enough(marked: Marked, first: int, last: int) -> bool:
    """`Eighty-five percent is enough`, unless the same clause speaks of a prompt."""
    prompts = marked.masks[marked.clause[first]] & (PROMPT_WORDS | PROMPTED)
    return bool(marked.behind(last, FINE_REACH) & FINE) and not prompts


def _is_of_prompt(marked: Marked, first: int) -> bool:
    """`Our prompt (6,000 tokens of grammar, sadly) compiles right 72 %`: the sentence begins with the prompt."""
    sentence = marked.tokens.sentence
    found = 0
    for k in range(first - 1, max(first - HEADED_REACH, 0) - 1, -1):
        if sentence[k] != sentence[first]:
            break
        found |= marked.marks[k]
    return bool(found & PROMPT_WORDS) and not found & (NOT_PROMPTED | TARGET | RIVAL)


def _is_headed(marked: Marked, first: int) -> bool:
    """`Goal: assign one of 57 codes with macro F1 of 0.88`: the sentence is headed as a goal."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    k = first
    while k > 0 and first - k < HEADED_REACH and sentence[k - 1] == sentence[first]:
        k -= 1
    head = words[k : k + HEAD_WORDS]
    return ":" in head and any(marked.marks[j] & TARGET for j in range(k, k + head.index(":")))


def _is_condition(marked: Marked, first: int, last: int) -> bool:
    """`without 93 % accuracy no`, `accepted from 96 % on`."""
    words = marked.tokens.words
    before = words[first - 1] if first else ""
    behind = words[last : last + 2]
    return before == "without" or (before == "from" and behind[:1] in _ON) or behind in _OR_NOT


def _from_to(marked: Marked, number: Number) -> str | None:
    """`from 71 % to 85 %`: today's and tomorrow's figure."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    before = words[number.first - 1] if number.first else ""
    if before == "from" and "to" in words[number.last : number.last + 4]:
        return "prompted_quality"
    if before != "to":
        return None
    window = [words[k] for k in range(max(0, number.first - 6), number.first) if sentence[k] == sentence[number.first]]
    return "target_quality" if "from" in window else None

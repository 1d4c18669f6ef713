"""Tokens in, out and of the prompt; words and pages become tokens later, by stated assumptions."""

from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, FOREIGN, PAST_VERB, Marked
from app.facts.units import currency_of, percent_after

WRITES, BECOMES = BIT["role_writes"], BIT["role_becomes"]
VERB_REACH = 5
TOKEN, WORD, PAGE = BIT["token_unit"], BIT["word_unit"], BIT["page_unit"]
IN, OUT, PROMPT, WINDOW = BIT["role_input"], BIT["role_output"], BIT["role_prompt"], BIT["role_window"]
_UNIT_NAMES = {TOKEN: "", WORD: "words", PAGE: "pages"}
_ROLE_NAMES = {IN: "input_tokens", OUT: "output_tokens", PROMPT: "prompt_tokens"}
_BETWEEN = word_set("number_unit_joints")
_BARE_BEHIND = word_set("bare_behind")
_GUIDES = word_set("guide_words")
_SIZED = word_set("sized_words")
_MOVES = frozenset(("go", "goes", "come", "comes", "went", "came", "flow", "flows", "going", "coming", "sent", "are"))
_WAYS = {"in": "input_tokens", "out": "output_tokens", "back": "output_tokens"}
_NAMED = {
    "input": "input_tokens",
    "context": "input_tokens",
    "output": "output_tokens",
    "max": "output_tokens",
    "completion": "output_tokens",
    "answer": "output_tokens",
    "new": "output_tokens",
    "prompt": "prompt_tokens",
    "instruction": "prompt_tokens",
    "system": "prompt_tokens",
}
"""Words right before `tokens` that tell whose they are."""
MAX_INPUT_PAGES = 60
"""Longer works are handbooks and archives, not the input of one request."""
FEWEST_WORDS = 10
ROLE_REACH, ELIDED_REACH = 12, 14
_WRITERS = frozenset(("writer", "generator", "composer"))
_WRITING = _WRITERS | frozenset(("write", "draft", "compose", "generate", "produce", "suggest"))
_OBJECT_ENDS = frozenset(("for", "from", "about", "on", "to", "of", "in", "with", "that", "which", "when", "by", "and"))
OBJECT_REACH, WRITTEN_REACH = 5, 6
"""Tokens behind such a verb that name what is written, and before a size in which that stands again."""
STEM, SHORTEST_STEM = 6, 3
_COPULAS = (["is"], ["are"], ["has"], ["takes"], ["needs"], ["about"], ["around"])
_CONDENSE = frozenset(
    ("condense", "condenses", "shorten", "shortens", "summarise", "summarize", "reduce", "compress", "boil")
)
CONDENSE_REACH = 9
HEADED_REACH = 40
"""Tokens back to an `Input:` that heads the line."""
_STOPS = frozenset((".", "\n", "!", "?"))
OPENING_REACH = 4
"""Tokens from the start of a sentence of its own to its size."""
_HEADS = frozenset(("input", "output", "prompt", "answer"))
_MACHINES = frozenset((
    "job", "script", "service", "assistant", "model", "component", "bot", "tool", "agent", "system", "program", "app",
))  # fmt: skip
_WRITES_ALSO = frozenset(("writes", "drafts", "composes", "generates", "produces"))
MACHINE_REACH = 16
"""Tokens before `writes` in which a machine is its subject; people who write write input."""
LONGEST_WRITTEN = 1000
"""Tokens; a longer size without a noun of its own is that of the input."""
Known = tuple[frozenset[int], frozenset[str]]
"""Tokens of sizes, which own the cues beyond them, and stems of what the task writes."""
_SHORT_ANSWERS = frozenset(("json", "sql", "verdict", "label", "labels", "answer", "answers", "reply", "replies"))


def read_tokens(marked: Marked) -> Iterator[Quantity]:
    """Sizes of input, output and prompt per request."""
    tokens, held = marked.tokens, marked.numbers
    stops = frozenset(k for n in held if _unit(marked, n) for k in range(n.first, n.last))
    written = _written_nouns(marked) if stops else frozenset()
    unit_sentence, named = -2, TOKEN
    for number in held:
        if tokens.quoted[number.first] or number.identifier:
            continue
        unit = _unit(marked, number)
        if unit is None and (role := _unit_before(marked, number)) is not None:
            yield quantity(marked, role, number.value, number.first - 1, number.last, rank=2)
            continue
        here = tokens.sentence[number.first]
        if unit is None:
            listed = here - unit_sentence <= 1 or _is_token_list(marked, number)
            if listed and (role := _elided_role(marked, number, written)) is not None:
                yield quantity(marked, role, number.value, number.first, number.last, _UNIT_NAMES[named], rank=0)
            continue
        mask, last = unit
        unit_sentence, named = here, mask
        role = (
            None
            if marked.scope(number.first, last) & (FOREIGN & ~PAST_VERB)
            else _role(marked, number, last, mask, (stops, written))
        )
        if role is not None:
            yield quantity(
                marked, role, number.value, number.first, last, _UNIT_NAMES[mask], rank=2 if mask == TOKEN else 1
            )


def _unit(marked: Marked, number: Number) -> tuple[int, int] | None:
    """The unit that follows within two tokens (`12,000-token`, `half a page`), and the token after it."""
    marks, words = marked.marks, marked.tokens.words
    for k in range(number.last, min(number.last + 3, len(marks))):
        for mask in (TOKEN, WORD, PAGE):
            if marks[k] & mask:
                return mask, k + 1
        if words[k] not in _BETWEEN:
            return None
    return None


def _unit_before(marked: Marked, number: Number) -> str | None:
    """`max_tokens 512`, `input tokens: 900`, `Tokens: 3,000 in, 200 out`."""
    words, marks = marked.tokens.words, marked.marks
    k = number.first - 1
    while k >= 0 and words[k] in (":", "=", "~", "≈", "≤", "<", "of"):
        k -= 1
    way = _way(words, number.last)
    if k >= 0 and marks[k] & TOKEN:
        if way is not None:
            return way
        named = words[k - 1] if k and marked.tokens.sentence[k - 1] == marked.tokens.sentence[k] else ""
        return _NAMED.get(named)
    told = any(bits & TOKEN for bits in marks[max(0, number.first - ELIDED_REACH) : number.first])
    return way if told else None


def _way(words: list[str], last: int) -> str | None:
    """`900 in`, `120 out`, `1,500 tokens go in`, `60 come back`: which way a size goes, where that ends its phrase."""
    if words[last : last + 1] and words[last] in _MOVES:
        last += 1
    way = _WAYS.get(words[last]) if last < len(words) else None
    after = words[last + 1] if last + 1 < len(words) else "."
    return way if way is not None and (not after[0].isalnum() or after in ("and", "with", "per", "on")) else None


def _is_token_list(marked: Marked, number: Number) -> bool:
    """`Tokens: instruction 1,150; answer 420`: the line is headed by the unit."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    for k in range(number.first - 2, max(number.first - ELIDED_REACH, 0) - 1, -1):
        if sentence[k] != sentence[number.first] and words[k] != ";" and words[k] in _STOPS:
            return False
        if marked.marks[k] & TOKEN and words[k + 1] == ":":
            return True
    return False


def _elided_role(marked: Marked, number: Number, written: frozenset[str]) -> str | None:
    """`10k tokens in, 150 out`, `input 900 tokens, output 60`: a bare figure whose unit was just named."""
    words = marked.tokens.words
    behind = words[number.last] if number.last < len(words) else "."
    if (
        number.year
        or (number.decimal and number.value < 1)
        or percent_after(words, number)
        or currency_of(marked.tokens, number)
    ):
        return None
    if (way := _way(words, number.last)) is not None:
        return way
    if behind not in _BARE_BEHIND and words[number.last : number.last + 2] != ["or", "so"]:
        return None
    sentence = marked.tokens.sentence
    for k in range(number.first - 1, max(number.first - 4, 0) - 1, -1):
        if sentence[k] != sentence[number.first] or k in marked.number_tokens or words[k] == ",":
            return None
        if len(words[k]) > SHORTEST_STEM and words[k][:STEM].rstrip("s") in written:
            return _ROLE_NAMES[OUT]
        for role in (OUT, PROMPT, IN):
            if marked.marks[k] & role:
                return _ROLE_NAMES[role]
    return None


def _role(marked: Marked, number: Number, last: int, unit: int, known: Known) -> str | None:
    """What the size is the size of: the nearest role word, those right behind first."""
    words = marked.tokens.words
    behind = words[last] if last < len(words) else ""
    after = words[last + 1] if last + 1 < len(words) else ""
    if unit == TOKEN and "window" in words[max(0, number.first - 4) : last + 4]:
        return None
    if (way := _way(words, last)) is not None:
        return way
    if behind in ("in", "out") and after not in ("the", "a", "each", "total", "our", "all"):
        return "input_tokens" if behind == "in" else "output_tokens"
    if words[max(0, number.first - 2) : number.first] == ["in", "("]:
        return "input_tokens"
    if words[last : last + 3] in (["in", "the", "prompt"], ["of", "the", "prompt"], ["in", "our", "prompt"]):
        return "prompt_tokens"
    if unit != TOKEN and not _is_sized(marked, number, last, unit):
        return None
    role = _nearest_role(marked, number, last, known[0])
    if role in (None, IN) and _is_written(marked, number, last, known[1], role is None or unit != TOKEN):
        role = OUT
    if role is None and unit == TOKEN and (headed := _headed_role(marked, number.first)) is not None:
        return headed
    if role is None or (unit != TOKEN and role == PROMPT):
        return None
    return _ROLE_NAMES[role]


def _headed_role(marked: Marked, first: int) -> str | None:
    """`Input: the case folder, mails, notes. Between 40,000 and 180,000 tokens.`: the line's heading tells."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    opens = sentence[max(0, first - OPENING_REACH)] != sentence[first]
    for k in range(first - 1, max(first - HEADED_REACH, 0), -1):
        if words[k] == "\n" or sentence[k] < sentence[first] - opens:
            return None
        if words[k] == ":" and words[k - 1] in _HEADS:
            return _NAMED[words[k - 1]]
    return None


def _nearest_role(marked: Marked, number: Number, last: int, stops: frozenset[int]) -> int | None:
    """The noun before a size (`reports of 30 pages`), or behind it (`a 200-word abstract`, `500 tokens of input`)."""
    words, marks = marked.tokens.words, marked.marks
    for k in range(number.last, last):
        if words[k] in _NAMED:
            return next(role for role, name in _ROLE_NAMES.items() if name == _NAMED[words[k]])
    apposed = number.first > 1 and words[number.first - 1] == "," and marks[number.first - 2] & (PAGE | WORD)
    if marked.ahead(number.first - bool(apposed), VERB_REACH) & BECOMES:
        return OUT  # boiled down to a page, 400 tokens
    if marked.ahead(number.first, VERB_REACH) & WRITES and not any(
        marks[k] & WRITES and words[k - 1] in ("is", "are", "be")
        for k in range(max(1, number.first - VERB_REACH), number.first)
    ):
        return OUT
    if words[number.first - 1 : number.first] and words[number.first - 1] in _SHORT_ANSWERS:
        return OUT
    if words[number.first - 1 : number.first] in _COPULAS and _is_of_prompt(marked, number):
        return PROMPT
    if (condensed := _condensed(marked, number)) is not None:
        return condensed
    behind_first = number.attached or words[last : last + 1] == ["of"]
    best: tuple[float, int] | None = None
    for role in (OUT, PROMPT, IN):
        for ahead in (True, False):
            reach = (ROLE_REACH, 0) if ahead else (0, ROLE_REACH)
            away = marked.distance(number.first, last, role, reach, stops)
            if away is None:
                continue
            away += BEHIND_COST * (ahead == behind_first)
            if best is None or away < best[0]:
                best = (away, role)
    return best[1] if best else None


BEHIND_COST = 3.0
"""Tokens that a role word on the less likely side of its size counts as farther away."""


def _is_of_prompt(marked: Marked, number: Number) -> bool:
    """`The system prompt with all action descriptions is 3,500 tokens`: the clause begins with the prompt."""
    clause, first = marked.clause, number.first
    head = first - 1
    while head > 0 and first - head < ROLE_REACH and clause[head - 1] == clause[first]:
        head -= 1
    return bool(marked.marks[head + 1] & PROMPT) and not marked.marks[head + 1] & (IN | OUT)


def _condensed(marked: Marked, number: Number) -> int | None:
    """`Condense 5,000-word interviews to 200 words`: what the verb takes goes in, what stands behind `to` comes out."""
    words, sentence, first = marked.tokens.words, marked.tokens.sentence, number.first
    verbs = [k for k in range(max(0, first - CONDENSE_REACH), first) if words[k] in _CONDENSE]
    if not verbs or sentence[verbs[-1]] != sentence[first]:
        return None
    if words[first - 1] in ("to", "into"):
        return OUT if words[first - 2] not in ("up", "one", "amount", "amounts", "run", "runs") else None
    return IN if number.attached and first - verbs[-1] <= VERB_REACH and "to" not in words[verbs[-1] : first] else None


def _is_written(marked: Marked, number: Number, last: int, written: frozenset[str], by_name: bool) -> bool:
    """`Write decision letters ... Letters are about 450 tokens`: the noun beside the size is what the task writes.

    Where something is written, a size of `each` with no word of input beside it is that of the writing.
    """
    if not written:
        return False
    words, sentence, marks = marked.tokens.words, marked.tokens.sentence, marked.marks
    behind = 2 if words[last : last + 1] and words[last][0].isalnum() else 0
    low, high = max(0, number.first - WRITTEN_REACH), min(len(words), last + behind)
    near = [k for k in range(low, high) if sentence[k] == sentence[number.first] and words[k] not in _WAYS]
    if any(words[k][:STEM].rstrip("s") in written for k in near if len(words[k]) > SHORTEST_STEM):
        return True
    reads = any(marks[k] & IN and words[k] != "each" for k in near)
    return not (by_name or reads) and number.value <= LONGEST_WRITTEN


def _written_nouns(marked: Marked) -> frozenset[str]:
    """Stems of what a verb of writing takes as its object, at a sentence's head or behind `to`; `a diary writer`."""
    words, sentence, found = marked.tokens.words, marked.tokens.sentence, set()
    for i in [i for i, word in enumerate(words) if word in _WRITING or word in _WRITES_ALSO or word == "output"]:
        if words[i] in _WRITERS:
            found.add(words[i - 1][:STEM].rstrip("s"))
            continue
        if words[i] == "output" and words[i + 1 : i + 2] not in ([":"], ["is"]):
            continue
        if words[i] in _WRITES_ALSO and _MACHINES.isdisjoint(
            [words[k] for k in range(max(0, i - MACHINE_REACH), i) if sentence[k] == sentence[i]]
        ):
            continue
        if (
            i
            and words[i] in _WRITING
            and sentence[i - 1] == sentence[i]
            and words[i - 1] not in ("to", "should", "must", "shall", ":", "please")
        ):
            continue
        start = i + 2 if words[i] == "output" else i + 1
        for k in range(start, min(start + OBJECT_REACH, len(words))):
            if sentence[k] != sentence[i] or words[k] in _OBJECT_ENDS or not words[k][0].isalnum():
                break
            if k in marked.number_tokens or marked.marks[k] & (TOKEN | WORD | PAGE):
                break
            if len(words[k]) > SHORTEST_STEM and words[k][0].isalpha():
                found.add(words[k][:STEM].rstrip("s"))
    return frozenset(found)


def _is_sized(marked: Marked, number: Number, last: int, unit: int) -> bool:
    """Pages and words of each document, not of a guide, a glossary or a sentence about them."""
    words = marked.tokens.words
    around = words[max(0, number.first - 8) : last + 4]
    if not _GUIDES.isdisjoint(around) or number.value > MAX_INPUT_PAGES * (1 if unit == PAGE else 1000):
        return False
    if unit == WORD and number.value < FEWEST_WORDS:
        return False
    before, behind = words[max(0, number.first - 3) : number.first], words[last : last + 2]
    if marked.ahead(number.first, VERB_REACH) & BECOMES:
        return True
    if before[-1:] and before[-1] in _SHORT_ANSWERS and not (behind[:1] and behind[0][0].isalnum()):
        return True
    return not _SIZED.isdisjoint((*before, *behind)) or number.attached

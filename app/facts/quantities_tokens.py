"""Tokens in, out and of the prompt; words and pages become tokens later, by stated assumptions."""

from collections.abc import Iterator

from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, FOREIGN, Marked

TOKEN, WORD, PAGE = BIT["token_unit"], BIT["word_unit"], BIT["page_unit"]
IN, OUT, PROMPT, WINDOW = BIT["role_input"], BIT["role_output"], BIT["role_prompt"], BIT["role_window"]
_UNIT_NAMES = {TOKEN: "", WORD: "words", PAGE: "pages"}
_ROLE_NAMES = {IN: "input_tokens", OUT: "output_tokens", PROMPT: "prompt_tokens"}
MAX_INPUT_PAGES = 60
"""Longer works are handbooks and archives, not the input of one request."""


def read_tokens(marked: Marked) -> Iterator[Quantity]:
    """Sizes of input, output and prompt per request."""
    tokens = marked.tokens
    for number in marked.numbers:
        unit = _unit(marked, number)
        if unit is None or tokens.quoted[number.first] or number.identifier:
            continue
        mask, last = unit
        if marked.scope(number.first, last) & FOREIGN or (number.value < 1 and mask == TOKEN):
            continue
        role = _role(marked, number, last, mask)
        if role is None:
            continue
        yield quantity(
            marked, role, number.value, number.first, last, _UNIT_NAMES[mask], rank=2 if mask == TOKEN else 1
        )


def _unit(marked: Marked, number: Number) -> tuple[int, int] | None:
    """The unit that follows within two tokens (`12,000-token`, `half a page`), and the token after it."""
    marks, words = marked.marks, marked.tokens.words
    last = number.last
    for k in range(last, min(last + 3, len(marks))):
        for mask in (TOKEN, WORD, PAGE):
            if marks[k] & mask:
                return mask, k + 1
        if words[k] not in ("a", "of", "input", "output", "prompt", "or", "so", "standard", "printed"):
            return None
    return None


def _role(marked: Marked, number: Number, last: int, unit: int) -> str | None:
    """What the size is the size of: the nearest role word, those right behind first."""
    words, marks = marked.tokens.words, marked.marks
    if (
        unit == TOKEN
        and marked.near(number.first, last, 3, 3) & WINDOW
        and "window" in words[max(0, number.first - 4) : last + 4]
    ):
        return None
    behind = words[last] if last < len(words) else ""
    if behind in ("in", "out") and (
        last + 1 >= len(words) or words[last + 1] not in ("the", "a", "each", "total", "our", "all")
    ):
        return "input_tokens" if behind == "in" else "output_tokens"
    if unit == PAGE and (number.value > MAX_INPUT_PAGES or not _per_item(marked, number)):
        return None
    found = _nearest_role(marked, number, last)
    if found is None:
        return None
    if unit != TOKEN and found == PROMPT:
        return None
    del marks
    return _ROLE_NAMES[found]


def _nearest_role(marked: Marked, number: Number, last: int) -> int | None:
    tokens, marks = marked.tokens, marked.marks
    sentence = tokens.sentence[number.first]
    clause = marked.clause[number.first]
    best: tuple[float, int] | None = None
    for k in range(max(0, number.first - 10), min(len(marks), last + 6)):
        if tokens.sentence[k] != sentence or number.first <= k < last:
            continue
        distance = float(number.first - k if k < number.first else (k - last + 1) * 1.5)
        distance += 0 if marked.clause[k] == clause else 4
        for role in (OUT, PROMPT, IN):
            if marks[k] & role and (best is None or distance < best[0]):
                best = (distance, role)
    return best[1] if best else None


def _per_item(marked: Marked, number: Number) -> bool:
    """Pages of each document, not of a handbook."""
    words = marked.tokens.words
    around = words[max(0, number.first - 8) : number.last + 5]
    return (
        any(w.startswith(("each", "every", "per", "average", "avg", "typical", "up", "long", "about")) for w in around)
        or "pages" not in around
    )

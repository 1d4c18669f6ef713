"""Budgets by the month or for training; prices of single items are told apart (they are signals, not budgets)."""

from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, CURRENT, NEGATION, PAST, RIVAL, Marked
from app.facts.units import DAY, MONTH, PERIODS, QUARTER, TIME_UNITS, YEAR, Period, currency_of, percent_after

BUDGET, TRAINING, PRICE_EACH, NOT_BUDGET = BIT["budget"], BIT["training_money"], BIT["price_each"], BIT["not_budget"]
PRICE_PER_ITEM = "price_per_item"
"""Name under which a price per request is reported; no field of the request holds it."""
FOREIGN_MONEY = PAST | RIVAL
_CAPS = word_set("budget_caps") | word_set("spending")
_BY_PERIODS = (["mo"], ["month"], ["year"], ["yr"], ["annum"], ["quarter"], ["week"])
_CEILINGS = frozenset(("under", "below", "than", "most", "exceed", "within"))
_TOPS = frozenset(("most", "max", "maximum", "tops"))
_REFUSALS = frozenset(("rejected", "refused", "vetoed", "declined", "denied"))
ALLOWED_BEHIND = 8
"""Tokens from an amount within which `at most` makes it a limit."""
_NO_PRICE = word_set("no_price_words")
_SPENT = word_set("spent_words")
_ALLOWED = word_set("allowed_words")
CAP_REACH, ELIDED_REACH = 6, 24
"""Tokens before an amount in which it is called a ceiling, and back to the money whose period it takes over."""
HEADING_REACH = 24
"""Tokens back to a `Per month:` that heads a list."""
SMALLEST_BUDGET = 20
"""Below it an amount is a price."""
NEAR_TRAINING = 4.0
MONTHS_PER_YEAR, MONTHS_PER_QUARTER = 12, 3
Money = tuple[str, float, int, int]


def read_money(marked: Marked) -> Iterator[Quantity]:
    """Budgets in their own currency (`unit` is its ISO code) and prices per item."""
    for number in marked.numbers:
        if number.identifier or marked.tokens.quoted[number.first]:
            continue
        money = currency_of(marked.tokens, number) or _capped(marked, number) or _elided_money(marked, number)
        if money is not None and (made := _budget(marked, number, money)) is not None:
            yield made


def _capped(marked: Marked, number: Number) -> Money | None:
    """`new cap 15k/mo`: a bare figure by the month right behind a word of limits is money, in dollars."""
    words, last = marked.tokens.words, number.last
    if number.year or last >= len(words) or number.value < SMALLEST_BUDGET or percent_after(words, number):
        return None
    by = words[last : last + 1] in (["/"], ["a"], ["per"], ["each"], ["every"])
    monthly = by and words[last + 1 : last + 2] in _BY_PERIODS
    capped = not _CAPS.isdisjoint(words[max(0, number.first - 3) : number.first])
    return ("USD", 1.0, number.first, last) if monthly and capped else None


def _elided_money(marked: Marked, number: Number) -> Money | None:
    """`They charge 3,000 euros a month, we want to stay under 800`: a bare limit in the currency before it."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    behind = words[number.last] if number.last < len(words) else "."
    if number.year or number.suffix == "fraction" or behind[0].isalnum() or percent_after(words, number):
        return None
    if _CEILINGS.isdisjoint(words[max(0, number.first - 2) : number.first]):
        return None
    for other in reversed(marked.numbers_within(number.first - ELIDED_REACH, number.first)):
        money = currency_of(marked.tokens, other)
        if money is not None and sentence[number.first] - sentence[other.first] <= 1:
            return money[0], money[1], number.first, number.last
        return None
    return None


def _budget(marked: Marked, number: Number, money: Money) -> Quantity | None:
    code, factor, first, last = money
    amount = number.value * factor
    foreign = marked.scope(first, last) & FOREIGN_MONEY
    if _is_price(marked, first, last):
        other = not _NO_PRICE.isdisjoint(marked.tokens.words[max(0, first - 6) : first])
        return None if foreign or other else quantity(marked, PRICE_PER_ITEM, amount, first, last, code)
    if marked.is_rejected(last) or _is_refused(marked, first):
        return None
    period = _period(marked, first, last) or _elided_period(marked, first, last)
    if foreign or marked.ahead(first, 2) & NEGATION or _is_small(amount, period):
        return None
    near = marked.near(first, last, 8, 8)
    if _for_training(marked, first, last, period):
        return quantity(marked, "training_budget_usd", amount, first, last, code, rank=1)
    if period is None or _is_other_money(marked, first, last):
        return None
    monthly = MONTH <= period.seconds < YEAR
    if not monthly and not near & BUDGET:
        return None
    months = {YEAR: MONTHS_PER_YEAR, QUARTER: MONTHS_PER_QUARTER}.get(period.seconds, period.seconds / MONTH)
    per_month = amount / months
    rank = 2 if marked.distance(first, last, BUDGET, 8) is not None else 1
    return quantity(
        marked, "monthly_budget_usd", per_month, min(first, period.first), max(last, period.last), code, rank=rank
    )


def _is_small(amount: float, period: Period | None) -> bool:
    """Too little by the month for a budget."""
    return amount * (1 if period is None or period.seconds > MONTH else MONTH / period.seconds) < SMALLEST_BUDGET


def _elided_period(marked: Marked, first: int, last: int) -> Period | None:
    """The month of `The bill is $4,000 a month; the ceiling from January is $1,500`: that of the money before it."""
    words, sentence = marked.tokens.words, marked.tokens.sentence
    behind = words[last] if last < len(words) else "."
    near = [words[k] for k in range(max(0, first - CAP_REACH), first) if sentence[k] == sentence[first]]
    if behind[0].isalnum() or (_CAPS.isdisjoint(near) and _CEILINGS.isdisjoint(near[-2:])):
        return None
    for other in reversed(marked.numbers_within(first - ELIDED_REACH, first)):
        if sentence[first] - sentence[other.first] > 1 or (money := currency_of(marked.tokens, other)) is None:
            continue
        if (period := _period(marked, money[2], money[3])) is not None:
            return period
    return None


def _is_price(marked: Marked, first: int, last: int) -> bool:
    """`0.3 cents a call`, `each request may cost 1 cent`; `each month` is a period."""
    tokens = marked.tokens
    places = [*range(max(0, first - 5), first), *range(last, min(last + 3, len(tokens)))]
    return any(
        marked.marks[k] & PRICE_EACH
        and tokens.sentence[k] == tokens.sentence[first]
        and not (
            tokens.words[k] in ("each", "every") and tokens.words[k + 1 : k + 2] and tokens.words[k + 1] in PERIODS
        )
        for k in places
    )


def _is_other_money(marked: Marked, first: int, last: int) -> bool:
    """Fees, salaries, revenue, and what is being spent today."""
    if _is_spent(marked, first):
        return True
    clause = marked.masks[marked.clause[first]]
    if clause & CURRENT and not clause & BUDGET:
        return True
    cue, budget = marked.distance(first, last, NOT_BUDGET, 8), marked.distance(first, last, BUDGET, 10)
    return cue is not None and (budget is None or cue < budget)


def _is_spent(marked: Marked, first: int) -> bool:
    """`we pay 9,000 a month`, but not `we can pay 9,000`."""
    words, clause = marked.tokens.words, marked.clause
    before = [words[k] for k in range(max(0, first - 8), first) if clause[k] == clause[first]]
    end = min(len(words), first + ALLOWED_BEHIND)
    behind = [words[k] for k in range(first, end) if clause[k] == clause[first]]
    return not _SPENT.isdisjoint(before) and _ALLOWED.isdisjoint(before) and _TOPS.isdisjoint(behind)


def _is_refused(marked: Marked, first: int) -> bool:
    """`The panel rejected fine-tuning for 200k dollars`."""
    words, clause = marked.tokens.words, marked.clause
    places = range(max(0, first - CAP_REACH), first)
    return any(words[k] in _REFUSALS and clause[k] == clause[first] for k in places)


def _is_for_it(marked: Marked, first: int, last: int) -> bool:
    """`... fine-tuning. They'd approve 20k dollars for it`: the sentence before says what `it` is."""
    if marked.tokens.words[last : last + 2] not in (["for", "it"], ["for", "that"], ["for", "this"]):
        return False
    sentence = marked.tokens.sentence
    places = range(max(0, first - ELIDED_REACH), first)
    return any(marked.marks[k] & TRAINING and sentence[k] == sentence[first] - 1 for k in places)


def _for_training(marked: Marked, first: int, last: int, period: Period | None) -> bool:
    """A word of training stands near by, and no period right behind the amount."""
    training = marked.distance(first, last, TRAINING, 9, stops=marked.number_tokens)
    if training is None and period is None and _is_for_it(marked, first, last):
        return not _is_spent(marked, first)
    if training is None or _is_spent(marked, first) or (period is not None and period.first >= last):
        return False
    return period is None or training <= NEAR_TRAINING


def _period(marked: Marked, first: int, last: int) -> Period | None:
    """The period that belongs to an amount: right behind it, or leading (`monthly budget of ...`)."""
    sentence, words = marked.tokens.sentence, marked.tokens.words
    if words[last : last + 3] == ["p", ".", "a"] or words[last : last + 2] in (["/", "year"], ["/", "yr"]):
        return Period(last, last + 2, YEAR)
    if words[last : last + 1] == ["pm"] or words[last : last + 3] == ["p", ".", "m"]:
        return Period(last, last + 1, MONTH)
    ahead: Period | None = None
    for period in marked.periods_within(first - 9, last + 5):
        if sentence[period.first] != sentence[first] or period.seconds < DAY:
            continue
        if period.first >= last:
            between = words[last : period.first]
            return period if "," not in between and not any(w in TIME_UNITS for w in between) else ahead
        if period.last <= first and not marked.numbers_within(period.last, first):
            ahead = period
    return ahead or _heading(marked, first)


def _heading(marked: Marked, first: int) -> Period | None:
    """The `Per month:` of `Per month: 60,000 claims; budget $900`: it heads all that semicolons list."""
    words = marked.tokens.words
    for period in reversed(marked.periods_within(first - HEADING_REACH, first)):
        opens = period.first == 0 or words[period.first - 1] in (".", "\n", "!", "?")
        if opens and words[period.last : period.last + 1] == [":"] and period.seconds >= DAY:
            return None if any(w in (".", "\n") for w in words[period.last : first]) else period
    return None

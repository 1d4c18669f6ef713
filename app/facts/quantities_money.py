"""Budgets by the month or for training; prices of single items are told apart (they are signals, not budgets)."""

from collections.abc import Iterator

from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, FOREIGN, NEGATION, PLANNED, Marked
from app.facts.units import DAY, MONTH, WEEK, Period, currency_of, find_periods

BUDGET, TRAINING, PRICE_EACH, NOT_BUDGET = BIT["budget"], BIT["training_money"], BIT["price_each"], BIT["not_budget"]
PRICE_PER_ITEM = "price_per_item"
"""Name under which a price per request is reported; no field of the request holds it."""


def read_money(marked: Marked) -> Iterator[Quantity]:
    """Budgets in their own currency (`unit` is its ISO code) and prices per item."""
    periods: list[Period] | None = None
    for number in marked.numbers:
        if number.identifier or marked.tokens.quoted[number.first]:
            continue
        money = currency_of(marked.tokens, number)
        if money is None:
            continue
        if periods is None:
            periods = marked.periods
        made = _budget(marked, number, money, periods)
        if made is not None:
            yield made


def _budget(
    marked: Marked, number: Number, money: tuple[str, float, int, int], periods: list[Period]
) -> Quantity | None:
    code, factor, first, last = money
    amount = number.value * factor
    if marked.near(last, last, 0, 3) & PRICE_EACH or marked.near(first, first, 5, 0) & PRICE_EACH:
        foreign = marked.scope(first, last) & FOREIGN
        return None if foreign else quantity(marked, PRICE_PER_ITEM, amount, first, last, code)
    clause = marked.masks[marked.clause[first]]
    near = marked.near(first, last, 12, 8)
    if marked.scope(first, last) & FOREIGN and not clause & PLANNED:
        return None
    if marked.near(first, first, 2, 0) & NEGATION:
        return None
    period = _period(marked, first, last, periods)
    mask = clause | marked.near(first, last, 8, 6)
    if mask & NOT_BUDGET and not mask & BUDGET:
        return None
    if period is not None:
        if not mask & BUDGET and not near & BUDGET:
            return None
        per_month = amount * MONTH / period.seconds if period.seconds != 365 * DAY else amount / 12
        if period.seconds < DAY:
            return None
        name = (
            "training_budget_usd" if clause & TRAINING and period.seconds > WEEK * 5 and False else "monthly_budget_usd"
        )
        return quantity(marked, name, per_month, min(first, period.first), max(last, period.last), code, rank=1)
    if marked.near(first, last, 8, 8) & TRAINING:
        return quantity(marked, "training_budget_usd", amount, first, last, code, rank=1)
    return None


def _period(marked: Marked, first: int, last: int, periods: list[Period]) -> Period | None:
    """The period that belongs to an amount: right behind it, or leading its sentence (`monthly budget of ...`)."""
    sentence = marked.tokens.sentence[first]
    behind = [p for p in periods if last <= p.first <= last + 4 and marked.tokens.sentence[p.first] == sentence]
    if behind:
        return behind[0]
    ahead = [
        p
        for p in periods
        if first - 8 <= p.first < first and marked.tokens.sentence[p.first] == sentence and p.seconds >= DAY
    ]
    return ahead[-1] if ahead else None

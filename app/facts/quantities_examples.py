"""Labelled examples, as against archives, taxonomies and data that could be labelled one day."""

from collections.abc import Iterator

from app.facts.lexicon import word_set
from app.facts.numbers import Number
from app.facts.quantities import Quantity, quantity
from app.facts.scope import BIT, HYPOTHETICAL, NEGATION, PAST, RIVAL, Marked
from app.facts.units import TIME_UNITS, currency_of, percent_after

LABELLED, GOLD, TRAIN, HAVE = BIT["labelled"], BIT["gold_answer"], BIT["for_training"], BIT["have"]
WEAK = BIT["weak_labelled"]
UNFIT, SHOWN = BIT["unfit"], BIT["shown"]
"""Words that make examples of an archive only beside a word of training or examples."""
NONE, NOUN, TAXONOMY, HEADING = BIT["no_examples"], BIT["example_noun"], BIT["taxonomy"], BIT["examples_heading"]
_UNITS = word_set("no_example_units")
_MODALS = word_set("modals")
_TAXONOMY_NOUNS = word_set("taxonomy_nouns")
_COULD = frozenset(("could", "would", "might", "can", "will"))
_FOR_TRAINING = (["for", "training"], ["for", "tuning"], ["for", "learning"], ["to", "train"], ["to", "learn"])
_FOR_TESTING = frozenset(("testing", "evaluation", "validation"))
PURPOSE_REACH = 8
"""Tokens around a figure in which its purpose stands: `500 gold examples for testing and 9,000 for training`."""
_WANTED = (["need"], ["needs"], ["require"], ["requires"], ["want"], ["wants"])
DONE, NO_DATA = BIT["done_adjective"], BIT["no_data"]
PEOPLE_MADE, OUTCOME, LABEL_NOUN, KEPT = BIT["people_made"], BIT["outcome_noun"], BIT["label_noun"], BIT["kept"]
_GIVE = frozenset(
    ("give", "offer", "provide", "hand", "share", "supply", "export", "send", "lend", "deliver", "draw", "use")
)
SPEAKS = (
    SHOWN | LABELLED | GOLD | TRAIN | WEAK | NONE | NO_DATA | NOUN | HEADING | PEOPLE_MADE | OUTCOME | LABEL_NOUN | DONE
)
"""A text without any of these words, and without one of testing, speaks of no examples."""
UNFIT_REACH = 16
"""Tokens behind a figure in which `not reviewed`, `not to be used` takes it back."""
MANY_EXAMPLES = 100
"""So many examples are no shots of a prompt."""
LARGEST_SCHEME = 500
"""So many rules or codes, each with what it stands for, are examples."""
MANY_LABELS = 1000
"""So many labels are examples; fewer are the scheme that they come from."""
OUTCOME_REACH, ITEM_REACH = 4, 4
MOST_EXAMPLES = 1e9
"""Nobody has labelled more; 7B is the size of a base model."""
HIGHEST_SCORE, WHOLE_SHARE = 100, 100
WHOLE_WITHIN = 1e-6
FEWEST = 20
"""A smaller figure beside such words counts shots, labellers or approved sentences."""
ADJECTIVE_REACH, RELATIVE_REACH, AHEAD_REACH, PAST_REACH = 3, 12, 4, 12


def read_examples(marked: Marked, claimed: set[int]) -> Iterator[Quantity]:
    """How many labelled examples exist; 0 when the text says that there are none.

    `claimed` are the first tokens of numbers that are rates: new ones a day, not a stock.
    """
    tokens = marked.tokens
    if not marked.present & SPEAKS and _FOR_TESTING.isdisjoint(tokens.words):
        return
    for number in marked.numbers:
        if (part := _labelled_share(marked, number)) is not None:
            yield part
        if number.first in claimed or _is_whole(marked, number) or not _countable(marked, number):
            continue
        if _none_of(tokens.words, number.first) and marked.near(number.last, number.last, 0, RELATIVE_REACH) & LABELLED:
            yield quantity(marked, "labelled_examples", 0.0, number.first - 1, number.last, rank=1)
        elif rank := _rank(marked, number):
            yield quantity(
                marked, "labelled_examples", number.value, number.first, min(number.last + 3, len(tokens)), rank=rank
            )
    if not marked.present & (NONE | NO_DATA):
        return
    for i, bits in enumerate(marked.marks):
        if (bits & NONE or (bits & NO_DATA and _ends(tokens.words, i + 2))) and not tokens.quoted[i]:
            yield quantity(marked, "labelled_examples", 0.0, i, min(i + 3, len(tokens)), rank=0)
            return


def _ends(words: list[str], k: int) -> bool:
    """`no data` is the whole remark; `no data leaves the house` speaks of something else."""
    return (words[k - 1 : k] == ["data"]) and (k >= len(words) or not words[k][0].isalnum())


def _countable(marked: Marked, number: Number) -> bool:
    tokens = marked.tokens
    words, last = tokens.words, number.last
    if (
        number.identifier
        or tokens.quoted[number.first]
        or number.suffix == "fraction"
        or number.attached
        or number.value < FEWEST
    ):
        return False
    unit = last < len(words) and (words[last] in _UNITS or words[last] in TIME_UNITS)
    many = unit and words[last] in _TAXONOMY_NOUNS and number.value >= LARGEST_SCHEME
    if unit and not (many and _within(marked, last, last + RELATIVE_REACH, GOLD) is not None):
        return words[last + 1 : last + 2] in (["'"], ["’"])  # 60 patients' letters
    before = words[number.first - 1] if number.first else ""
    if before in ("above", "below") or (
        before == "to" and words[number.first - 2] == "up" and number.value < MANY_EXAMPLES
    ):
        return False
    bare_year = number.year and (
        before in ("the", "in", "since", "of", "from") or not (last < len(words) and words[last][0].isalpha())
    )
    if (
        number.suffix in ("B", "b")
        or number.value > MOST_EXAMPLES
        or abs(number.value - round(number.value)) > WHOLE_WITHIN
    ):
        return False
    score = number.first and words[number.first - 1] == "scored" and number.value <= HIGHEST_SCORE
    if score or (last < len(words) and words[last] in ("on", "at", "out")):
        return False  # scored 64 on that benchmark
    return not bare_year and not percent_after(words, number) and currency_of(tokens, number) is None


def _is_whole(marked: Marked, number: Number, share_end: int = -1) -> bool:
    """The 100,000 of `2,300 of our 100,000 images have labels`; of a share that ends before token `share_end`."""
    words, k = marked.tokens.words, number.first - 1
    while k > 0 and words[k] in ("our", "the", "these", "those", "about", "roughly", "some", "all"):
        k -= 1
    return k > 0 and words[k] == "of" and (k - 1 in marked.number_tokens or k == share_end)


def _labelled_share(marked: Marked, number: Number) -> Quantity | None:
    """The 6,000 of `We have labels for 60 % of the 10,000 tickets`."""
    words, end = marked.tokens.words, number.last + percent_after(marked.tokens.words, number)
    half = number.suffix == "fraction"
    if (end == number.last and not half) or words[end : end + 1] != ["of"] or not 0 < number.value <= WHOLE_SHARE:
        return None
    labelled = marked.near(number.first, number.first, AHEAD_REACH, 0) & (LABELLED | HEADING)
    for whole in marked.numbers_within(end, end + AHEAD_REACH):
        labelled = labelled or marked.near(whole.last, whole.last, 0, AHEAD_REACH) & LABELLED
        if not labelled or not _is_whole(marked, whole, end) or not _countable(marked, whole):
            return None
        value = (number.value if half else number.value / WHOLE_SHARE) * whole.value
        return quantity(marked, "labelled_examples", value, number.first, whole.last, rank=5)
    return None


def _none_of(words: list[str], first: int) -> bool:
    return any(words[k] == "none" for k in range(max(0, first - 3), first))


def _rank(marked: Marked, number: Number) -> int:
    """0: no examples; higher: surer."""
    first, last, tokens = number.first, number.last, marked.tokens
    if _is_refused(marked, first, last):
        return 0
    if marked.marks[last - 1] & HEADING or (marked.ahead(first, AHEAD_REACH) | _before_colon(marked, first)) & HEADING:
        return 4
    reach = _reach(marked, last)
    purpose = tokens.words[last : last + 2]
    if purpose in _FOR_TRAINING and marked.near(first, first, PURPOSE_REACH, 0) & (LABELLED | NOUN):
        return 5
    if not _FOR_TESTING.isdisjoint(tokens.words[last:reach][:PURPOSE_REACH]):
        return 1
    adjective = _within(marked, last, last + ADJECTIVE_REACH, LABELLED)
    if adjective is not None and not _other_noun(marked, last, adjective):
        return 5 if tokens.words[max(0, first - 2) : first] in (["of", "which"], ["of", "these"], ["of", "them"]) else 4
    chosen = tokens.words[max(0, first - 2) : first] in (["one", "of"], ["any", "of"])
    relative = _within(marked, last, reach, LABELLED if chosen else LABELLED | GOLD)
    taxonomy = number.value < LARGEST_SCHEME and not _TAXONOMY_NOUNS.isdisjoint(tokens.words[last : last + 1])
    if relative is not None and not taxonomy and not _MODALS.intersection(tokens.words[last:relative]):
        return 3
    if _labelled_before(marked, first) or _made_by_people(marked, number, reach):
        return 2
    if _is_outcome(marked, number, reach):
        return 2
    if _marks(marked, last, last + 1) & DONE and _marks(marked, max(0, first - AHEAD_REACH), reach) & HAVE:
        return 2
    near = _marks(marked, max(0, first - AHEAD_REACH), reach)
    if _within(marked, last, reach, WEAK) is not None and marked.masks[marked.clause[first]] & (TRAIN | NOUN):
        return 2
    if _is_finished(marked, last):
        return 2
    noun = _within(marked, last, reach, NOUN)
    if noun == last and number.value >= MANY_EXAMPLES:
        return 2  # the 480 examples that she wrote down
    if noun is not None and noun - last < ITEM_REACH and _is_item(marked, first):
        return 2  # 900 NL/SQL pairs
    if noun is not None and "(" in marked.tokens.words[last:noun]:
        return 2  # 5,800 (description, script) pairs
    if noun is not None and near & HAVE and not _marks(marked, last, last + 2) & TAXONOMY:
        return 2
    named = last < len(tokens) and tokens.words[last][0].isalpha()
    return 1 if named and near & TRAIN and near & (HAVE | NOUN) and not _marks(marked, last, last + 2) & TAXONOMY else 0


def _is_refused(marked: Marked, first: int, last: int) -> bool:
    """Somebody else's, denied, wanted, unchecked, of the past, or only possible."""
    lead = marked.tokens.words[max(0, first - 3) : first]
    if marked.scope(first, last) & (RIVAL | HYPOTHETICAL) or marked.ahead(first, 3) & NEGATION:
        return True
    if marked.present & UNFIT and _within(marked, last, last + UNFIT_REACH, UNFIT) is not None:
        return True  # 900 mails, not reviewed and not to be used
    if lead[-1:] in _WANTED or marked.ahead(first, PAST_REACH) & PAST:
        return True
    return not _COULD.isdisjoint(lead) and _GIVE.isdisjoint(lead)


def _is_finished(marked: Marked, last: int) -> bool:
    """`650 finished sheets exist`, `2,100 earlier ones can be shown`: done, and there to be had."""
    near = _marks(marked, last, last + 2)
    return bool(
        near & (DONE | KEPT) and _marks(marked, last, last + PAST_REACH) & (SHOWN | GOLD) and not near & TAXONOMY
    )


def _is_item(marked: Marked, first: int) -> bool:
    """The figure opens its clause, as in a list of facts."""
    return first == 0 or marked.clause[first - 1] != marked.clause[first]


def _made_by_people(marked: Marked, number: Number, reach: int) -> bool:
    """`Clerks keyed 35,000 of them`, `3M entries booked by accountants`, `4.5k doctor-written summaries`."""
    behind = _within(marked, number.last, reach, PEOPLE_MADE)
    if behind is not None and not _MODALS.intersection(marked.tokens.words[number.last : behind]):
        return not _marks(marked, number.last, behind) & TAXONOMY or number.value >= MANY_LABELS
    made = marked.ahead(number.first, 2) & PEOPLE_MADE
    near = marked.tokens.words[max(0, number.first - AHEAD_REACH) : min(reach, number.last + AHEAD_REACH)]
    return bool(made) and not _MODALS.intersection(near)


def _is_outcome(marked: Marked, number: Number, reach: int) -> bool:
    """`27k past reasoned decisions`, `30k labels`: what is counted carries its answer."""
    words, last = marked.tokens.words, number.last
    one_of = number.first > 1 and words[number.first - 1] == "of"
    if _marks(marked, last, last + 2) & LABEL_NOUN and number.value >= MANY_LABELS and not one_of:
        return True
    noun = _within(marked, last, min(last + OUTCOME_REACH, reach), OUTCOME)
    return noun is not None and noun > last and bool(_marks(marked, last, noun) & KEPT) and not one_of


def _reach(marked: Marked, last: int) -> int:
    """End of the stretch behind a figure that may still speak of it: up to the next figure or the sentence's end."""
    tokens = marked.tokens
    end = min(last + RELATIVE_REACH, len(tokens))
    for k in range(last, end):
        figure = k in marked.number_tokens and tokens.words[k][0].isdigit()
        if tokens.sentence[k] != tokens.sentence[last - 1] or (figure and "of" not in tokens.words[last : last + 1]):
            return k
    return end


def _marks(marked: Marked, first: int, end: int) -> int:
    found = 0
    for k in range(first, min(end, len(marked.marks))):
        found |= marked.marks[k]
    return found


def _within(marked: Marked, first: int, end: int, bits: int) -> int | None:
    """First token in a stretch of the same sentence that has one of the cues."""
    sentence = marked.tokens.sentence
    for k in range(first, min(end, len(marked.marks))):
        if sentence[k] != sentence[first - 1]:
            return None
        if marked.marks[k] & bits:
            return k
    return None


def _other_noun(marked: Marked, last: int, cue: int) -> bool:
    """`70 labels`, `15 approved sentences`: what is counted is the taxonomy itself."""
    return bool(_marks(marked, last, cue) & TAXONOMY) or bool(_MODALS.intersection(marked.tokens.words[last:cue]))


def _labelled_before(marked: Marked, first: int) -> bool:
    """`our adviser labelled 6,000`, `experts have tagged around 650`, but not `we could label 500`."""
    sentence, words = marked.tokens.sentence, marked.tokens.words
    for k in range(first - 1, max(first - AHEAD_REACH, 0) - 1, -1):
        if sentence[k] != sentence[first] or words[k] in (",", "(", ")"):
            return False
        if marked.marks[k] & LABELLED and words[k].endswith(("ed", "d", "de", "ote", "ept")):
            return not _MODALS.intersection(words[max(0, k - 3) : k])
    return False


def _before_colon(marked: Marked, first: int) -> int:
    """Cues of the words before a colon: `labels: 700`."""
    words = marked.tokens.words
    if first < 2 or words[first - 1] != ":":
        return 0
    return _marks(marked, max(0, first - 4), first - 1)

"""Many word patterns, matched in one pass over the tokens of a text.

A pattern is words with blanks between: `word` itself, `wor*` any word that begins so, `(a|b)` one of several, `[a]` or
`[a|b]` present or not, `_` any one word, `~` up to three words; brackets nest. All patterns form one
automaton whose states are made deterministic when they are first reached, so that a pass costs a look-up or two per
token however many patterns there are. Time is linear in the text: a match is never longer than the longest pattern.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

GAP_WORDS = 3
"""The most words that `~` leaps over."""
STATES_KEPT = 20_000
"""Deterministic states remembered; beyond it all are forgotten, so that hostile texts cannot fill the memory."""
WORDS_KEPT = 65_536
_LONGEST_PREFIX = 16
_ANY = "_"
_PARTS = re.compile(r"[()\[\]|~]|[\w&+./%$=<>≤≥,→:][\w'&+./%$=<>≤≥,→:]*\*?|'(?!\w)")
_GLUED = re.compile(r"[)\]](?!'\s)[^\s|)\](\[]")
"""A word right behind a bracket, such as `(a|b)s`, would be a word of its own; the apostrophe of `agents'` is one."""
_DRAWN = ("_keys", "_labels", "_edges", "_targets", "_ends", "_end_labels")
"""What of `Patterns` is kept; the rest is reached while texts are read."""
Hit = tuple[str, int, int]
"""Label of a pattern, its first token and the token after its last."""


class _State:
    """A set of places in patterns that are reached together."""

    __slots__ = ("after", "labels", "nodes")

    def __init__(self, nodes: frozenset[int], labels: tuple[str, ...]) -> None:
        self.nodes, self.labels = nodes, labels
        self.after: dict[int, _State | None] = {}


class Patterns:
    """Labelled patterns, compiled. Raises ValueError for what is no pattern, or would match nothing at all.

    The automaton lies in flat arrays, in the order of node and word, so that it is read back from a file at once.
    """

    def __init__(self, labels: Mapping[str, Iterable[str]]) -> None:
        drawn = _Drawing()
        for label, patterns in labels.items():
            for pattern in patterns:
                drawn.add(label, pattern)
        self._keys = sorted({key for edges in drawn.edges for key in edges})
        self._labels = list(labels)
        numbers = {key: n for n, key in enumerate(self._keys)}
        names = {label: n for n, label in enumerate(self._labels)}
        self._edges, self._targets = _paired(
            (node * len(numbers) + numbers[key], target)
            for node, edges in enumerate(drawn.edges)
            for key, targets in edges.items()
            for target in targets
        )
        self._ends, self._end_labels = _paired(
            (node, names[label]) for node, found in drawn.accepts.items() for label in found
        )
        self._begin()

    def _begin(self) -> None:
        """No word seen and no state reached yet."""
        self._keys_of: list[tuple[int, ...]] = []
        self._symbol = _symbols({key: n for n, key in enumerate(self._keys)}, self._keys_of)
        self._states: dict[frozenset[int], _State] = {}
        self._start = _State(frozenset((0,)), ())

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _DRAWN}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._begin()

    def hits(self, words: Sequence[str]) -> list[Hit]:
        """Every match, in the order of its first token; matches may overlap."""
        if len(self._states) > STATES_KEPT:
            self._states, self._start = {}, _State(frozenset((0,)), ())
        symbols = [*map(self._symbol, words), -1]
        found: list[Hit] = []
        start, step = self._start, self._step
        begins = start.after
        for i, symbol in enumerate(symbols[:-1]):
            try:
                state = begins[symbol]
            except KeyError:
                state = step(start, symbol)
            if state is None:
                continue
            j = i + 1
            while state is not None:
                if state.labels:
                    found.extend([(label, i, j) for label in state.labels])
                following = symbols[j]
                j += 1
                after = state.after
                state = after[following] if following in after else step(state, following)
        return found

    def _step(self, state: _State, symbol: int) -> _State | None:
        """The state behind `state` and a word; -1 is the end of the text."""
        made = None
        if symbol >= 0:
            size, keys = len(self._keys), self._keys_of[symbol]
            after = {
                target
                for node in state.nodes
                for key in keys
                for target in _found(self._edges, self._targets, node * size + key)
            }
            if after:
                made = self._state(frozenset(after))
        state.after[symbol] = made
        return made

    def _state(self, nodes: frozenset[int]) -> _State:
        made = self._states.get(nodes)
        if made is None:
            ends = {end for node in nodes for end in _found(self._ends, self._end_labels, node)}
            made = self._states[nodes] = _State(nodes, tuple(sorted(self._labels[end] for end in ends)))
        return made


class _Drawing:
    """The automaton while patterns are added: per node the words that lead on, and the labels that end there."""

    def __init__(self) -> None:
        self.edges: list[dict[str, list[int]]] = [{}]
        self.accepts: dict[int, set[str]] = {}

    def add(self, label: str, pattern: str) -> None:
        """Append the nodes of one pattern. Raises ValueError."""
        parts = _PARTS.findall(pattern)
        ends, last = self._sequence(parts, 0, (0,))
        whole = "".join(parts) == pattern.replace(" ", "") == pattern.lower().replace(" ", "")
        if last < len(parts) or 0 in ends or not whole or _GLUED.search(pattern):
            raise ValueError(f"{pattern!r} is no pattern")
        for end in ends:
            self.accepts.setdefault(end, set()).add(label)

    def _sequence(self, parts: list[str], i: int, ends: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        """Nodes at which `parts` from i on have matched, up to a closing bracket or bar, and where that stands."""
        while i < len(parts) and parts[i] not in ("|", ")", "]"):
            if parts[i] in ("(", "["):
                ends, i = self._choice(parts, i, ends)
            elif parts[i] == "~":
                last = ends
                for _ in range(GAP_WORDS):
                    last = self._edge(last, _ANY)
                    ends += last
                i += 1
            else:
                ends, i = self._edge(ends, parts[i]), i + 1
        return ends, i

    def _choice(self, parts: list[str], i: int, starts: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        closing = ")" if parts[i] == "(" else "]"
        ends = starts if closing == "]" else ()
        while i < len(parts) and parts[i] != closing:
            made, i = self._sequence(parts, i + 1, starts)
            ends += made
        if i >= len(parts):
            raise ValueError(f"bracket not closed: {' '.join(parts)}")
        return tuple(dict.fromkeys(ends)), i + 1

    def _edge(self, starts: tuple[int, ...], word: str) -> tuple[int]:
        node = self._node()
        for start in starts:
            self.edges[start].setdefault(word, []).append(node)
        return (node,)

    def _node(self) -> int:
        self.edges.append({})
        return len(self.edges) - 1


def _paired(pairs: Iterable[tuple[int, int]]) -> tuple["array[int]", "array[int]"]:
    """Pairs in order, as two arrays."""
    ordered = sorted(set(pairs))
    return array("Q", (first for first, _ in ordered)), array("I", (second for _, second in ordered))


def _found(firsts: "array[int]", seconds: "array[int]", first: int) -> Iterator[int]:
    """The second of each pair that begins with `first`."""
    i = bisect_left(firsts, first)
    while i < len(firsts) and firsts[i] == first:
        yield seconds[i]
        i += 1


def _symbols(known: Mapping[str, int], keys_of: list[tuple[int, ...]]) -> Callable[[str], int]:
    """A function from a word to a small number; words that no pattern tells apart share theirs."""
    numbers: dict[tuple[int, ...], int] = {}

    @lru_cache(maxsize=WORDS_KEPT)
    def symbol(word: str) -> int:
        found = [word] if word in known and word != _ANY else []
        found += [s for n in range(1, min(len(word), _LONGEST_PREFIX) + 1) if (s := word[:n] + "*") in known]
        if word[0].isalnum() and _ANY in known:
            found.append(_ANY)
        keys = tuple(known[key] for key in found)
        if keys not in numbers:
            numbers[keys] = len(keys_of)
            keys_of.append(keys)
        return numbers[keys]

    return symbol

"""Which language a description is written in: by script, else by its function words; `unknown` where neither tells."""

from collections import Counter
from functools import cache
from types import MappingProxyType
from typing import Any

from app.facts.lexicon import read_data
from app.facts.tokens import Tokens

UNKNOWN = "unknown"
"""Neither script nor function words tell."""
ENGLISH = "en"
WORDS_READ = 600
"""Words from the start that are looked at: a language shows in far fewer."""
SCRIPT_SHARE = 0.3
"""Share of letters outside of Latin script above which the script decides."""
MIN_SHARE = 0.08
"""Share of function words below which no language is claimed; English prose has 0.3 to 0.5, notes 0.1."""
CLEARLY_ENGLISH = 0.2
"""Share of English function words, `the` among them, from which no other language is tried."""
GREEK = "\u0370"
"""First letter behind the Latin scripts."""
FEWEST_DIFFERENT = 2
"""Different function words that claim a language: one alone is an abbreviation more often."""
LEAD = 1.3
"""How far another language must lead over English: names and loan words are common in English texts."""


@cache
def _function_words() -> MappingProxyType[str, tuple[str, ...]]:
    """Languages of each function word."""
    languages: dict[str, tuple[str, ...]] = {}
    for code, words in read_data("languages.yaml")["words"].items():
        for word in words:
            languages[str(word)] = (*languages.get(str(word), ()), code)
    return MappingProxyType(languages)


@cache
def _english_words() -> frozenset[str]:
    return frozenset(word for word, codes in _function_words().items() if ENGLISH in codes)


@cache
def _scripts() -> tuple[tuple[str, str, str], ...]:
    entries: list[Any] = read_data("languages.yaml")["scripts"]
    return tuple((entry["code"], entry["first"], entry["last"]) for entry in entries)


@cache
def language_names() -> MappingProxyType[str, str]:
    """English names of languages and their codes."""
    return MappingProxyType(dict(read_data("languages.yaml")["names"]))


def language_of(tokens: Tokens) -> str:
    """ISO 639-1 code of the language of a text, or `unknown`; quoted words count like others."""
    words = [w for w in tokens.words[:WORDS_READ] if w[0].isalpha()]
    if not words:
        return UNKNOWN
    if not tokens.text.isascii() and (by_script := _by_script(words)) is not None:
        return by_script
    languages = _function_words()
    plain = sum(map(_english_words().__contains__, words))
    if plain >= CLEARLY_ENGLISH * len(words) and "the" in words:
        return ENGLISH
    words = _words(tokens.words[:WORDS_READ])
    counts = Counter(code for word in words for code in languages.get(word, ()))
    english = counts.pop(ENGLISH, 0)
    best, most = max(counts.items(), key=lambda item: item[1], default=("", 0))
    if max(english, most) < MIN_SHARE * len(words) or max(english, most) < 2:
        return ENGLISH if english > most or _looks_english(words) else UNKNOWN
    if len({w for w in words if best in languages.get(w, ())}) < FEWEST_DIFFERENT and english < most:
        return ENGLISH if _looks_english(words) else UNKNOWN
    return best if most > LEAD * english else ENGLISH


def _words(words: list[str]) -> list[str]:
    """The words of a text without units: the `s` of `2 s` is Czech for nobody."""
    return [
        w
        for i, w in enumerate(words)
        if w[0].isalpha() and (len(w) > 1 or i == 0 or not (words[i - 1][0].isdigit() or words[i - 1] in ("'", "/")))
    ]


def _by_script(words: list[str]) -> str | None:
    if max(words) < GREEK:  # the first letters are all Latin
        return None
    letters = [w[0] for w in words]
    counts = Counter(code for c in letters for code, first, last in _scripts() if first <= c <= last)
    if not counts or sum(counts.values()) < SCRIPT_SHARE * len(letters):
        return None
    if counts["ja"]:
        return "ja"
    return counts.most_common(1)[0][0]


def _looks_english(words: list[str]) -> bool:
    """Notes without function words: enough words that our own English lexicon holds."""
    known = sum(w in _NOTE_WORDS for w in words)
    return known >= 2 or (known == 1 and len(words) <= 12)


_NOTE_WORDS = frozenset(
    [
        "classify",
        "extract",
        "summarize",
        "summarise",
        "translate",
        "tickets",
        "emails",
        "documents",
        "daily",
        "per",
        "day",
        "requests",
        "users",
        "customers",
        "latency",
        "answer",
        "answers",
        "labels",
        "labelled",
        "data",
        "json",
        "output",
        "input",
        "tokens",
        "seconds",
        "budget",
        "month",
        "cost",
        "prompt",
        "reports",
        "query",
        "support",
        "batch",
        "nightly",
        "generate",
        "code",
        "review",
        "text",
        "texts",
        "score",
        "volume",
        "calls",
        "messages",
        "model",
        "rank",
        "ranking",
        "condense",
        "categorise",
        "tag",
        "route",
        "triage",
        "write",
        "candidates",
        "listings",
        "week",
        "classification",
        "extraction",
        "convert",
        "spec",
        "docs",
        "draft",
        "app",
        "web",
        "chat",
        "bot",
        "voice",
        "assistant",
        "desk",
        "form",
        "page",
        "schema",
        "strict",
        "style",
        "any",
        "order",
        "sorted",
        "ranked",
        "reviews",
        "comments",
        "captions",
        "letters",
        "notes",
        "claims",
        "cases",
        "questions",
        "students",
        "editor",
        "lawyers",
        "engineers",
        "nurse",
        "hotel",
        "stable",
        "friendly",
        "headings",
        "cards",
        "records",
        "rows",
        "queue",
        "submit",
        "replies",
        "search",
    ]
)

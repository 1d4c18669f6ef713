"""From a request and its report to the page's HTML."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app import __version__
from app.catalogue import Catalogue
from app.errors import InputProblem
from app.records import record
from app.schemas.recommend import RecommendRequest
from app.schemas.report import EffectiveRequirement, Option, Report
from app.schemas.stored import StoredPage
from app.schemas.vocabulary import Domain
from app.web import figures
from app.web.charts import break_even_chart, cost_chart
from app.web.fields import FIELDS, TOPICS, Field, Topic, in_words
from app.web.files import PROMPTING_TOOLS, TOOLS
from app.web.highlight import LETTERS, pieces
from app.web.memory_chart import memory_chart
from app.web.proposal import as_yaml
from app.web.query import Link, Values, by_field

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
NEED_TITLES = {
    "domain_specialization": "Special knowledge",
    "latency": "Speed",
    "cost": "Cost pressure",
    "consistency": "Fixed form",
}
PRICES = "/catalogue/prices"
"""Where a warning about old prices points to: nearly every answer has one, so it does not stand at the top."""
AS_OF = "as_of"
"""The page fills it in itself, so that nobody is told that they said it."""
SHORT = {"prompt_engineering": "prompting", "fine_tuning": "tuning"}


@cache
def environment() -> Environment:
    """The templates; everything is escaped unless a macro made it."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "usd": figures.usd,
        "count": figures.count,
        "seconds": figures.seconds,
        "days": figures.days,
        "gib": figures.gib,
        "percent": figures.percent,
        "used": figures.used,
        "words": in_words,
        "plain": figures.plain,
        "sourced": figures.sourced,
        "linked": figures.linked,
        "named": figures.named,
        "day": figures.day,
        "raw": _raw,
    }
    made.globals |= {
        "between": figures.between,
        "write": {"usd": figures.usd, "seconds": figures.seconds, "days": figures.days},
        "topics": TOPICS,
        "fields": FIELDS,
        "need_titles": NEED_TITLES,
        "letters": LETTERS,
        "short": SHORT,
        "tools": TOOLS,
        "prompting_tools": PROMPTING_TOOLS,
        "first_reasons": 5,
        "entry": _entry,
        "sorted_fields": _sorted_fields,
        "version": __version__,
        "static": _digests(),
    }
    for name in made.list_templates():
        made.get_template(name)  # compiled before the first reader comes
    return made


def _digests() -> dict[str, str]:
    """File name with a digest of its content, so that a browser keeps it as long as it stays the same."""
    return {
        file.name: f"static/{file.name}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"
        for file in sorted(STATIC.iterdir())
        if file.is_file()
    }


def _sorted_fields(
    topic: Topic, values: Values, used: Mapping[str, EffectiveRequirement], problem_of: Mapping[str, InputProblem]
) -> tuple[list[Field], list[Field], str]:
    """A topic's fields of which something is known, those of which nothing is, and a tally of both."""
    said = [f for f in topic.fields if f.name in used or f.name in problem_of or (f.name in values and f.name != AS_OF)]
    silent = [f for f in topic.fields if f not in said]
    bad = sum(f.name in problem_of for f in said)
    given = sum(f.name in values for f in said)
    read = sum(f.name in used and used[f.name].origin == "inferred" for f in said)
    counts = {"to mend": bad, "given": given - bad, "read": read, "assumed": len(said) - given - read}
    tally = ", ".join(f"{number} {word}" for word, number in counts.items() if number > 0)
    return said, silent, tally or ", ".join(f.label.lower() for f in silent)


@lru_cache(maxsize=4096)
def _entry(name: str, value: str, used: EffectiveRequirement | None, problem: InputProblem | None) -> Markup:
    """A field of the form. Most fields of most forms are alike, so they are written once."""
    template = environment().get_template("entry.html")
    return Markup(template.render(field=FIELDS[name], value=value, u=used, problem=problem))  # noqa: S704 - a template's


@record
class Example:
    """A task to try, as a link."""

    title: str
    href: str


@record(eq=False)
class Pages:
    """Writes pages with what this installation knows: names to suggest, tasks to try."""

    names: Mapping[str, tuple[str, ...]]
    examples: tuple[Example, ...]

    def blank(self, values: Values, problems: Iterable[InputProblem] = ()) -> bytes:
        """The form alone, with what is wrong in it."""
        found = tuple(problems)
        return self._write(
            "ask.html", values=values, problems=found, problem_of=by_field(found), used={}, report=None, missing={}
        )

    def answer(self, request: RecommendRequest, report: Report) -> bytes:
        """The form and the answer."""
        values = values_from(request)
        compute, used = report.compute, report.effective_requirements
        volume = used["requests_per_day"].value
        return self._write(
            "answer.html",
            request=request,
            report=report,
            values=values,
            used=used,
            problems=(),
            problem_of={},
            missing={m.requirement: m for m in report.missing},
            sides=_sides(report),
            sure=figures.confidence_in_words(report.recommendation.confidence, report.recommendation.close_call),
            heaviest=max(abs(reason.weight) for reason in report.recommendation.reasons),
            pieces=pieces(request.description, report.scores, used),
            break_even=break_even_chart(compute.break_even, volume),
            months=cost_chart(compute.costs.prompt_engineering, compute.costs.fine_tuning),
            memory=memory_chart(
                compute.training.memory, report.fine_tuning.hardware.gpu, report.fine_tuning.hardware.gpu_count
            ),
            value_at=_value_at,
            urgent=[warning for warning in report.warnings if PRICES not in warning],
            to_keep=request.model_dump_json(exclude_defaults=True),
            proposal=as_yaml(request, report.recommendation.approach),
            address=Link(values),
            asked=Link(values)(as_of=report.as_of.isoformat()).removeprefix("./?"),
        )

    def kept(self, page: StoredPage) -> bytes:
        """The list of kept answers."""
        return self._write("history.html", kept=page.items, next_cursor=page.next_cursor)

    def _write(self, template: str, **shown: Any) -> bytes:
        made = environment().get_template(template)
        return made.render(lists=_lists(self), examples=self.examples, **shown).encode()


@lru_cache(maxsize=4)
def _lists(pages: Pages) -> Markup:
    """The names that text fields suggest, written once."""
    return Markup(environment().get_template("lists.html").render(names=pages.names))  # noqa: S704 - a template's


@record
class Sides:
    """The two options that both plans and both charts are about, the recommended one first, and the other ways."""

    first: Option
    second: Option
    others: tuple[Option, ...]


def _sides(report: Report) -> Sides:
    prompted = "prompt_hosted" if report.prompting.deployment == "hosted" else "prompt_self_hosted"
    planned = {option.approach: option for option in report.options if option.id in (prompted, "tune_self_hosted")}
    first = planned.pop(report.recommendation.approach)
    (second,) = planned.values()
    return Sides(first, second, tuple(option for option in report.options if option not in (first, second)))


def values_from(request: RecommendRequest) -> Values:
    """What the form shows of a request: the way it was understood, in the form's own spelling."""
    given = request.model_dump(mode="json", exclude_none=True)
    flat = {**given.pop("requirements"), **given.pop("preferences"), **given}
    return {name: _text(value) for name, value in flat.items()}


def _raw(value: object) -> str:
    """A threshold as one would type it into the form."""
    return _text(value)


def _value_at(plan: object, path: str) -> str:
    """The plan's own value of a field such as `lora.r`."""
    found = plan
    for step in path.split("."):
        found = getattr(found, step, None)
    return "none" if found is None or found == () else figures.used(found)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return f"{value:,.15g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def names_of(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """What the form's text fields suggest."""
    return {
        "domains": tuple(get_args(Domain)),
        "hosted": tuple(catalogue.hosted_models),
        "base_models": tuple(catalogue.base_models),
        "gpus": tuple(catalogue.gpus),
    }

"""The request twin of a tuning plan has its fields, takes what we answer, and refuses nonsense."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter

from app.errors import InputError
from app.schemas import plan_body
from app.schemas.plan import FineTuningPlan
from app.schemas.plan_body import PlanBody
from app.schemas.validation import parse
from tests.unit.exporters.plans import ALL_PLANS, document


def inner(annotation: object, is_wanted: Callable[[type], bool]) -> Any:
    """The first class of a kind inside an annotation."""
    if isinstance(annotation, type) and is_wanted(annotation):
        return annotation
    return next((found for part in get_args(annotation) if (found := inner(part, is_wanted))), None)


def is_schema(cls: type) -> bool:
    return issubclass(cls, BaseModel)


def test_the_twin_has_exactly_the_fields_of_the_plan() -> None:
    pairs: list[tuple[type[BaseModel], Any]] = [(PlanBody, FineTuningPlan)]
    seen = 0
    while pairs:
        twin, original = pairs.pop()
        theirs = {field.name: field for field in dataclasses.fields(original)}
        assert set(twin.model_fields) == set(theirs), twin
        for name, field in twin.model_fields.items():
            mine, other = inner(field.annotation, is_schema), inner(theirs[name].type, dataclasses.is_dataclass)
            assert (mine is None) == (other is None), name
            if mine is not None:
                pairs.append((mine, other))
        seen += 1
    assert seen >= 8


@pytest.mark.parametrize("name", ALL_PLANS)
def test_what_we_answered_is_taken_back_unchanged(name: str) -> None:
    body = document(name)
    again = json.loads(TypeAdapter(FineTuningPlan).dump_json(parse(PlanBody, body).plan()))
    assert again == body


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"lora__r": -1}, "/lora/r"),
        ({"lora__r": 8.5}, "/lora/r"),
        ({"lora__r": "8"}, "/lora/r"),
        ({"lora__lora_alpha": float("nan")}, "/lora/lora_alpha"),
        ({"training__learning_rate": float("inf")}, "/training/learning_rate"),
        ({"training__learning_rate": 0}, "/training/learning_rate"),
        ({"lora__bias": "all"}, "/lora/bias"),
        ({"method": "ia3"}, "/method"),
        ({"training__lr_scheduler_type": "cosine\nseed: 1"}, "/training/lr_scheduler_type"),
        ({"hardware__gpu": "L40S x=1"}, "/hardware/gpu"),
        ({"lora__rank": 8}, "/lora/rank"),
        ({"data": None}, "/data"),
    ],
)
def test_nonsense_is_refused_where_it_stands(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(PlanBody, document("lora_extraction", **changes))
    assert caught.value.problems[0].pointer == pointer


def test_every_field_is_explained() -> None:
    for name, twin in vars(plan_body).items():
        if isinstance(twin, type) and issubclass(twin, BaseModel) and name.endswith("Body"):
            for field, told in twin.model_json_schema()["properties"].items():
                assert told.get("description"), f"{name}.{field}"

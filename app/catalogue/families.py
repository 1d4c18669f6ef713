"""How Transformers builds each kind of decoder: `data/families.yaml`, read once."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

from app.catalogue.expressions import Expression, expression, names_in
from app.catalogue.files import DATA
from app.catalogue.strict_yaml import read
from app.errors import CatalogueError
from app.kept import kept
from app.records import record
from app.schemas.architecture import Architecture, Form, Group

FILE = "families.yaml"
LayerKind = Literal["all", "dense", "moe"]
Sliding = Literal["none", "all", "after_max_window_layers"] | int
T = TypeVar("T")

ARCHITECTURE_SIZES = frozenset(
    f.name for f in fields(Architecture) if f.type in (int, int | None) and f.name != "num_sliding_layers"
)
"""Sizes that are fields of `Architecture`; any other size that a family names is one of its `extra_sizes`."""
_COMPUTED = frozenset({"q_size", "kv_size", "tie_word_embeddings", "always", "vision.num_hidden_layers"})


@record(kw_only=True)
class PartTemplate:
    """One weight before its sizes are known."""

    path: str
    group: Group
    form: Form
    d_in: Expression
    d_out: Expression
    experts: Expression
    bias: Expression
    when: Expression
    tied: Expression
    layers: LayerKind
    stack: Expression | None
    """Blocks of a stack other than the decoder's; None for the decoder's blocks and for parts outside of any."""
    in_blocks: bool
    roles: tuple[tuple[str, Expression], ...]


@record(kw_only=True)
class Derivation:
    """A field that is computed from others once all are read."""

    when: Expression
    name: str
    value: Expression


@record(kw_only=True)
class Family:
    """One layout of decoders."""

    name: str
    source: str
    parts: tuple[PartTemplate, ...]
    defaults: Mapping[str, Expression]
    plain_defaults: Mapping[str, int | None]
    """The defaults that are numbers rather than expressions: to be told when one is used."""
    tie_word_embeddings: bool
    switches: Mapping[str, bool]
    computed_switches: Mapping[str, Expression]
    derive: tuple[Derivation, ...]
    sliding: Sliding
    fixed_head_dim: bool
    peft_moe: str | None
    vision_names: Mapping[str, str]
    vision_defaults: Mapping[str, int]
    vision_derive: tuple[Derivation, ...]


@record
class Families:
    """All layouts, and what is known of other names."""

    by_name: Mapping[str, Family]
    same_layout: Mapping[str, str]
    not_decoders: frozenset[str]
    checked: str


@cache
def families() -> Families:
    """Every family in `families.yaml`. Raises CatalogueError for a name or expression that does not exist."""
    return kept("families", [DATA / FILE], _read)


def _read() -> Families:
    data = read(DATA / FILE)
    made = {name: _family(name, data) for name in data["families"]}
    return Families(
        by_name=MappingProxyType(made),
        same_layout=MappingProxyType(data["same_layout"]),
        not_decoders=frozenset(data["not_decoders"]),
        checked=str(data["checked"]),
    )


def family(name: str) -> Family:
    """The family of that name, which must be one of `families()`."""
    return families().by_name[name]


def _inherited(name: str, key: str, data: dict[str, Any], missing: T, merge: bool = False) -> T:
    """`key` of the family or of the nearest ancestor that has it; with `merge`, of all of them, own keys first."""
    entry = data["families"][name]
    if "like" not in entry:
        return cast(T, entry.get(key, missing))
    if not merge:
        return cast(T, entry[key]) if key in entry else _inherited(entry["like"], key, data, missing)
    above: Any = _inherited(entry["like"], key, data, missing, merge)
    return cast(T, {**above, **entry.get(key, {})})


def _family(name: str, data: dict[str, Any]) -> Family:
    defaults: dict[str, Any] = _inherited(name, "defaults", data, {}, merge=True)
    switches: dict[str, bool | str] = _inherited(name, "switches", data, {})
    tie = bool(defaults.pop("tie_word_embeddings", False))
    places: dict[str, str] = _inherited(name, "places", data, {})
    set_names: list[str] = _inherited(name, "parts", data, [])
    sets = [_part_set(name, data, one) for one in set_names]
    made = Family(
        name=name,
        source=_inherited(name, "source", data, str(data["source"])),
        parts=tuple(_template(part, one, places) for one in sets for part in one["parts"]),
        defaults=MappingProxyType({k: expression(v) for k, v in defaults.items() if v is not None}),
        plain_defaults=MappingProxyType({k: v for k, v in defaults.items() if isinstance(v, int)}),
        tie_word_embeddings=tie,
        switches=MappingProxyType({k: v for k, v in switches.items() if isinstance(v, bool)}),
        computed_switches=MappingProxyType({k: expression(v) for k, v in switches.items() if isinstance(v, str)}),
        derive=_derivations(_inherited(name, "derive", data, [])),
        sliding=_inherited(name, "sliding", data, cast(Sliding, "none")),
        fixed_head_dim=_inherited(name, "fixed_head_dim", data, False),
        peft_moe=_inherited(name, "peft_moe", data, cast(str | None, None)),
        vision_names=MappingProxyType(_inherited(name, "vision_names", data, {})),
        vision_defaults=MappingProxyType(_inherited(name, "vision_defaults", data, {})),
        vision_derive=_derivations(_inherited(name, "vision_derive", data, [])),
    )
    _check_names(made, sets, defaults, switches, data)
    return made


def _part_set(name: str, data: dict[str, Any], one: str) -> dict[str, Any]:
    found: dict[str, Any] | None = data["part_sets"].get(one)
    if found is None:
        known = ", ".join(sorted(data["part_sets"]))
        raise CatalogueError(FILE, f"families.{name}.parts", f"There is no part set {one!r}.", f"one of {known}.")
    return found


def _template(part: dict[str, Any], part_set: dict[str, Any], places: Mapping[str, str]) -> PartTemplate:
    place = part_set["place"]
    form = part.get("form", "linear")
    group = part.get("group", part_set["group"])
    role = part.get("role", {})
    out = expression(part["out"])
    return PartTemplate(
        path=f"{places[place]}.{part['at']}".lstrip("."),
        group="norm" if form == "norm" and group != "vision" else group,
        form=form,
        d_in=expression(part.get("in", 1)),
        d_out=out,
        experts=expression(part.get("experts", 1)),
        bias=expression(part.get("bias", False)),
        when=expression(part.get("when", "always")),
        tied=expression(part.get("tied", False)),
        layers=part.get("layers", part_set.get("layers", "all")),
        stack=expression("vision.num_hidden_layers") if place == "vision_block" else None,
        in_blocks=place == "block",
        roles=((role, out),) if isinstance(role, str) else tuple((k, expression(v)) for k, v in role.items()),
    )


def _derivations(entries: list[dict[str, Any]]) -> tuple[Derivation, ...]:
    return tuple(
        Derivation(when=expression(entry.get("when", "always")), name=name, value=expression(value))
        for entry in entries
        for name, value in entry.items()
        if name != "when"
    )


def _check_names(
    made: Family, sets: list[dict[str, Any]], defaults: dict[str, Any], switches: dict[str, Any], data: dict[str, Any]
) -> None:
    """Every name in an expression must be a size or a switch of some family: a typing error would count as 0."""
    every_switch = {s for entry in data["families"].values() for s in entry.get("switches", {})}
    vision = {f"vision.{k}" for k in (*made.vision_defaults, *made.vision_names.values(), "intermediate_size")}
    known = ARCHITECTURE_SIZES | _COMPUTED | every_switch | set(defaults) | vision
    keys = ("in", "out", "experts", "bias", "when", "tied")
    read_names = {n for one in sets for part in one["parts"] for k in keys for n in names_in(part.get(k, 0))}
    read_names |= {n for value in (*switches.values(), *defaults.values()) for n in names_in(value or 0)}
    for unknown in sorted(read_names - known):
        detail = f"An expression reads {unknown!r}, which is no size and no switch."
        raise CatalogueError(FILE, f"families.{made.name}", detail, "a size of config.json or a switch.")

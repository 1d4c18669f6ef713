"""Which weights an adapter lands on: PEFT's rules for `target_modules` and `target_parameters`.

Source: peft/tuners/tuners_utils.py (`check_target_module_exists`, `_maybe_include_all_linear_layers`,
`_inject_parameters`) and peft/utils/transformers_weight_conversion.py (`_convert_peft_config_moe`), PEFT 0.21.0.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from app.catalogue.families import family
from app.errors import InputError, nearest_names
from app.estimate.params_patterns import Pattern, PatternError
from app.records import record
from app.schemas.architecture import Inventory, Part

ALL_LINEAR = "all-linear"
MODULE_FORMS = ("linear", "conv1d", "conv", "embedding")
"""Forms that PEFT's LoRA can replace by name."""
GATE_UP = "gate_up_proj"
MOE_NAMES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "mixtral": {"gate": "gate.weight", "w1": GATE_UP, "w3": GATE_UP, "w2": "down_proj"},
        "qwen2_moe": {"gate": "gate.weight", "gate_proj": GATE_UP, "up_proj": GATE_UP, "down_proj": "down_proj"},
    }
)
"""Names of expert projections before Transformers 5 stacked them -> the parameters that took their place
(`_MOE_TARGET_MODULE_MAPPING` in PEFT's transformers_weight_conversion.py)."""
FUSED_PAIR: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"mixtral": ("w1", "w3"), "qwen2_moe": ("gate_proj", "up_proj")}
)
"""The two projections that became one: PEFT gives the fused weight rank 2r, and refuses half of the pair."""


@record
class Hit:
    """A weight that gets an adapter in `layers` (empty for a part outside of any stack), with a multiple of r."""

    part: Part
    layers: tuple[int, ...]
    rank_factor: int = 1


@record
class Wanted:
    """Targets after PEFT has turned old expert names into parameters."""

    modules: tuple[str, ...]
    parameters: tuple[str, ...]
    fused_factor: int
    """Multiple of r on the fused gate and up projection."""


def peft_hits(
    parts: Inventory, modules: tuple[str, ...] | str, parameters: tuple[str, ...], pointer: str
) -> tuple[list[Hit], tuple[str, ...]]:
    """Every weight that PEFT adapts, once each, in the order of the network; and names that it passes over.

    Errors: InputError at `pointer`/target_modules or `pointer`/target_parameters for a target that matches nothing.
    """
    table = family(parts.architecture.family).peft_moe
    factor = 1
    from_pattern = isinstance(modules, str)
    if table and parts.architecture.moe_layers:
        wanted = _converted(parts, modules, parameters, table, pointer)
        modules, parameters, factor = wanted.modules, wanted.parameters, wanted.fused_factor
    on_parameters = _parameter_hits(parts, parameters, factor, pointer)
    if isinstance(modules, str):
        return _merged(parts, _string_hits(parts, modules, pointer), on_parameters, pointer), ()
    by_name = {name: _by_suffix(parts, name) for name in modules}
    on_modules = [hit for hits in by_name.values() for hit in hits]
    unmatched = () if from_pattern else tuple(name for name, hits in by_name.items() if not hits)
    of_experts = {role for p in parts.parts if p.group == "expert" for role, _ in p.roles}
    for name in unmatched:
        if name not in of_experts or not (on_modules or on_parameters):
            raise _nothing(parts, "target_modules", name, pointer)
    return _merged(parts, on_modules, on_parameters, pointer), unmatched


def conversion_drops(parts: Inventory, hits: Iterable[Hit]) -> bool:
    """Whether PEFT's conversion left plain MLPs (dense blocks, shared experts) without the adapters of the experts."""
    hit_groups = {hit.part.group for hit in hits}
    has_plain = any(p.group in ("mlp", "shared_expert") and p.name != "shared_expert_gate" for p in parts.parts)
    return "expert" in hit_groups and has_plain and not hit_groups & {"mlp"}


def _converted(
    parts: Inventory, modules: tuple[str, ...] | str, parameters: tuple[str, ...], table: str, pointer: str
) -> Wanted:
    """What `_convert_peft_config_moe` makes of the targets."""
    names = MOE_NAMES[table]
    asked = _leaf_names(parts, modules, names, pointer) if isinstance(modules, str) else modules
    old_name = {t: next((old for old in names if t == old or t.endswith(f".{old}")), None) for t in asked}
    olds = {old for old in old_name.values() if old is not None}
    pair = set(FUSED_PAIR[table])
    made = dict.fromkeys(new for old, new in names.items() if old in olds)
    if len(olds & pair) == 1:
        missing = (pair - olds).pop()
        detail = f"{(olds & pair).pop()} cannot be adapted without {missing}: they are one fused weight, {GATE_UP}."
        raise InputError.at(f"{pointer}/target_modules", detail, f"Add {missing}, or leave both out.")
    return Wanted(
        modules=tuple(t for t in asked if old_name[t] is None),
        parameters=tuple(dict.fromkeys((*parameters, *made))),
        fused_factor=len(pair) if pair <= olds else 1,
    )


def _leaf_names(parts: Inventory, modules: str, names: Mapping[str, str], pointer: str) -> tuple[str, ...]:
    """Last words of what a string of targets reaches (`_resolve_string_target_modules`)."""
    if modules.lower() == ALL_LINEAR:
        linears = (p.name for p in parts.parts if p.form in ("linear", "conv1d") and p.group != "head")
        return tuple(dict.fromkeys((*linears, *names)))
    pattern = _pattern(modules, pointer)
    reached = (p for p in parts.parts if p.form != "norm" and _matching_layers(p, pattern) is not None)
    found = {p.name for p in reached}
    for old, new in names.items():
        containers = {p.path.rpartition(".")[0] for p in parts.parts if p.path.endswith(f".{new}")}
        if any(pattern.fullmatch(f"{c.format(i)}.{old}") for c in containers for i in parts.architecture.moe_layers):
            found.add(old)
    if not found:
        raise _nothing(parts, "target_modules", modules, pointer, is_pattern=True)
    return tuple(sorted(found - {GATE_UP}))


def _string_hits(parts: Inventory, modules: str, pointer: str) -> list[Hit]:
    """What `all-linear` or a regular expression reaches."""
    if modules.lower() == ALL_LINEAR:
        return [Hit(p, p.layers) for p in parts.parts if p.form in ("linear", "conv1d") and p.group != "head"]
    pattern = _pattern(modules, pointer)
    candidates = (p for p in parts.parts if p.form in MODULE_FORMS)
    hits = [Hit(p, layers) for p in candidates if (layers := _matching_layers(p, pattern)) is not None]
    if not hits:
        raise _nothing(parts, "target_modules", modules, pointer, is_pattern=True)
    return hits


def _pattern(text: str, pointer: str) -> Pattern:
    try:
        return Pattern(text)
    except PatternError as error:
        detail = f"target_modules is a string, so it is read as a regular expression, and it is not one: {error}."
        hint = 'Give a list of names such as ["q_proj", "v_proj"], or "all-linear".'
        raise InputError.at(f"{pointer}/target_modules", detail, hint) from None


def _matching_layers(part: Part, pattern: Pattern) -> tuple[int, ...] | None:
    """Blocks in which the module's full name matches; None when none does.

    A pattern that names no digit cannot tell two indices of equal length apart, so that one of them is enough.
    """
    path = part.path.removesuffix(".weight")
    if not part.layers:
        return () if pattern.fullmatch(path) else None
    if pattern.tells_indices_apart:
        return tuple(i for i in part.layers if pattern.fullmatch(path.format(i))) or None
    one_of_each_length = {len(str(i)): i for i in part.layers}
    fits = {length: pattern.fullmatch(path.format(i)) for length, i in one_of_each_length.items()}
    return tuple(i for i in part.layers if fits[len(str(i))]) or None


def _by_suffix(parts: Inventory, name: str) -> list[Hit]:
    """Modules called `name`, or whose full name ends in `.name`."""
    candidates = (p for p in parts.parts if p.form in MODULE_FORMS)
    return [Hit(p, layers) for p in candidates if (layers := _suffix_layers(p, p.path, name)) is not None]


def _suffix_layers(part: Part, path: str, name: str) -> tuple[int, ...] | None:
    """Blocks in which `path` ends in the words of `name`; a number in `name` stands for that block alone."""
    here, asked = path.split("."), name.split(".")
    if len(asked) > len(here) or not name:
        return None
    layers = part.layers
    for mine, wanted in zip(reversed(here), reversed(asked), strict=False):
        if mine == "{}" and wanted.isdecimal():
            layers = tuple(i for i in layers if str(i) == wanted)
        elif mine != wanted:
            return None
    return layers if layers or not part.layers else None


def _parameter_hits(parts: Inventory, names: tuple[str, ...], fused_factor: int, pointer: str) -> list[Hit]:
    hits = []
    for name in names:
        found = [
            Hit(p, layers, fused_factor if p.name == GATE_UP else 1)
            for p in parts.parts
            if p.form != "norm" and (layers := _suffix_layers(p, _parameter_path(p), name)) is not None
        ]
        if not found:
            raise _nothing(parts, "target_parameters", name, pointer)
        hits += found
    return hits


def _parameter_path(part: Part) -> str:
    return part.path if part.form == "parameter" else f"{part.path}.weight"


def _merged(parts: Inventory, modules: list[Hit], parameters: list[Hit], pointer: str) -> list[Hit]:
    """Each weight once, the blocks of several targets united, in the order of the network."""
    by_module = {id(hit.part) for hit in modules}
    for hit in parameters:
        if id(hit.part) in by_module:
            detail = f"{hit.part.name} is targeted twice, as a module and as a parameter, which PEFT refuses."
            raise InputError.at(f"{pointer}/target_parameters", detail, "Leave it out of one of the two.")
    layers: dict[int, set[int]] = {}
    factors: dict[int, int] = {}
    for hit in (*modules, *parameters):
        layers.setdefault(id(hit.part), set()).update(hit.layers)
        factors[id(hit.part)] = hit.rank_factor
    return [Hit(p, tuple(sorted(layers[id(p)])), factors[id(p)]) for p in parts.parts if id(p) in layers]


def _nothing(parts: Inventory, field: str, name: str, pointer: str, is_pattern: bool = False) -> InputError:
    """The error for a target that matches nothing, with what could be meant."""
    as_parameters = field == "target_parameters"
    known = [
        ".".join(_parameter_path(p).split(".")[-2:]) if as_parameters else p.name
        for p in parts.parts
        if p.form != "norm" and (as_parameters or p.form in MODULE_FORMS)
    ]
    fused = [p.name for p in parts.parts if len(p.roles) > 1 and any(role == name for role, _ in p.roles)]
    renamed = [p.name for p in parts.parts if len(p.roles) == 1 and p.roles[0][0] == name and p.name != name]
    meant = list(dict.fromkeys((*fused, *renamed, *nearest_names(name, known))))
    guess = f"Did you mean {', '.join(meant)}? " if meant else ""
    why = f" Here it is part of {fused[0]}." if fused else ""
    if is_pattern:
        why = " A string is read as a regular expression over full module names; write a list for names."
    return InputError.at(
        f"{pointer}/{field}",
        f"{name[:100]!r} matches nothing in {parts.architecture.model_type}.{why}",
        f"{guess}Known here: {', '.join(dict.fromkeys(known))}.",
        "unknown_target",
    )

"""Any Hugging Face `config.json` -> Architecture: names normalised, defaults filled in, nonsense refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from types import MappingProxyType

from app.catalogue.families import ARCHITECTURE_SIZES, Family, families
from app.errors import InputError, InputProblem, nearest_names
from app.schemas.architecture import Architecture

ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "hidden_size": ("hidden_size", "n_embd", "d_model", "n_embed"),
        "num_hidden_layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
        "num_attention_heads": ("num_attention_heads", "n_head", "num_heads", "n_heads"),
        "num_key_value_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"),
        "intermediate_size": ("intermediate_size", "n_inner", "ffn_hidden_size", "ffn_dim", "ffn_intermediate_size"),
        "vocab_size": ("vocab_size", "padded_vocab_size"),
        "max_position_embeddings": ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "seq_length"),
        "num_experts": ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"),
        "num_experts_per_tok": ("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "moe_k"),
        "num_shared_experts": ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"),
        "head_dim": ("head_dim", "kv_channels", "attention_head_dim"),
    }
)
"""Field of `Architecture` -> the names it goes by in config.json files (each family's attribute_map)."""

LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "hidden_size": 1_000_000,
        "num_hidden_layers": 1_000,
        "num_attention_heads": 100_000,
        "num_key_value_heads": 100_000,
        "intermediate_size": 10_000_000,
        "vocab_size": 100_000_000,
        "num_experts": 1_000_000,
        "max_position_embeddings": 1_000_000_000,
    }
)
"""Sizes above these are slips of the keyboard: each is tens of times the largest that was ever published."""
OTHER_LIMIT = 10_000_000
_MAY_BE_ZERO = frozenset(
    {
        "first_k_dense_replace",
        "max_window_layers",
        "moe_intermediate_size",
        "num_experts",
        "num_experts_per_tok",
        "num_ln_in_parallel_attn",
        "num_shared_experts",
        "q_lora_rank",
        "shared_expert_intermediate_size",
        "sliding_window",
    }
)
_NULL_MEANS_NONE = frozenset({"q_lora_rank", "sliding_window", "num_shared_experts", "num_experts"})
"""Fields in which an explicit null says "none", where leaving them out says "the default"."""
_ALWAYS_NEEDED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
_UNTOLD_DEFAULTS = frozenset(
    {"max_position_embeddings", "sliding_window", "num_ln_in_parallel_attn", "first_k_dense_replace", "kv_channels"}
)
"""Defaults that need no warning: they say nothing of the size of a weight, or hold for every release."""
_BLOCK_RULES = ("first_k_dense_replace", "decoder_sparse_step", "max_window_layers", "sliding_window_pattern")
"""Fields that say which blocks have experts or a sliding window, for every family alike."""
_ATTENTION_TYPES = frozenset({"full_attention", "sliding_attention", "chunked_attention"})
"""The `layer_types` of config.json whose weights are those of attention."""
_TEXT_CONFIGS = ("text_config", "language_config", "llm_config", "thinker_config")
_DEEPEST_TEXT = 3
"""Nested text configurations followed: thinker_config holds a text_config, and nothing published goes deeper."""


@dataclass(slots=True)
class _Reading:
    """One config.json while it is read."""

    config: Mapping[str, object]
    pointer: str
    layout: Family
    sizes: dict[str, int] = field(default_factory=dict)
    switches: dict[str, bool] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    problems: list[InputProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    defaulted: dict[str, int] = field(default_factory=dict)

    def names(self) -> dict[str, int]:
        """Sizes and switches together, as expressions read them."""
        return {**self.sizes, **self.switches}

    def refuse(self, name: str, detail: str, hint: str | None = None) -> None:
        """Note a problem; reading goes on so that all are told at once."""
        self.problems.append(InputProblem(f"{self.pointer}/{name}", detail, hint))


def read_architecture(
    config: Mapping[str, object], pointer: str = "/architecture"
) -> tuple[Architecture, tuple[str, ...]]:
    """The architecture that a `config.json` describes, and warnings about what had to be assumed.

    Errors: InputError with pointers under `pointer` for a field that is missing, of a wrong type, or absurd.
    """
    model_type = _model_type(config, pointer)
    text, text_pointer = _text_part(config, pointer)
    layout, warnings = _layout(model_type, config, text, pointer)
    reading = _Reading(config=text, pointer=text_pointer, layout=layout, warnings=warnings)
    _read_switches(reading)
    _read_sizes(reading)
    _derive(reading)
    _check_missing(reading)
    _check_consistency(reading)
    _read_vision(reading, config, pointer)
    if reading.problems:
        raise InputError(reading.problems, "invalid_architecture")
    if reading.defaulted:
        given = ", ".join(f"{name}={value}" for name, value in sorted(reading.defaulted.items()))
        reading.warnings.append(f"Not given, so Transformers' defaults for {layout.name} are used: {given}.")
    return _architecture(reading, model_type, config), tuple(reading.warnings)


def _model_type(config: Mapping[str, object], pointer: str) -> str:
    model_type = config.get("model_type")
    if model_type is None or model_type == "":
        known = ", ".join(sorted(families().by_name))
        raise InputError.at(f"{pointer}/model_type", "model_type is missing.", f"Copy it from config.json: {known}.")
    if not isinstance(model_type, str) or len(model_type) > 100:
        raise InputError.at(f"{pointer}/model_type", "model_type must be a short string.", 'For example "llama".')
    return model_type


def _text_part(config: Mapping[str, object], pointer: str) -> tuple[Mapping[str, object], str]:
    """The decoder's own fields, nested in multi-modal configurations; the outermost word on tying goes."""
    tied: dict[str, object] = {}
    for _ in range(_DEEPEST_TEXT):
        if "tie_word_embeddings" in config:
            tied.setdefault("tie_word_embeddings", config["tie_word_embeddings"])
        name = next((n for n in _TEXT_CONFIGS if config.get(n) is not None), None)
        if name is None:
            break
        nested = config[name]
        if not isinstance(nested, Mapping):
            raise InputError.at(f"{pointer}/{name}", f"{name} must be an object with the decoder's fields.")
        config, pointer = {**nested, **tied}, f"{pointer}/{name}"
    return config, pointer


def _layout(
    model_type: str, config: Mapping[str, object], text: Mapping[str, object], pointer: str
) -> tuple[Family, list[str]]:
    """The family that builds this configuration, and what to say when it is not quite its own."""
    known = families()
    name = known.same_layout.get(model_type.lower(), model_type)
    if name in known.by_name:
        return known.by_name[name], []
    if model_type in known.not_decoders or config.get("is_encoder_decoder") is True:
        detail = f"{model_type} is not a decoder-only base model; its parameters cannot be counted here."
        raise InputError.at(f"{pointer}/model_type", detail, "Name a causal language model.")
    inner = str(text.get("model_type", ""))
    inner = known.same_layout.get(inner, inner)
    if text is not config and inner in known.by_name:
        warning = f"Of {model_type} only its decoder ({inner}) is counted: its other towers are not known here."
        return known.by_name[inner], [warning]
    return _generic(model_type, text)


def _generic(model_type: str, text: Mapping[str, object]) -> tuple[Family, list[str]]:
    """The nearest common layout for a model_type that is not known, and what may be off."""
    known = families()
    has_experts = any(isinstance(n := text.get(k), int) and n > 1 for k in ALIASES["num_experts"])
    name, kind = "generic", "a Llama-like decoder"
    if has_experts and text.get("kv_lora_rank"):
        name, kind = "deepseek_v3", "a decoder like DeepSeek-V3"
    elif has_experts:
        name, kind = "generic_moe", "a decoder with stacked experts"
    near = nearest_names(model_type, known.by_name, limit=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    warnings = [f"model_type {model_type!r} is not known{meant}; it is counted as {kind}, which may be off."]
    types = text.get("layer_types")
    if isinstance(types, list | tuple) and (odd := {str(t)[:40] for t in types} - _ATTENTION_TYPES):
        warnings.append(f"Its layers of type {', '.join(sorted(odd))} are counted as attention, which they are not.")
    if text.get("tie_word_embeddings") is None:
        warnings.append("tie_word_embeddings is not given; the head is counted as a weight of its own.")
    return known.by_name[name], warnings


def _read_switches(reading: _Reading) -> None:
    for name, default in reading.layout.switches.items():
        value = reading.config.get(name)
        if value is not None and not isinstance(value, bool):
            reading.refuse(name, f"{name} must be true or false.", f"Leave it out for {str(default).lower()}.")
            value = None
        reading.switches[name] = default if value is None else value
    tie = reading.config.get("tie_word_embeddings")
    if tie is not None and not isinstance(tie, bool):
        reading.refuse("tie_word_embeddings", "tie_word_embeddings must be true or false.")
        tie = None
    reading.switches["tie_word_embeddings"] = reading.layout.tie_word_embeddings if tie is None else tie
    for name, computed in reading.layout.computed_switches.items():
        reading.switches[name] = bool(computed(reading.names()))


def _read_sizes(reading: _Reading) -> None:
    """Every size of `Architecture` and of the family, from config.json or else from the family's defaults."""
    layout = reading.layout
    for name in sorted(ARCHITECTURE_SIZES | set(layout.defaults)):
        value, is_given = _given(reading, name)
        if value is not None:
            reading.sizes[name] = value
        elif is_given and name in _NULL_MEANS_NONE:
            reading.sizes[name] = 0
        elif isinstance(plain := layout.plain_defaults.get(name), int):
            reading.sizes[name] = plain
            if name not in _UNTOLD_DEFAULTS:
                reading.defaulted[name] = plain
    reading.rules = {name: value for name in _BLOCK_RULES if (value := _given(reading, name)[0]) is not None}
    for name, default in layout.defaults.items():
        if name not in reading.sizes and name not in layout.plain_defaults:
            reading.sizes[name] = default(reading.names())
    if not any(template.layers == "moe" for template in layout.parts):
        reading.sizes.update(num_experts=0, num_experts_per_tok=0)
    _fill_heads(reading)


def _given(reading: _Reading, name: str) -> tuple[int | None, bool]:
    """The size under any of its names, checked, and whether one of the names was there at all."""
    is_given = False
    for key in ALIASES.get(name, (name,)):
        if key not in reading.config:
            continue
        is_given = True
        value = reading.config[key]
        if value is not None:
            return _checked(reading, name, key, value), True
    return None, is_given


def _checked(reading: _Reading, name: str, key: str, value: object) -> int | None:
    limit = LIMITS.get(name, OTHER_LIMIT)
    is_number = isinstance(value, int) or (isinstance(value, float) and isfinite(value) and value.is_integer())
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_number:
        reading.refuse(key, f"{key} must be a whole number, not {str(value)[:40]!r}.")
    elif value < 0 or (value == 0 and name not in _MAY_BE_ZERO):
        reading.refuse(key, f"{key} must be at least 1, not {value}.", "Leave it out for the default.")
    elif value > limit:
        reading.refuse(key, f"{key} is {value:,}; no base model has more than {limit:,}.", "Check the digits.")
    else:
        return int(value)
    return None


def _fill_heads(reading: _Reading) -> None:
    """Head sizes that config.json may leave to be worked out, as every configuration class of Transformers does."""
    sizes = reading.sizes
    heads, hidden = sizes.get("num_attention_heads"), sizes.get("hidden_size")
    if heads is None or hidden is None:
        return
    sizes.setdefault("num_key_value_heads", heads)
    if reading.layout.fixed_head_dim or not sizes.get("head_dim"):
        sizes["head_dim"] = hidden // heads
        if hidden % heads:
            detail = f"hidden_size {hidden} is not a multiple of num_attention_heads {heads}."
            reading.refuse("num_attention_heads", detail, "Give head_dim if heads are not hidden_size / heads wide.")


def _derive(reading: _Reading) -> None:
    for one in reading.layout.derive:
        if one.when(reading.names()):
            reading.sizes[one.name] = one.value(reading.names())


def _check_missing(reading: _Reading) -> None:
    """All missing fields in one answer, unless they were there and wrong."""
    wrong = {p.pointer.rpartition("/")[2] for p in reading.problems}
    for name in _ALWAYS_NEEDED:
        if name not in reading.sizes and not wrong & set(ALIASES.get(name, (name,))):
            hint = f"Copy it from config.json (also read as {', '.join(ALIASES[name][1:])})."
            reading.refuse(name, f"{name} is missing.", hint)
    if reading.sizes.get("num_experts") and not reading.sizes.get("moe_intermediate_size"):
        reading.refuse("moe_intermediate_size", "moe_intermediate_size is missing, but there are experts.")


def _check_consistency(reading: _Reading) -> None:
    sizes = reading.sizes
    heads, kv_heads = sizes.get("num_attention_heads", 1), sizes.get("num_key_value_heads", 1)
    if kv_heads > heads or heads % kv_heads:
        detail = f"num_key_value_heads {kv_heads} does not divide num_attention_heads {heads}."
        reading.refuse("num_key_value_heads", detail)
    experts, per_token = sizes.get("num_experts", 0), sizes.get("num_experts_per_tok", 0)
    if experts and per_token > experts:
        reading.refuse("num_experts_per_tok", f"num_experts_per_tok {per_token} exceeds the {experts} experts.")
    if experts and not per_token:
        sizes["num_experts_per_tok"] = 1
        reading.warnings.append("num_experts_per_tok is not given; 1 is assumed. It changes speed, not the total.")


def _read_vision(reading: _Reading, config: Mapping[str, object], pointer: str) -> None:
    """Sizes of the vision tower as `vision.<name>`, for a family that has one."""
    layout = reading.layout
    if not layout.vision_defaults:
        return
    nested = config.get("vision_config")
    if nested is None:
        reading.warnings.append("vision_config is not given; Transformers' default vision tower is counted.")
        nested = {}
    if not isinstance(nested, Mapping):
        reading.problems.append(InputProblem(f"{pointer}/vision_config", "vision_config must be an object."))
        return
    tower = _Reading(nested, f"{pointer}/vision_config", layout)
    found = dict(layout.vision_defaults)
    for key, value in nested.items():
        name = layout.vision_names.get(key, key)
        if name in found and value is not None:
            number = int(value) if isinstance(value, bool) else _checked(tower, name, key, value)
            found[name] = number if number is not None else 1
    reading.problems += tower.problems
    reading.sizes.update({f"vision.{name}": value for name, value in found.items()})
    for one in layout.vision_derive:
        reading.sizes[one.name] = one.value(reading.names())


def _moe_layers(reading: _Reading) -> tuple[int, ...]:
    """Blocks with routed experts: after the first dense ones, each `decoder_sparse_step`-th, but not those listed."""
    if not reading.sizes.get("num_experts"):
        return ()
    first = reading.rules.get("first_k_dense_replace", reading.sizes.get("first_k_dense_replace", 0))
    step = reading.rules.get("decoder_sparse_step", 1)
    dense = reading.config.get("mlp_only_layers") or ()
    listed = frozenset(i for i in dense if isinstance(i, int)) if isinstance(dense, list | tuple) else frozenset()
    layers = range(first, reading.sizes["num_hidden_layers"])
    return tuple(i for i in layers if i not in listed and (i + 1) % step == 0)


def _sliding_layers(reading: _Reading) -> int:
    layers = reading.sizes["num_hidden_layers"]
    types = reading.config.get("layer_types")
    if isinstance(types, list | tuple):
        return sum(kind == "sliding_attention" for kind in types)
    rule = reading.layout.sliding
    if not reading.sizes.get("sliding_window") or rule == "none":
        return 0
    if rule == "all":
        return layers
    if rule == "after_max_window_layers":
        first = reading.rules.get("max_window_layers", 0) if reading.switches.get("use_sliding_window") else layers
        return max(0, layers - first)
    return layers - layers // reading.rules.get("sliding_window_pattern", int(rule))


def _architecture(reading: _Reading, model_type: str, config: Mapping[str, object]) -> Architecture:
    sizes = reading.sizes
    on_sliding = _sliding_layers(reading)
    extra = tuple(sorted((k, v) for k, v in sizes.items() if k not in ARCHITECTURE_SIZES))
    plain = {k: sizes.get(k, 0) for k in ARCHITECTURE_SIZES - {"sliding_window", "max_position_embeddings"}}
    return Architecture(
        model_type=model_type,
        family=reading.layout.name,
        **plain,
        tie_word_embeddings=reading.switches["tie_word_embeddings"],
        moe_layers=_moe_layers(reading),
        sliding_window=sizes.get("sliding_window") or None if on_sliding else None,
        num_sliding_layers=on_sliding,
        max_position_embeddings=sizes.get("max_position_embeddings"),
        has_vision_tower=bool(reading.layout.vision_defaults),
        switches=frozenset(k for k, v in reading.switches.items() if v),
        extra_sizes=extra,
        raw=MappingProxyType(dict(config)),
    )

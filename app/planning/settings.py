"""Names and units of the numbers in rules/planning/*.yaml; what each is for stands there, beside its source."""

from app.records import record


@record(kw_only=True)
class RankSettings:
    """rank.yaml."""

    tokens_margin: float
    reference_tolerance: float
    tolerance_exponent: float
    episode_parameters: float
    shift_ordinary: float
    shift_far: float
    floor_narrow: int
    floor_generation: int
    floor_continued_pretraining: int
    floor_reinforcement_learning: int
    cap: int
    cap_reinforcement_learning: int
    full_from_rank: float
    full_from_tokens: float


@record(kw_only=True)
class TrainingSettingsBook:
    """hyperparameters.yaml."""

    lora_alpha_per_rank: float
    rslora_from_rank: int
    rslora_alpha: float
    dropout_small_set: float
    small_set_examples: int
    base_learning_rate: float
    lora_over_full_learning_rate: float
    reference_hidden_size: float
    width_exponent_llama: float
    width_exponent_qwen: float
    width_exponent_other: float
    highest_learning_rate: float
    lowest_learning_rate: float
    high_rank: int
    high_rank_learning_rate: float
    reinforcement_learning_share: float
    batch_small: int
    batch_small_examples: int
    batch_usual: int
    batch_large: int
    batch_large_examples: int
    epochs_few: float
    epochs_few_examples: int
    epochs_some: float
    epochs_some_examples: int
    epochs_small_code: float
    warmup_ratio: float
    warmup_ratio_short: float
    short_run_steps: int
    longest_over_mean: float
    length_step: int
    shortest_length: int
    packed_length: int
    packing_below_share: float
    packing_from_tokens: float
    micro_batch_tokens: int
    largest_micro_batch: int
    weight_decay: float
    max_grad_norm: float
    max_grad_norm_qlora: float
    seed: int
    dora_below_rank: int
    most_hours: float
    setup_hours: float
    product_efficiency: float
    traffic_bytes: float
    head_traffic_bytes: float
    launch_seconds_per_layer: float


@record(kw_only=True)
class ReadinessSettings:
    """readiness.yaml."""

    eval_share: float
    least_eval: int
    most_eval: int
    most_eval_share: float
    pilot_examples: int
    pilot_share: float
    least_train_narrow: int
    most_train_narrow: int
    most_train_open: int
    default_episodes: int


@record(kw_only=True)
class CandidateSettings:
    """candidates.yaml."""

    size_penalty: float
    age_penalty_per_year: float
    experts_penalty: float
    vision_penalty: float
    specialist_bonus: float
    unknown_quality: float
    language_penalty: float
    volume_high_per_day: float
    volume_size_factor: float
    device_parameters: float
    serving_bytes_per_second: float
    serving_seconds_per_token: float
    serving_first_seconds: float
    least_parameters_label: float
    least_parameters_text: float
    context_slack: float
    runners_up: int
    first_token_p95: float
    token_p95: float
    reading_tokens_per_second: float
    limit_penalty: float
    cost_penalty: float
    cost_scale_usd: float
    quality_gap_bonus: float


@record(kw_only=True)
class TechniqueSettings:
    """techniques.yaml."""

    examples_share: float
    least_shots: int
    most_shots: int
    least_example_tokens: int
    pool_from_labels: float
    retrieval_tokens: int
    least_question_tokens: int
    thinking_tokens: int
    short_answer_tokens: int
    thinking_from_seconds: float
    retry_from_seconds: float

"""Hyperparameters by table: rates, batches, epochs, lengths, packing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.planning import hyperparameters as hyper
from app.planning.rank import RankKind, plan_rank
from app.planning.tuning_task import Targeted, TuningTask
from app.schemas.vocabulary import Method
from tests.unit.planning.planning_cases import BOOK, LLAMA, TARGETS

S = BOOK.training
TASK = TuningTask(
    task_type="extraction",
    kind="narrow",
    labelled_examples=1000,
    needed_examples=500,
    train_examples=900,
    eval_examples=100,
    sampled=False,
    tokens_per_example=1000,
    supervised_tokens=90_000,
    loss_tolerance=0.005,
)
TARGETED = Targeted(TARGETS, (), 2_621_440.0)


@pytest.mark.parametrize(
    ("model_type", "hidden", "r", "method", "kind", "rate", "moved"),
    [
        ("llama", 4096, 16, "lora", "narrow", 2.9e-4, ""),  # 5e-4 x (2000 / 4096) ^ 0.781
        ("llama", 8192, 16, "qlora", "narrow", 1.7e-4, ""),
        ("llama", 2048, 16, "lora", "narrow", 3e-4, "highest"),
        ("llama", 40_960, 16, "lora", "narrow", 5e-5, "lowest"),
        ("qwen3", 4096, 16, "lora", "narrow", 3e-4, "highest"),
        ("mistral", 6144, 16, "lora", "narrow", 3e-4, "highest"),
        ("mistral", 8192, 16, "lora", "narrow", 2.7e-4, ""),
        ("llama", 4096, 256, "lora", "narrow", 1e-4, "high_rank"),
        ("llama", 4096, 16, "full", "narrow", 2.9e-5, "full"),
        ("llama", 4096, 16, "lora", "reinforcement_learning", 2.9e-5, "reinforcement_learning"),
    ],
)
def test_learning_rate(
    model_type: str, hidden: int, r: int, method: Method, kind: RankKind, rate: float, moved: str
) -> None:
    shape = replace(LLAMA, model_type=model_type, hidden_size=hidden)
    made = hyper.learning_rate(shape, r, method, replace(TASK, kind=kind), S)
    assert made.value == pytest.approx(rate)
    assert made.moved == moved


@pytest.mark.parametrize(
    ("kind", "examples", "passes"),
    [
        ("narrow", 2000, 3),
        ("narrow", 2001, 2),
        ("narrow", 20_000, 2),
        ("narrow", 20_001, 1),
        ("code", 2000, 4),
        ("code", 2001, 2),
        ("continued_pretraining", 10, 1),
        ("reinforcement_learning", 10, 1),
    ],
)
def test_passes_fall_with_the_number_of_examples(kind: RankKind, examples: int, passes: float) -> None:
    assert hyper.epochs(replace(TASK, kind=kind, train_examples=examples), S) == passes


@pytest.mark.parametrize(
    ("examples", "sequences", "gpus", "micro", "accumulation"),
    [
        (5, 4, 1, 1, 1),
        (40, 4, 1, 4, 1),
        (999, 1, 1, 1, 8),
        (1000, 4, 1, 4, 4),
        (49_999, 4, 1, 4, 4),
        (50_000, 4, 1, 4, 8),
        (50_000, 4, 8, 4, 1),
        (999, 4, 8, 1, 1),
    ],
)
def test_batch(examples: int, sequences: int, gpus: int, micro: int, accumulation: int) -> None:
    task = replace(TASK, train_examples=examples)
    step = hyper.batch(task, hyper.lengths(task, 32768, BOOK), gpus, sequences, 1.0, S)
    assert (step.micro, step.accumulation) == (micro, accumulation)


@pytest.mark.parametrize(
    ("each", "examples", "context", "longest", "packing"),
    [
        (1000, 900, 32768, 2560, False),
        (1000, 900, 2048, 2048, False),
        (50, 900, 32768, 256, False),  # too few tokens to pack
        (200, 20_000, 32768, 2048, True),
        (200, 20_000, 1024, 1024, True),  # as long as the context allows
        (300, 20_000, 1024, 768, False),
        (600, 20_000, 32768, 1536, False),
        (50_000, 900, 32768, 32768, False),
    ],
)
def test_lengths(each: float, examples: int, context: int, longest: int, packing: bool) -> None:
    made = hyper.lengths(replace(TASK, tokens_per_example=each, train_examples=examples), context, BOOK)
    assert (made.max_seq_length, made.packing) == (longest, packing)
    assert made.cut == (each > context)


def test_running_text_fills_its_sequences() -> None:
    made = hyper.lengths(replace(TASK, kind="continued_pretraining", tokens_per_example=700), 8192, BOOK)
    assert (made.packing, made.max_seq_length) == (True, 2048)


def test_packed_batches_count_examples() -> None:
    task = replace(TASK, tokens_per_example=128, train_examples=20_000)
    found = hyper.lengths(task, 32768, BOOK)
    step = hyper.batch(task, found, 1, hyper.sequences_at_once(found, S), 1.0, S)
    assert found.examples_per_sequence == 16
    assert (step.micro, step.accumulation, step.examples, step.steps) == (1, 1, 16, 1250)


@pytest.mark.parametrize(("longest", "sequences"), [(256, 8), (1024, 4), (4096, 1), (40_960, 1)])
def test_sequences_at_once(longest: int, sequences: int) -> None:
    found = hyper.Lengths(max_seq_length=longest, mean_seq_length=1, packing=False, cut=False, few_tokens=False)
    assert hyper.sequences_at_once(found, S) == sequences


@pytest.mark.parametrize(
    ("tokens", "r", "alpha", "rooted", "scale"),
    [(1e5, 8, 16, False, 2), (56e6, 32, 64, False, 2), (112e6, 64, 32, True, 4), (1e9, 256, 32, True, 2)],
)
def test_alpha_and_root_scaling(tokens: float, r: int, alpha: float, rooted: bool, scale: float) -> None:
    rank = plan_rank(BOOK.rank, "narrow", 2_621_440, tokens)
    made = hyper.lora_plan(rank, TARGETED, False, TASK, S)
    assert (made.r, made.lora_alpha, made.use_rslora) == (r, alpha, rooted)
    assert hyper.update_scale(made) == pytest.approx(scale)


@pytest.mark.parametrize(
    ("examples", "experts", "dropout"), [(4999, False, 0.05), (5000, False, 0.0), (100, True, 0.0)]
)
def test_dropout_on_small_sets_and_never_on_experts(examples: int, experts: bool, dropout: float) -> None:
    rank = plan_rank(BOOK.rank, "narrow", 2_621_440, 1e5)
    task = replace(TASK, train_examples=examples)
    assert hyper.lora_plan(rank, TARGETED, experts, task, S).lora_dropout == dropout


def test_dora_only_below_its_rank_and_without_experts() -> None:
    small = replace(plan_rank(BOOK.rank, "narrow", 2_621_440, 1e5), r=4)
    assert hyper.lora_plan(small, TARGETED, False, TASK, S).use_dora
    assert not hyper.lora_plan(small, TARGETED, True, TASK, S).use_dora
    assert not hyper.lora_plan(replace(small, r=8), TARGETED, False, TASK, S).use_dora


@given(
    examples=st.integers(1, 10**9),
    each=st.floats(1, 2e6),
    context=st.integers(16, 10**9),
    gpus=st.sampled_from([1, 2, 4, 8]),
)
def test_batches_and_lengths_are_sane(examples: int, each: float, context: int, gpus: int) -> None:
    task = replace(TASK, train_examples=examples, tokens_per_example=each)
    found = hyper.lengths(task, context, BOOK)
    assert 0 < found.mean_seq_length <= found.max_seq_length <= min(context, hyper.LONGEST_SEQUENCE)
    step = hyper.batch(task, found, gpus, hyper.sequences_at_once(found, S), 1.0, S)
    assert min(step.micro, step.accumulation, step.steps) >= 1
    assert step.micro * step.accumulation * gpus <= max(S.batch_large, gpus)

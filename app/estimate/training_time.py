"""Seconds of one optimizer step: products, memory traffic, kernel launches, unpacking, links, optimizer."""

from dataclasses import replace

from app.catalogue.frameworks import FrameworkProfile, load_frameworks
from app.estimate.flops import Flops, executed_flops
from app.estimate.memory_activations import token_bytes
from app.estimate.memory_weights import Prepared, StaticBytes
from app.estimate.training_settings import Run
from app.records import record
from app.schemas.world import GpuSpec

OVERLAP_POWER = 4
"""Launches and kernels overlap, so the slower of the two rules: a p-norm, smooth where they meet."""
OPTIMIZER_BYTES = 30
"""Bytes moved per parameter by foreach AdamW: weight, gradient and two states read and written, temporaries twice."""
CHECKPOINT_LAUNCHES = 1 / 3
"""Recomputing the forward pass adds a third to the kernels of forward and backward."""
COMPILED_LAUNCHES = 0.6
"""torch.compile fuses elementwise kernels, which are the larger part of all launches."""
ALL_REDUCES_PER_BLOCK = 4
"""Tensor parallelism: two forward, two backward (arXiv 1909.08053)."""
GATHERS = 2
"""FSDP and ZeRO-3 gather every block once forward and once backward."""
SIXTEEN_BIT = 2
MACHINE_GPUS = 8
"""GPUs that share the fast link (DGX and HGX boards)."""
BETWEEN_MACHINES = 50e9
"""One-way bytes per second and GPU between machines: 400 Gbit/s InfiniBand a GPU (NVIDIA DGX H100 data sheet)."""


@record
class StepTime:
    """Seconds of one optimizer step by cause."""

    seconds: float
    compute: float
    """Kernels of all micro-batches, were launches free."""
    launch: float
    """Launches of all micro-batches, were kernels free."""
    links: float
    """Exposed communication as physics would have it."""
    optimizer: float
    uncapped_seconds: float
    """The step as links would have it, even where more GPUs are slower than one."""
    flops: Flops

    @property
    def capped(self) -> bool:
        """Communication would make more GPUs slower than one: `seconds` is what one GPU's pace allows instead."""
        return self.uncapped_seconds > self.seconds

    @property
    def launch_bound(self) -> bool:
        """The GPU waits for the CPU."""
        return self.launch > self.compute


def peak_flops(run: Run, gpu: GpuSpec) -> float:
    """Dense tensor peak of the run's precision; without bf16 tensor cores bf16 is emulated at the pace of fp32."""
    rates = gpu.flops_per_second
    return rates[run.precision] if run.precision in rates else rates["fp32"]


def step_time(base: Prepared, run: Run, static: StaticBytes, profile: FrameworkProfile, gpu: GpuSpec) -> StepTime:
    """Seconds of one optimizer step on every GPU of the run; never more than one GPU alone would take."""
    flops = executed_flops(base, run, run.padded_length)
    unpacking = _unpacked_bytes(base, run, profile) / gpu.bandwidth_bytes_per_second
    compute = _compute_seconds(base, run, flops, profile, gpu) + unpacking
    launch = base.layers * profile.layer_launch_seconds * (1 + (CHECKPOINT_LAUNCHES if run.checkpointing else 0))
    launch = launch * (COMPILED_LAUNCHES if run.torch_compile else 1) + unpacking
    micro = (compute**OVERLAP_POWER + launch**OVERLAP_POWER) ** (1 / OVERLAP_POWER)
    optimizer = OPTIMIZER_BYTES * base.trainable_parameters / _states_split(run) / gpu.bandwidth_bytes_per_second
    links = _link_seconds(base, run, static, profile, gpu) if run.gpu_count > 1 else 0.0
    physical = seconds = run.accumulation * micro + optimizer + links
    if run.gpu_count > 1:
        alone = replace(run, gpu_count=1, tensor_parallel=1, replicas=1, sharding="none")
        limit = run.replicas * step_time(base, alone, static, profile, gpu).seconds
        seconds = min(seconds, limit)
    return StepTime(
        seconds=seconds,
        compute=run.accumulation * compute,
        launch=run.accumulation * launch,
        links=links,
        optimizer=optimizer,
        uncapped_seconds=physical,
        flops=flops,
    )


def _states_split(run: Run) -> int:
    if run.sharding in ("fsdp", "zero2", "zero3"):
        return run.gpu_count
    return run.tensor_parallel


def _compute_seconds(base: Prepared, run: Run, flops: Flops, profile: FrameworkProfile, gpu: GpuSpec) -> float:
    """Kernels of one micro-batch: products at the tensor peak, everything else at the memory's pace."""
    tokens = run.micro_batch_size * run.padded_length / run.tensor_parallel
    peak = peak_flops(run, gpu)
    efficiency = profile.matmul_efficiency * load_frameworks().sustained_share.get(gpu.id, 1.0)
    wide = gpu.flops_per_second.get("bf16", peak) if run.precision == "fp8" else peak
    products = tokens * (flops.products / peak + flops.attention / wide) / efficiency
    return products + tokens * _traffic_bytes(base, run, profile) / gpu.bandwidth_bytes_per_second


def _traffic_bytes(base: Prepared, run: Run, profile: FrameworkProfile) -> float:
    """Bytes per token that elementwise kernels move: in proportion to what they keep for backward."""
    t = token_bytes(base, run, profile)
    kept = t.inside() + t.scores * run.padded_length + t.head
    factor = profile.fused_traffic_factor if run.fused else profile.traffic_factor
    passes = 1 + (CHECKPOINT_LAUNCHES if run.checkpointing else 0)
    return factor * kept * passes


def _unpacked_bytes(base: Prepared, run: Run, profile: FrameworkProfile) -> float:
    """Bytes moved by unpacking quantised weights, once a pass and micro-batch."""
    if run.quantization == "none":
        return 0.0
    per_weight = profile.gptq_dequant_bytes if run.quantization == "gptq4" else profile.dequant_bytes
    passes = 2 + (1 if run.checkpointing else 0)
    return per_weight * passes * base.parts.block_linear_parameters / run.tensor_parallel


def _link_seconds(base: Prepared, run: Run, static: StaticBytes, profile: FrameworkProfile, gpu: GpuSpec) -> float:
    """Exposed communication of one optimizer step."""
    n = run.gpu_count
    link = gpu.link_bytes_per_second if n <= MACHINE_GPUS else min(gpu.link_bytes_per_second, BETWEEN_MACHINES)
    pace = link * profile.link_efficiency
    others = (n - 1) / n
    seconds = 0.0
    if run.sharding in ("fsdp", "zero3"):
        whole = (static.weights + static.adapter) * n
        seconds += run.accumulation * (GATHERS * whole + static.gradients * n) * others / pace
    elif run.replicas > 1:
        per_step = static.gradients * (n if run.sharding == "zero2" else 1)
        seconds += 2 * per_step * others / pace
    if run.tensor_parallel > 1:
        t = run.tensor_parallel
        tokens = run.micro_batch_size * run.padded_length
        values = ALL_REDUCES_PER_BLOCK * base.layers * base.blocks[0].hidden * tokens
        passes = 1 + (CHECKPOINT_LAUNCHES if run.checkpointing else 0)
        bytes_moved = 2 * SIXTEEN_BIT * values * passes * (t - 1) / t
        pace = gpu.link_bytes_per_second if t <= MACHINE_GPUS else min(gpu.link_bytes_per_second, BETWEEN_MACHINES)
        seconds += run.accumulation * profile.tensor_parallel_exposed * bytes_moved / pace
    return seconds

"""The memory stack of the training plan against the GPU's size."""

from app.records import record
from app.schemas.training import MemoryEstimate
from app.units import GIB
from app.web.charts import Scale, Tick, linear_ticks
from app.web.figures import gib

WIDTH, HEIGHT = 640.0, 168.0
LEFT, RIGHT, TOP, BAR = 12.0, 12.0, 42.0, 52.0
_ROOM = 1.06
"""The axis reaches so far beyond the larger of need and GPU."""
_LEAST_LABEL_PIXELS = 34.0
PARTS = {
    "base_weights": "Base weights",
    "adapter_weights": "Adapter weights",
    "optimizer_states": "Optimizer states",
    "gradients": "Gradients",
    "checkpoints": "Kept activations",
    "head_and_loss": "Head and loss",
    "one_block": "Activations of one block",
    "allocator": "Held by the allocator, and CUDA",
}
"""What a component is called; others stand as they are named."""


@record
class Part:
    """One piece of the bar; `shade` is one of the style sheet's patterns."""

    title: str
    amount: str
    share: str
    x: float
    width: float
    shade: int
    number: str
    """Its number in the legend, when it is wide enough to carry one."""


@record(kw_only=True)
class MemoryChart:
    """A stack, the range of the whole, and the GPU's size."""

    title: str
    description: str
    parts: tuple[Part, ...]
    gpu_x: float
    gpu_label: str
    gpu_anchor: str
    low_x: float
    high_x: float
    ticks: tuple[Tick, ...]
    fits: bool


def memory_chart(memory: MemoryEstimate, gpu: str, gpu_count: int) -> MemoryChart:
    """The parts of the peak, what the card shows beyond them, and the GPU's memory."""
    size = memory.device_bytes.expected + memory.headroom_bytes
    top = max(size, memory.device_bytes.high) * _ROOM
    x = Scale(0, top, LEFT, WIDTH - RIGHT)
    each = f"each of {gpu_count} {gpu}" if gpu_count > 1 else f"one {gpu}"
    verdict = "fits on" if memory.fits else "does not fit on"
    need = f"{gib(memory.device_bytes.expected)} ({gib(memory.device_bytes.low)} to {gib(memory.device_bytes.high)})"
    gpu_x = x(size)
    return MemoryChart(
        title="Memory of the training run",
        description=f"Training needs {need} and {verdict} {each} with {gib(size)}.",
        parts=_parts(memory, x),
        gpu_x=gpu_x,
        gpu_label=f"{gpu}: {gib(size)}",
        gpu_anchor="end" if gpu_x > WIDTH / 2 else "start",
        low_x=x(memory.device_bytes.low),
        high_x=x(memory.device_bytes.high),
        ticks=tuple(Tick(x(value * GIB), f"{value:g}") for value in linear_ticks(top / GIB)),
        fits=memory.fits,
    )


def _parts(memory: MemoryEstimate, x: Scale) -> tuple[Part, ...]:
    sizes = [(PARTS.get(part.name, part.name.replace("_", " ")), float(part.bytes)) for part in memory.components]
    whole = memory.device_bytes.expected
    sizes.append((PARTS["allocator"], max(0.0, whole - sum(size for _, size in sizes))))
    made, at = [], 0.0
    for shade, (title, size) in enumerate(sizes):
        left, width = x(at), x(at + size) - x(at)
        number = str(shade + 1) if width >= _LEAST_LABEL_PIXELS / 2 else ""
        made.append(Part(title, gib(size), f"{size / whole:.0%}", left, round(width, 1), shade % 8, number))
        at += size
    return tuple(made)

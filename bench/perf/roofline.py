"""The roofline (Williams, Waterman, Patterson 2009): what the machine could do for a network, and which limit binds.

It holds for direct convolutions whose activations lie in main memory: caches and cleverer algorithms may beat it.
Arithmetic is measured as products of square matrices, the best of a few sides; memory as the copy of a large buffer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import torch

from hourglass_bench.bench.machine.clock import Stopwatch
from hourglass_bench.bench.machine.precision import set_arithmetic
from hourglass_bench.bench.perf.cost import Cost
from hourglass_bench.bench.perf.records import Rates

SECONDS = 0.1
"""Least duration of one measurement."""
SIDES = {"cpu": (512, 1024, 2048), "cuda": (2048, 4096, 8192), "mps": (1024, 2048, 4096)}
BUFFER = {"cpu": 1 << 28, "cuda": 1 << 30, "mps": 1 << 28}
"""Bytes: several times the largest caches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Roof:
    """What the machine could do for a network in one precision."""

    precision: str
    side: int
    """Of the matrices whose product was fastest."""
    matmul: float
    """Floating-point operations per second."""
    copy: float
    """Bytes per second, read and written."""
    flops: int
    """Per image."""
    bytes: int
    """Per image."""

    @property
    def matmul_images(self) -> float:
        """Images per second that the arithmetic allows."""
        return self.matmul / self.flops

    @property
    def copy_images(self) -> float:
        """Images per second that the memory allows."""
        return self.copy / self.bytes

    @property
    def images(self) -> float:
        """Images per second under both limits."""
        return min(self.matmul_images, self.copy_images)

    @property
    def binds(self) -> str:
        """The limit that is reached first."""
        return "arithmetic" if self.matmul_images <= self.copy_images else "memory"


def make_roof(rates: Sequence[Rates], cost: Cost, dtype: torch.dtype) -> Roof:
    """Medians of the measured rates against what an image costs."""
    precision = precision_name(dtype)
    medians = {side: median(rate.matmul[precision][side] for rate in rates) for side in rates[0].matmul[precision]}
    side = max(medians, key=medians.__getitem__)
    return Roof(
        precision=precision,
        side=side,
        matmul=medians[side],
        copy=median(rate.copy for rate in rates),
        flops=cost.flops,
        bytes=cost.moved * dtype.itemsize,
    )


def precision_name(dtype: torch.dtype) -> str:
    """`float32`, `bfloat16`."""
    return str(dtype).removeprefix("torch.")


class Probe(NamedTuple):
    """What is measured; can be sent to a process."""

    device: str
    dtypes: tuple[torch.dtype, ...]


def probe(task: Probe, report: Callable[[Rates], None]) -> None:
    """Measure the device over and over."""
    device = torch.device(task.device)
    # Convolutions in float32 round to TF32 on GPUs by default; the roof must not be lower than what stands below it.
    set_arithmetic("tf32", device)
    while True:
        matmul = {
            precision_name(dtype): {side: matmul_rate(side, dtype, device) for side in SIDES[device.type]}
            for dtype in task.dtypes
        }
        report(Rates(matmul=matmul, copy=copy_rate(BUFFER[device.type], device)))


def matmul_rate(side: int, dtype: torch.dtype, device: torch.device) -> float:
    """Floating-point operations per second of the product of two square matrices."""
    left, right = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(left)
    return 2 * side**3 * _per_second(lambda: torch.mm(left, right, out=out), device)


def copy_rate(size: int, device: torch.device) -> float:
    """Bytes read and written per second by copying a buffer of `size` bytes."""
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    return 2 * size * _per_second(lambda: target.copy_(source), device)


def _per_second(call: Callable[[], object], device: torch.device) -> float:
    """Calls per second, after a first one that does not count."""
    call()
    clock, calls = Stopwatch(device), 0
    while calls == 0 or clock.seconds() < SECONDS:
        call()
        calls += 1
    return calls / clock.seconds()

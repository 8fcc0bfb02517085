"""What the machine can do at most, whatever a network asks of it."""

from collections.abc import Iterator

import torch

from hourglass_bench.bench.check.lines import Line, Task
from hourglass_bench.bench.check.workload import arithmetics
from hourglass_bench.bench.machine.precision import set_arithmetic, torch_dtype
from hourglass_bench.bench.perf.roofline import BUFFER, SIDES, copy_rate, matmul_rate


def measure(task: Task) -> Iterator[Line]:
    """The best of a few sides for each arithmetic, and the copy of a buffer that no cache holds."""
    device = torch.device(task.device)
    sides = SIDES[device.type][: 1 if task.short else None]
    for arithmetic in arithmetics(device):
        set_arithmetic(arithmetic, device)
        rates = {side: matmul_rate(side, torch_dtype(arithmetic), device) for side in sides}
        side = max(rates, key=rates.__getitem__)
        figures = {"TFLOP/s": rates[side] / 1e12}
        yield Line(name=f"matrix product, {arithmetic}", figures=figures, note=f"side {side}")
    size = BUFFER[device.type] // (8 if task.short else 1)
    yield Line(name="copy", figures={"GB/s": copy_rate(size, device) / 1e9}, note="read and written")

"""How much of what the machine could do a training reaches, and in which kernels the rest goes."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined]  # torch names it in no __all__
from torch.profiler import ProfilerActivity, profile

from hourglass_bench.bench.check.lines import Line, Task
from hourglass_bench.bench.check.speed import HARNESS, SECONDS, SIDE, WARM_UP, Lane, harness, speed_config
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.machine.clock import synchronize
from hourglass_bench.bench.machine.precision import resolve, set_arithmetic, torch_dtype
from hourglass_bench.bench.perf.cost import costs
from hourglass_bench.bench.perf.records import Rates
from hourglass_bench.bench.perf.roofline import BUFFER, SIDES, Roof, copy_rate, make_roof, matmul_rate, precision_name

KERNELS = 10
"""That are named, those that take longest first."""
NAME = 60
"""Characters of a kernel's name."""
STEPS = 3
"""That are profiled."""


def measure(task: Task) -> Iterator[Line]:
    """The share of the roof, then a line for each of the longest kernels of a step, or of a graph's replay."""
    device = torch.device(task.device)
    batch = 128 if device.type == "cuda" else 32
    config = speed_config(batch, 64 if task.short else SIDE)
    lane = Lane(HARNESS, config, device)
    lane.drive(0.2 if task.short else SECONDS)
    roof = roof_of(config, device)
    line = lane.line([])
    figures = line.figures
    if lane.rates:
        figures = {**figures, "roof, images/s": roof.images, "share of it, %": 100 * lane.rates[0] / roof.images}
    note = line.note or f"{roof.precision}, {roof.binds} binds"
    yield Line(name=line.name, figures=figures, note=note)
    yield from longest_kernels(config, device)


def roof_of(config: RunConfig, device: torch.device) -> Roof:
    """By the rates in the arithmetic of the training."""
    arithmetic = resolve(config.training.precision, device)
    set_arithmetic(arithmetic, device)
    dtype = torch_dtype(arithmetic)
    products = {side: matmul_rate(side, dtype, device) for side in SIDES[device.type]}
    rates = Rates(matmul={precision_name(dtype): products}, copy=copy_rate(BUFFER[device.type], device))
    return make_roof([rates], costs(config.architecture, *config.data.size).train, dtype)


def longest_kernels(config: RunConfig, device: torch.device) -> Iterator[Line]:
    """Of a GPU its kernels, of a CPU the operators, without those that they call."""
    on_gpu = device.type == "cuda"
    train = harness(config, device)
    train(WARM_UP[device.type])
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as profiler:
        train(STEPS)
        synchronize(device)
    kind = DeviceType.CUDA if on_gpu else DeviceType.CPU
    events: Any = [event for event in profiler.key_averages() if event.device_type == kind]
    seconds = {
        event.key: (event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e6 for event in events
    }
    total = sum(seconds.values())
    for name in sorted(seconds, key=seconds.__getitem__, reverse=True)[:KERNELS]:
        figures = {"ms of a step": 1e3 * seconds[name] / STEPS, "of a step, %": 100 * seconds[name] / total}
        yield Line(name=name[:NAME], figures=figures)
    if not seconds:
        yield Line(name="kernels", note="the profiler saw none; on some machines it needs a right that users lack")

"""Trainings of the study depth_width per hour, by the number of workers that share the device.

Workers train whole trainings as those of a study do, without what a study writes: on frames that each holds, by
`bench.training.train`. A few epochs are measured. Set-up and the first one, in which graphs are captured, count once;
those that follow it stand for all others of the study.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import torch

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.examples import LARGE, MIDDLE, SMALL
from hourglass_bench.bench.check.lines import Line, Task, cause
from hourglass_bench.bench.check.workload import frames_on, run_config
from hourglass_bench.bench.config import DataConfig, RunConfig
from hourglass_bench.bench.data.split import split_frames
from hourglass_bench.bench.machine.allocator import keep_freed_memory
from hourglass_bench.bench.machine.device import cores
from hourglass_bench.bench.perf.isolated import IsolatedProcess
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.setup import execution_choices, make_trainer, planned_steps
from hourglass_bench.bench.training.train import EpochRecord, train

SIDE, BATCH, EPOCHS = 128, 32, 50
"""Frames, batch and epochs of the study's trainings."""
FRAMES, FOLDS = 480, DataConfig().folds
"""Of the built-in dancers, by which the study trains where no folder is named."""
WORKERS = (1, 2, 4, 8)


class Round(NamedTuple):
    """What a worker trains each time it has its turn; can be sent to a process."""

    device: str
    networks: tuple[ArchitectureConfig, ...]
    epochs: int
    """Of a training, two at least."""
    frames: int


def measure(task: Task) -> Iterator[Line]:
    """A line for each number of workers, all of which are started before the first one is timed."""
    counts, round_ = plan(task)
    with ExitStack() as stack, ThreadPoolExecutor(counts[-1]) as pool:
        workers = [stack.enter_context(IsolatedProcess(f"worker {n}", work, round_)) for n in range(counts[-1])]
        failures = list(pool.map(_start, workers))
        ready = [worker for worker, failure in zip(workers, failures, strict=True) if not failure]
        for count in counts:
            if count <= len(ready):
                seconds = pool.map(IsolatedProcess.step, ready[:count])
                rate = sum(3600 * len(round_.networks) / of for of in seconds)
                yield Line(name=_workers(count), figures={"trials/h": rate})
        if len(ready) < len(workers):  # such as where only one process may use the GPU
            yield Line(name=f"{_workers(len(workers))}: {len(ready)} came up", note=next(filter(None, failures)))


def _start(worker: IsolatedProcess[float]) -> str:
    """A first round, by which libraries are loaded and kernels chosen; why it failed, or nothing."""
    try:
        worker.step()
    except RuntimeError as error:
        return cause(str(error))
    return ""


def plan(task: Task) -> tuple[tuple[int, ...], Round]:
    """Numbers of workers, and what each of them trains."""
    if torch.device(task.device).type == "cuda":
        return WORKERS, Round(task.device, (SMALL, MIDDLE, LARGE), epochs=4, frames=FRAMES)
    if task.short:
        return WORKERS[:2], Round(task.device, (SMALL,), epochs=2, frames=FOLDS * BATCH)
    counts = tuple(count for count in WORKERS if count <= cores())
    return counts, Round(task.device, (SMALL, MIDDLE), epochs=2, frames=FOLDS * BATCH)


def work(round_: Round, report: Callable[[float], None]) -> None:
    """Train the networks one after the other, again and again; report the seconds that they would take in the study."""
    device = torch.device(round_.device)
    torch.set_num_threads(1)  # workers share the cores
    if device.type == "cpu":
        keep_freed_memory()
    data = frames_on(device, round_.frames, SIDE)
    configs = [run_config(network, SIDE, batch_size=BATCH, epochs=round_.epochs) for network in round_.networks]
    while True:
        report(sum(seconds(config, data, device) for config in configs))


def seconds(config: RunConfig, data: DeviceFrames, device: torch.device) -> float:
    """Of a training as long as those of the study, by a shorter one."""
    times = [time.perf_counter()]

    def on_epoch(_: EpochRecord) -> None:
        times.append(time.perf_counter())

    split = split_frames(data.scenes, config.data, config.repeat)
    execution = execution_choices(config, device)[0]
    trainer = make_trainer(config, planned_steps(config.training, split), device, execution)
    train(trainer, data, split, on_epoch)
    epoch = (times[-1] - times[1]) / (len(times) - 2)
    set_up = times[1] - times[0] - epoch
    return set_up + EPOCHS * epoch * FRAMES / len(data.scenes)


def _workers(count: int) -> str:
    return f"{count} worker{'s' * (count > 1)}"

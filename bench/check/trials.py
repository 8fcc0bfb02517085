"""Trainings of the study depth_width per hour, by the number of workers that share the device.

Workers train whole trainings as those of a study do, without what a study writes: on frames that each holds, by
`bench.training.train`. A few epochs are measured; the figure is for as many as the study has.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import torch

from architectures.config import ArchitectureConfig, widths
from architectures.registry import configure
from bench.check.lines import Line, Task
from bench.check.workload import frames_on, run_config
from bench.config import DataConfig
from bench.data.split import split_frames
from bench.machine.allocator import keep_freed_memory
from bench.machine.device import cores
from bench.perf.isolated import IsolatedProcess
from bench.training.setup import execution_choices, make_trainer, planned_steps
from bench.training.train import train

SMALL = configure("hourglass", widths(8, 2, 1.0), norm="batch")
MIDDLE = configure("unet", widths(32, 4, 1.5), norm="batch")
LARGE = configure("unet", widths(64, 5, 2.0), norm="batch")
"""Sizes that the study has."""
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
    frames: int

    @property
    def trainings(self) -> float:
        """How many of the study's it stands for, by the frames that pass."""
        return len(self.networks) * self.epochs * self.frames / (EPOCHS * FRAMES)


def measure(task: Task) -> Iterator[Line]:
    """A line for each number of workers, all of which are started before the first one is timed."""
    counts, round_ = plan(task)
    with ExitStack() as stack, ThreadPoolExecutor(counts[-1]) as pool:
        workers = [stack.enter_context(IsolatedProcess(f"worker {n}", work, round_)) for n in range(counts[-1])]
        try:
            list(pool.map(IsolatedProcess.step, workers))  # libraries are loaded and kernels chosen
            for count in counts:
                start = time.perf_counter()
                list(pool.map(IsolatedProcess.step, workers[:count]))
                hours = (time.perf_counter() - start) / 3600
                yield Line(name=_workers(count), figures={"trials/h": count * round_.trainings / hours})
        except RuntimeError as error:
            yield Line(name="workers", note=str(error).strip().splitlines()[-1])


def plan(task: Task) -> tuple[tuple[int, ...], Round]:
    """Numbers of workers, and what each of them trains."""
    if torch.device(task.device).type == "cuda":
        return WORKERS, Round(task.device, (SMALL, MIDDLE, LARGE), epochs=3, frames=FRAMES)
    if task.short:
        return WORKERS[:2], Round(task.device, (SMALL,), epochs=1, frames=FOLDS * BATCH)
    counts = tuple(count for count in WORKERS if count <= cores())
    return counts, Round(task.device, (SMALL, MIDDLE), epochs=1, frames=FOLDS * BATCH)


def work(round_: Round, report: Callable[[int], None]) -> None:
    """Train the networks one after the other, again and again."""
    device = torch.device(round_.device)
    torch.set_num_threads(1)  # workers share the cores
    if device.type == "cpu":
        keep_freed_memory()
    data = frames_on(device, round_.frames, SIDE)
    configs = [run_config(network, SIDE, batch_size=BATCH, epochs=round_.epochs) for network in round_.networks]
    while True:
        for config in configs:
            split = split_frames(data.scenes, config.data, config.repeat)
            execution = execution_choices(config, device)[0]
            trainer = make_trainer(config, planned_steps(config.training, split), device, execution)
            train(trainer, data, split, lambda _: None)
        report(len(configs))


def _workers(count: int) -> str:
    return f"{count} worker{'s' * (count > 1)}"

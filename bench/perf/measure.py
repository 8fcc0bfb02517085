"""The measurement of one network: implementations in turn, repetition by repetition, so that noise hits all alike."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.split import Split, split_frames
from hourglass_bench.bench.perf.config import PerfConfig
from hourglass_bench.bench.perf.implementations import work
from hourglass_bench.bench.perf.isolated import IsolatedProcess
from hourglass_bench.bench.perf.pngs import split_pngs
from hourglass_bench.bench.perf.records import EpochTiming, Measured, Rates
from hourglass_bench.bench.perf.roofline import Probe, probe
from hourglass_bench.bench.perf.task import Task, dtype_of
from hourglass_bench.bench.perf.timer import lap_seconds
from hourglass_bench.bench.terminal import say

ENDLESS = 1_000_000
"""Epochs of a training that goes on until its laps are measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Who is compared, how often, on which frames and where: what the measurements of all networks share."""

    implementations: Sequence[str]
    perf: PerfConfig
    dataset: Dataset
    pngs: Path
    """Holds the same frames as files."""
    cache: Path
    """Holds the same frames decoded."""
    device: torch.device
    workers: int
    """Processes of a loader."""

    def split(self, config: RunConfig) -> Split:
        """The frames' split in a run."""
        return split_frames(self.dataset.frames.scenes, config.data, config.repeat, self.dataset.frames.given)

    def task(self, implementation: str, config: RunConfig, passes: int = 1, lap_seconds: float = 0.0) -> Task:
        """A training of `config` whose epochs pass the frames so many times, and whose laps take so long at least."""
        return Task(
            implementation=implementation,
            config=config,
            pngs=split_pngs(self.dataset.frames, self.split(config), self.pngs, passes),
            cache=self.cache,
            device=str(self.device),
            passes=passes,
            workers=self.workers,
            lap_seconds=lap_seconds,
        )


def measure(comparison: Comparison, config: RunConfig) -> Measured:
    """Speed, the machine's rates beside it, and the curves."""
    timings, rates = measure_speed(comparison, config)
    return Measured(timings=timings, rates=rates, curves=measure_curves(comparison, config))


def measure_speed(comparison: Comparison, config: RunConfig) -> tuple[dict[str, list[EpochTiming]], list[Rates]]:
    """Laps of each implementation after a first one that does not count, and the machine's rates after each round.

    An implementation trains on from repetition to repetition, in a process that stands still while others have their
    turn, and is ended after its last lap.
    """
    repetitions, names = comparison.perf.repetitions, comparison.implementations
    passes = -(-comparison.perf.steps * config.training.batch_size // len(comparison.split(config).train))
    config, lap = _with_epochs(config, ENDLESS), lap_seconds(comparison.device)
    timings: dict[str, list[EpochTiming]] = {name: [] for name in names}
    rates: list[Rates] = []
    dtypes = tuple({dtype_of(name, config.training.precision, comparison.device) for name in names})
    with ExitStack() as stack:
        trainings = {name: stack.enter_context(_start(comparison.task(name, config, passes, lap))) for name in names}
        machine = stack.enter_context(
            IsolatedProcess("the roofline's measurement", probe, Probe(str(comparison.device), dtypes))
        )
        for training in trainings.values():
            training.step()
        machine.step()
        for repetition in range(repetitions):
            for name in turns(names, repetition):
                timings[name].append(trainings[name].step())
            rates.append(machine.step())
            speeds = ", ".join(f"{name} {epochs[-1].train_rate:.1f}" for name, epochs in timings.items())
            say(f"repetition {repetition + 1} of {repetitions}: {speeds} images/s")
    return timings, rates


def measure_curves(comparison: Comparison, config: RunConfig) -> dict[str, list[list[EpochTiming]]]:
    """Whole trainings of each implementation, one per repeat, each in a process of its own."""
    epochs, names = comparison.perf.epochs, comparison.implementations
    curves: dict[str, list[list[EpochTiming]]] = {name: [] for name in names}
    for repeat in range(comparison.perf.trainings if epochs else 0):
        for name in turns(names, repeat):
            with _start(comparison.task(name, _with_epochs(replace(config, repeat=repeat), epochs))) as training:
                curves[name].append([training.step() for _ in range(epochs)])
            say(f"repeat {repeat}: {name} ends at validation IoU {curves[name][-1][-1].val_iou:.3f}")
    return curves


def turns(names: Sequence[str], repetition: int) -> list[str]:
    """Everyone once, each time another one first."""
    first = repetition % len(names)
    return [*names[first:], *names[:first]]


def _start(task: Task) -> IsolatedProcess[EpochTiming]:
    return IsolatedProcess(f"implementation {task.implementation}", work, task)


def _with_epochs(config: RunConfig, epochs: int) -> RunConfig:
    return replace(config, training=replace(config.training, epochs=epochs))

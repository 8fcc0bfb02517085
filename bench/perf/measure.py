"""The measurement of one network: contenders in turn, repetition by repetition, so that noise hits all alike."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bench.commands.cli import say
from bench.config import RunConfig
from bench.data.dataset import Dataset
from bench.data.split import split_frames
from bench.perf.config import PerfConfig
from bench.perf.contenders import Task, precision, work
from bench.perf.pngs import split_pngs
from bench.perf.records import Lap, Measured, Rates
from bench.perf.roofline import Probe, probe
from bench.perf.seat import Seat


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What all measurements share."""

    contenders: Sequence[str]
    perf: PerfConfig
    dataset: Dataset
    pngs: Path
    cache: Path
    device: str
    workers: int

    def task(self, contender: str, config: RunConfig, repeats: int = 1) -> Task:
        """A training of `config` whose epochs pass the frames so many times."""
        frames = self.dataset.frames
        split = split_frames(frames.scenes, config.data, config.repeat)
        return Task(
            contender=contender,
            config=config,
            pngs=split_pngs(frames, split, self.pngs, repeats),
            cache=self.cache,
            device=self.device,
            repeats=repeats,
            workers=self.workers,
        )


def measure(bench: Bench, config: RunConfig) -> Measured:
    """Speed, the machine's rates beside it, and the curves."""
    laps, rates = measure_speed(bench, config)
    return Measured(laps=laps, rates=rates, curves=measure_curves(bench, config))


def measure_speed(bench: Bench, config: RunConfig) -> tuple[dict[str, list[Lap]], list[Rates]]:
    """Laps of each contender after a first one that does not count, and the machine's rates after each round.

    A contender trains on from repetition to repetition, in a process that stands still while others have their turn.
    """
    repeats = _repeats(bench, config)
    config = _with_epochs(config, 1 + bench.perf.repetitions)
    laps: dict[str, list[Lap]] = {name: [] for name in bench.contenders}
    rates: list[Rates] = []
    device = torch.device(bench.device)
    dtypes = tuple({precision(name, config, device) for name in bench.contenders})
    with ExitStack() as stack:
        seats = {
            name: stack.enter_context(Seat(f"contender {name}", work, bench.task(name, config, repeats)))
            for name in bench.contenders
        }
        machine = stack.enter_context(Seat("the roofline's measurement", probe, Probe(bench.device, dtypes)))
        for seat in seats.values():
            seat.step()
        machine.step()
        for repetition in range(bench.perf.repetitions):
            for name in turns(bench.contenders, repetition):
                laps[name].append(seats[name].step())
            rates.append(machine.step())
            speeds = ", ".join(f"{name} {of[-1].train_rate:.1f}" for name, of in laps.items())
            say(f"repetition {repetition + 1} of {bench.perf.repetitions}: {speeds} images/s")
    return laps, rates


def measure_curves(bench: Bench, config: RunConfig) -> dict[str, list[list[Lap]]]:
    """Whole trainings of each contender, one per seed, each in a process of its own."""
    epochs = bench.perf.epochs
    curves: dict[str, list[list[Lap]]] = {name: [] for name in bench.contenders}
    for seed in range(bench.perf.seeds if epochs else 0):
        for name in turns(bench.contenders, seed):
            task = bench.task(name, _with_epochs(replace(config, repeat=seed), epochs))
            with Seat(f"contender {name}", work, task) as seat:
                curves[name].append([seat.step() for _ in range(epochs)])
            say(f"seed {seed}: {name} ends at validation IoU {curves[name][-1][-1].val_iou:.3f}")
    return curves


def turns(names: Sequence[str], repetition: int) -> list[str]:
    """Everyone once, each time another one first."""
    first = repetition % len(names)
    return [*names[first:], *names[:first]]


def _repeats(bench: Bench, config: RunConfig) -> int:
    """Passes over the frames that give an epoch the least number of steps."""
    train = len(split_frames(bench.dataset.frames.scenes, config.data, config.repeat).train)
    return -(-bench.perf.steps * config.training.batch_size // train)


def _with_epochs(config: RunConfig, epochs: int) -> RunConfig:
    return replace(config, training=replace(config.training, epochs=epochs))

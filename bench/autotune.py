"""Which execution settings train a configuration fastest on this machine: measured once, checked to agree, and kept.

Numerically equivalent is what gives the reference's gradient to within `TOLERANCE`. The arithmetic's precision is not
among the choices: it follows the hardware (`bench.device.choose_dtype`), so that all architectures train in the same.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from bench.clock import Stopwatch
from bench.config import RunConfig
from bench.digest import digest
from bench.environment import processor
from bench.execution import REFERENCE, Execution, candidates, default_execution
from bench.files import replacing
from bench.graph import EAGER_CALLS
from bench.material import Material, make_trainer, planned_steps
from bench.trainer import DeviceFrames, Trainer

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""Largest norm of the gradient's difference, relative to the norm of the reference's gradient."""
SHARE = 0.04
"""Of the training's steps, that measuring may take."""
ROUNDS = 2
ROUND_SECONDS = 0.1
WORTH = 1.03
"""How many times faster than the default other settings must be: below, it is noise."""


class Timing(NamedTuple):
    """One candidate's cost."""

    execution: Execution
    warm_up_seconds: float
    step_seconds: float

    def seconds(self, steps: int) -> float:
        """Of a training."""
        return self.warm_up_seconds + steps * self.step_seconds


class Choice(NamedTuple):
    """The settings of a run, and the training speed in images/s of everything that was tried."""

    execution: Execution
    tried: dict[str, float]


class Tuned(NamedTuple):
    """What a run works with from now on, and the training speed in images/s of everything that was tried."""

    material: Material
    tried: dict[str, float]


Make = Callable[[Execution], Trainer]


def is_worth_tuning(config: RunConfig, steps: int, device: torch.device) -> bool:
    """Whether there is a choice, and a training of so many steps is long enough to look for the best."""
    tried = {REFERENCE, *candidates(config, device)}
    return len(tried) > 1 and steps * SHARE >= len(tried) * (1 + ROUNDS)


def tune(config: RunConfig, material: Material, cache: Path, device: torch.device) -> Tuned:
    """The material with a trainer of the fastest among the equivalent settings."""
    make = partial(make_trainer, config, material.split, device)
    choice = choose_execution(config, make, material.data, planned_steps(config, material.split), cache, device)
    return Tuned(material._replace(trainer=make(choice.execution)), choice.tried)


def choose_execution(
    config: RunConfig, make: Make, data: DeviceFrames, steps: int, cache: Path, device: torch.device
) -> Choice:
    """The fastest settings for a training of `steps` steps; from `cache` if they were measured here before.

    `make` builds a trainer, which is thrown away.
    """
    file = cache / "autotune" / f"{_identity(config, device)}.json"
    if file.is_file():
        return _read(file)
    options = list(dict.fromkeys((default_execution(config, device), REFERENCE, *candidates(config, device))))
    timings = measure(make, options, _batch(data, config), ROUNDS)
    size = config.training.batch_size
    choice = Choice(
        fastest(timings, steps), {str(timing.execution): round(size / timing.step_seconds, 1) for timing in timings}
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as partial_file:
        partial_file.write_text(json.dumps({"execution": asdict(choice.execution), "tried": choice.tried}))
    return choice


def fastest(timings: Sequence[Timing], steps: int) -> Execution:
    """Of a training of `steps` steps, warm-up included; the first one, unless another is clearly faster."""
    best = min(timings, key=lambda timing: timing.seconds(steps))
    return (best if timings[0].seconds(steps) > WORTH * best.seconds(steps) else timings[0]).execution


def measure(make: Make, executions: Sequence[Execution], batch: tuple[Tensor, Tensor], rounds: int) -> list[Timing]:
    """Time of a step for each of the executions that are equivalent to the reference, taking turns."""
    reference = make(REFERENCE).gradient(*batch)
    trainers: dict[Execution, Trainer] = {}
    warm_up: dict[Execution, float] = {}
    for execution in executions:
        trainer = make(execution)
        if is_equivalent(trainer.gradient(*batch), reference, TOLERANCE[trainer.dtype]):
            clock = Stopwatch(trainer.device)
            for _ in range(EAGER_CALLS + 1 if execution.graph else 1):
                _step(trainer, batch)
            trainers[execution], warm_up[execution] = trainer, clock.seconds()
    times = dict.fromkeys(trainers, float("inf"))
    for _ in range(rounds):
        for execution, trainer in trainers.items():
            times[execution] = min(times[execution], _step_seconds(trainer, batch))
    return [Timing(execution, warm_up[execution], seconds) for execution, seconds in times.items()]


def is_equivalent(gradient: Tensor, reference: Tensor, tolerance: float) -> bool:
    """Whether two flat gradients agree."""
    return bool((gradient - reference).norm() <= tolerance * reference.norm())


def _step(trainer: Trainer, batch: tuple[Tensor, Tensor]) -> None:
    trainer.step(*batch, trainer.draw(len(batch[0])))


def _step_seconds(trainer: Trainer, batch: tuple[Tensor, Tensor]) -> float:
    clock, steps = Stopwatch(trainer.device), 0
    while steps == 0 or clock.seconds() < ROUND_SECONDS:
        _step(trainer, batch)
        steps += 1
    return clock.seconds() / steps


def _batch(data: DeviceFrames, config: RunConfig) -> tuple[Tensor, Tensor]:
    indices = torch.arange(config.training.batch_size, device=data.images.device) % len(data.images)
    return data.images[indices], data.masks[indices]


def _identity(config: RunConfig, device: torch.device) -> str:
    """Of everything that a step's speed depends on."""
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{processor()} {torch.get_num_threads()}"
    training = config.training
    return digest(
        config.architecture, config.data.size, training.batch_size, training.precision, where, torch.__version__
    )


def _read(file: Path) -> Choice:
    content = json.loads(file.read_text())
    return Choice(Execution(**content["execution"]), content["tried"])

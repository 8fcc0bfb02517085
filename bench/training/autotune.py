"""Which execution settings train a configuration fastest on this GPU: measured once, checked to agree, and kept.

Equivalent are settings that give the reference's gradient to within `TOLERANCE`; a graph, which replays the kernels of
such a setting, must pass its own comparison (`bench.training.graph`). What cannot be carried out, for lack of memory or
of a kernel, is left out. The arithmetic's precision is not among the choices: it follows the hardware
(`bench.machine.precision.resolve`), so that all architectures train in the same.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hourglass_bench.bench.config import RunConfig, fitting_batch
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.machine.clock import Stopwatch
from hourglass_bench.bench.network_source import source_tags
from hourglass_bench.bench.training.agreement import TOLERANCE, agrees
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.graph import EAGER_CALLS, REHEARSALS
from hourglass_bench.bench.training.setup import Setup, capabilities, execution_choices, make_trainer, planned_steps
from hourglass_bench.bench.training.trainer import Trainer

SHARE = 0.015
"""Of the training's steps that may go into measuring, where a step is not so short that more of them are timed."""
ROUNDS = 2
ROUND_SECONDS = 0.1
MOST_STEPS = 20
"""Of a round: as many as fill it, up to this."""
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


class Tuned(NamedTuple):
    """What a run works with from now on, and the training speed in images/s of everything that was tried."""

    setup: Setup
    tried: dict[str, float]


Make = Callable[[Execution], Trainer]
Batch = tuple[Tensor, Tensor]
"""Images and masks, see `Trainer.step`."""


def is_worth_tuning(options: Sequence[Execution], steps: int) -> bool:
    """Whether there is a choice, and a training of so many steps is long enough to look for the best."""
    # Gradients, the reference's too, warm-up and rounds.
    measured = 1 + sum(1 + _warm_up_steps(execution) + ROUNDS for execution in options)
    return len(options) > 1 and steps * SHARE >= measured


def _warm_up_steps(execution: Execution) -> int:
    return EAGER_CALLS + REHEARSALS + 1 if execution.graph else 1


def tune(config: RunConfig, setup: Setup, cache: Path, device: torch.device) -> Tuned:
    """The setup with a trainer of the fastest among the equivalent settings; nothing to tune leaves the default."""
    steps = planned_steps(config.training, setup.split)
    config = fitting_batch(config, len(setup.split.train))
    size = config.training.batch_size
    make = partial(make_trainer, config, steps, device)
    options = execution_choices(config, device)
    file = cache / "autotune" / f"{_identity(config, options, device)}.json"
    reference = capabilities(config, device).reference
    timings = _stored(file) or _keep(file, measure(make, options, setup.batch(size), reference), of=len(options))
    execution = fastest(timings, steps)
    tried = {str(timing.execution): round(size / timing.step_seconds, 1) for timing in timings}
    trainer = setup.trainer if execution == setup.trainer.execution else make(execution)
    return Tuned(setup._replace(trainer=trainer), tried)


def fastest(timings: Sequence[Timing], steps: int) -> Execution:
    """Of a training of `steps` steps, warm-up included; the first one, unless another is clearly faster."""
    best = min(timings, key=lambda timing: timing.seconds(steps))
    return (best if timings[0].seconds(steps) > WORTH * best.seconds(steps) else timings[0]).execution


def _stored(file: Path) -> list[Timing]:
    """As measured before; nothing if that was not kept."""
    if not file.is_file():
        return []
    return [Timing(Execution(**execution), *seconds) for execution, *seconds in json.loads(file.read_text())]


def _keep(file: Path, timings: list[Timing], of: int) -> list[Timing]:
    """Store timings, if they are of so many settings: one that lacked memory beside others may have it next time."""
    if len(timings) == of:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as partial_file:
            partial_file.write_text(json.dumps([(asdict(timing.execution), *timing[1:]) for timing in timings]))
    return timings


def measure(make: Make, options: Sequence[Execution], batch: Batch, reference: Execution = REFERENCE) -> list[Timing]:
    """Time of a step by each of the options that are equivalent to the reference, one after the other.

    `make` builds a trainer, which is thrown away before the next: a GPU may have no room for two. The reference is
    always among them, whatever it says of itself: kernels need not repeat, and gradients need not be numbers.

    Raises:
        RuntimeError: the reference itself cannot be carried out.
    """
    gradient = make(reference).gradient(*batch)
    timings = (_measure(make, execution, gradient, batch, execution == reference) for execution in options)
    return [timing for timing in timings if timing is not None]


def _measure(make: Make, execution: Execution, gradient: Tensor, batch: Batch, is_reference: bool) -> Timing | None:
    """None: settings that compute something else, or that this machine cannot carry out."""
    try:
        trainer = make(execution)
        found = trainer.gradient(*batch)
        if not is_reference and not agrees([found], [gradient], TOLERANCE[trainer.arithmetic]):
            return None
        timing = _time(trainer, execution, batch)
    except (RuntimeError, MemoryError):
        if is_reference:
            raise
        return None
    return None if trainer.graph_failure else timing


def _time(trainer: Trainer, execution: Execution, batch: Batch) -> Timing:
    sample = trainer.sample(len(batch[0]))

    def seconds(steps: int) -> float:
        clock = Stopwatch(trainer.device)
        for _ in range(steps):
            trainer.step(*batch, sample)
        return clock.seconds()

    warm_up = seconds(EAGER_CALLS + 1 if execution.graph else 1)
    step = seconds(1) if execution.graph else warm_up
    steps = max(1, min(MOST_STEPS, round(ROUND_SECONDS / step)))
    return Timing(execution, warm_up, min(seconds(steps) / steps for _ in range(ROUNDS)))


def _identity(config: RunConfig, options: Sequence[Execution], device: torch.device) -> str:
    """Of what decides how fast settings are and whether they are equivalent, such as the code of a network from
    elsewhere."""
    training = config.training
    work = (training.batch_size, training.precision, bool(training.clip_norm), training.augments)
    where = (torch.cuda.get_device_name(device), torch.__version__)
    source = source_tags(config.architecture.name).values()
    return digest(config.architecture, config.data.size, *work, *options, *where, *source)

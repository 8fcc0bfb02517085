"""How fast workers train beside each other, as each of them sees it: get ready, and time steps when all are ready."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.machine.clock import Stopwatch
from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory
from hourglass_bench.bench.training.autotune import is_worth_tuning, tune
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.graph import EAGER_CALLS
from hourglass_bench.bench.training.setup import execution_choices, planned_steps, prepare
from hourglass_bench.bench.training.trainer import Trainer
from hourglass_bench.studies.worker import Place, brief, hold_to

SECONDS = 1.0
"""Least duration of what is timed."""
PARTS = 10
"""So many times the clock is looked at, where steps are short."""
OUT_OF_MEMORY = "out of memory"


class CannotTrainError(Exception):
    """A worker cannot train a configuration; says why."""


class _Ready(NamedTuple):
    """A trainer whose next steps are as fast as all that follow."""

    trainer: Trainer
    data: DeviceFrames
    indices: Tensor
    """Training frames in whole batches."""

    @property
    def batch_size(self) -> int:
        return min(self.trainer.config.batch_size, len(self.indices))


_ready: list[_Ready] = []
"""One at most."""


def get_ready(config: RunConfig, cache: Path, place: Place) -> None:
    """Prepare a training as `bench.run.run` does, and take the steps that are slower than the rest.

    Raises:
        CannotTrainError: out of memory, or whatever else the steps raised.
    """
    torch.set_num_threads(place.threads)
    device = torch.device(place.device)
    with _as_a_result():
        hold_to(place.memory, device)
        setup = prepare(config, cache, device)
        if is_worth_tuning(execution_choices(config, device), planned_steps(config.training, setup.split)):
            setup = tune(config, setup, cache, device).setup
        trainer, train = setup.trainer, torch.from_numpy(setup.split.train)
        size = min(config.training.batch_size, len(train))
        ready = _Ready(trainer, setup.data, train[: len(train) // size * size])
        steps, warm_up = 0, EAGER_CALLS + 1 if trainer.execution.graph else 1
        while steps < warm_up:
            steps += _train(ready, warm_up - steps)
        _ready.append(ready)


def time_steps() -> float:
    """Images trained per second.

    Raises:
        CannotTrainError: as `get_ready`.
    """
    (ready,) = _ready
    with _as_a_result():
        clock, steps, part = Stopwatch(ready.trainer.device), 0, 1
        while (seconds := clock.seconds()) < SECONDS:
            steps += _train(ready, part)
            part = max(1, round(steps / clock.seconds() * SECONDS / PARTS))
        return steps * ready.batch_size / seconds


def forget() -> None:
    """Give back the memory of the training that was timed."""
    _ready.clear()
    gc.collect()
    torch.cuda.empty_cache()


def _train(ready: _Ready, steps: int) -> int:
    """An epoch, but of no more than so many steps: -> its number of steps."""
    _, batches = ready.trainer.train_epoch(ready.data, ready.indices[: steps * ready.batch_size])
    return batches


@contextmanager
def _as_a_result() -> Iterator[None]:
    """Errors as ones that survive the way to another process."""
    try:
        yield
    except Exception as error:
        raise CannotTrainError(OUT_OF_MEMORY if is_out_of_memory(error) else brief(error)) from None

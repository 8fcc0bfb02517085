"""What is said before anything long begins: a batch larger than the training set, and trainings of too few steps."""

from collections.abc import Sequence

from hourglass_bench.bench.commands.cli import say
from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.split import training_counts

FEW_STEPS = 200
"""Optimiser steps of a whole training, below which it is worth a word: a rule of thumb."""


def say_early(configs: Sequence[RunConfig], frames: Frames) -> None:
    """Warn of trainings on these frames: of all of them together in at most two lines."""
    count = training_counts(frames.scenes, frames.given)
    trainings = [(config.training, count(config.data, config.repeat)) for config in configs]
    training, there = max(trainings, key=lambda one: one[0].batch_size - one[1])
    say_batch(training, there)
    training, there = min(trainings, key=lambda one: _steps(*one))
    if (steps := _steps(training, there)) < FEW_STEPS:
        epochs, batch = training.epochs, min(training.batch_size, there)
        say(
            f"warning: all {epochs} epochs together are {steps} optimiser steps, few to learn from; raise the epochs "
            f"(--epochs), or lower the batch of {batch} frames"
        )


def say_batch(training: TrainingConfig, frames: int) -> None:
    """Warn of a batch that is larger than the training set, which has so many frames."""
    if training.batch_size > frames:
        say(f"warning: the batch of {training.batch_size} is more than there is to train on: it has {frames} frames")


def _steps(training: TrainingConfig, frames: int) -> int:
    """Of all epochs."""
    return max(1, frames // training.batch_size) * training.epochs

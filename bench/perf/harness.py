"""This harness, by the calls that `bench train` makes."""

import numpy as np
import torch
from torch import nn

from bench import schema
from bench.commands.cli import say
from bench.perf.task import Task
from bench.perf.timer import EpochTimer
from bench.training.autotune import tune
from bench.training.setup import make_trainer, prepare


def train_harness(task: Task, timer: EpochTimer) -> nn.Module:
    """Frames on the device, a batch is an index; tuned whatever the length, as a longer training would be."""
    device = torch.device(task.device)
    _, split, data, tuned = tune(task.config, prepare(task.config, task.cache, device), task.cache, device).setup
    trainer = make_trainer(task.config, task.steps, device, tuned.execution)
    del tuned  # its memory is not the training's
    say(f"harness: {trainer.execution}")
    train, val = (torch.from_numpy(np.tile(role, task.passes)) for role in (split.train, split.val))
    batch_size = min(task.config.training.batch_size, len(train))
    timer.ready()
    for _ in range(task.config.training.epochs):
        _, batches = trainer.train_epoch(data, train)
        timer.trained(batches * batch_size)
        timer.validated(len(val), trainer.evaluate(data, val)[schema.VAL_IOU.name])
    return trainer.network

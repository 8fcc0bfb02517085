"""This harness, by the calls that `bench train` makes."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from hourglass_bench.bench import schema
from hourglass_bench.bench.perf.task import Task
from hourglass_bench.bench.perf.timer import EpochTimer
from hourglass_bench.bench.terminal import say
from hourglass_bench.bench.training.autotune import is_worth_tuning, tune
from hourglass_bench.bench.training.setup import Setup, epoch_steps, execution_choices, make_trainer, prepare

NOMINAL_STEPS = 5000
"""Optimiser steps of a training in earnest, such as 40 epochs of 2,000 frames in batches of 16: the few that are timed
here would leave out whatever takes long to start."""


def train_harness(task: Task, timer: EpochTimer) -> nn.Module:
    """Frames on the device, a batch is an index; tuned as a training of `NOMINAL_STEPS` would be."""
    device = torch.device(task.device)
    setup = _tune(task, device)
    split, data, execution = setup.split, setup.data, setup.trainer.execution
    del setup  # the memory of its trainer is not the training's
    trainer = make_trainer(task.config, task.steps, device, execution)
    say(f"harness: {trainer.execution}")
    train, val = (torch.from_numpy(np.tile(role, task.passes)) for role in (split.train, split.val))
    batch_size = min(task.config.training.batch_size, len(train))
    failure = ""
    timer.ready()
    for _ in range(task.config.training.epochs):
        _, batches = trainer.train_epoch(data, train)
        timer.trained(batches * batch_size)
        timer.validated(len(val), trainer.evaluate(data, val)[schema.VAL_IOU.name])
        if trainer.graph_failure != failure:
            failure = trainer.graph_failure
            say(f"harness: without a graph in {failure}")
    return trainer.network


def _tune(task: Task, device: torch.device) -> Setup:
    setup = prepare(task.config, task.cache, device)
    if not is_worth_tuning(execution_choices(task.config, device), NOMINAL_STEPS):
        return setup
    training = task.config.training
    epochs = -(-NOMINAL_STEPS // epoch_steps(training, setup.split))
    nominal = replace(task.config, training=replace(training, epochs=epochs))
    return tune(nominal, setup, task.cache, device).setup

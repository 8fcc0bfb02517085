"""This harness, by the calls that `bench train` makes."""

import numpy as np
import torch
from torch import nn

from bench.autotune import is_worth_tuning, tune
from bench.material import prepare
from bench.perf.contenders import Task
from bench.perf.laps import Laps


def train_harness(task: Task, laps: Laps) -> nn.Module:
    """Frames on the device, a batch is an index."""
    device = torch.device(task.device)
    material = prepare(task.config, task.cache, device)
    if is_worth_tuning(task.config, task.steps, device):
        material, _ = tune(task.config, material, task.cache, device)
    _, split, data, trainer = material
    train, val = (torch.from_numpy(np.tile(role, task.repeats)) for role in (split.train, split.val))
    batch_size = min(task.config.training.batch_size, len(train))
    laps.ready()
    for _ in range(task.config.training.epochs):
        _, batches = trainer.train_epoch(data, train)
        laps.trained(batches * batch_size)
        laps.validated(len(val), trainer.evaluate(data, val).iou)
    return trainer.network

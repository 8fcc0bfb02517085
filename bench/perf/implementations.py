"""Who is measured: each trains the same network on the same frames with the same optimiser, and times its epochs."""

from collections.abc import Callable

import torch
from torch import nn

from hourglass_bench.bench.perf.config import HARNESS, LIGHTNING
from hourglass_bench.bench.perf.records import EpochTiming
from hourglass_bench.bench.perf.task import Task
from hourglass_bench.bench.perf.timer import EpochTimer

Implementation = Callable[[Task, EpochTimer], nn.Module]
"""Trains the configured epochs, each followed by validation, and returns the network."""


def load_implementation(name: str) -> Implementation:
    """Import an implementation and what it needs."""
    if name == HARNESS:
        from hourglass_bench.bench.perf.harness import train_harness

        return train_harness
    if name == LIGHTNING:
        from hourglass_bench.bench.perf.lightning_trainer import train_lightning

        return train_lightning
    from hourglass_bench.bench.perf.plain import train_plain

    return train_plain


def work(task: Task, report: Callable[[EpochTiming], None]) -> None:
    """Train in a process of its own; the clock starts when all is imported."""
    train = load_implementation(task.implementation)
    train(task, EpochTimer(torch.device(task.device), task.lap_seconds, report))

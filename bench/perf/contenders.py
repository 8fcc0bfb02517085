"""Who competes: each trains the same network on the same frames with the same optimiser, and tells its laps."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from bench.config import RunConfig
from bench.machine.device import choose_dtype
from bench.perf.config import ADVISED, HARNESS, LIGHTNING, PLAIN
from bench.perf.laps import Laps
from bench.perf.pngs import PngFrames
from bench.perf.records import Lap
from bench.training.schedule import lr_factor


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One training by one contender; can be sent to a process."""

    contender: str
    config: RunConfig
    pngs: PngFrames
    """What all but the harness read."""
    cache: Path
    """Where the harness finds the same frames decoded."""
    device: str
    repeats: int
    """How often an epoch passes the frames of the split; `pngs` repeats them already."""
    workers: int
    """Worker processes of a loader."""

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        training = self.config.training
        return max(1, len(self.pngs.train) // training.batch_size) * training.epochs


class Contender(Protocol):
    """Trains the configured epochs, each followed by validation."""

    def __call__(self, task: Task, laps: Laps) -> nn.Module:
        """The trained network."""


def load_contender(name: str) -> Contender:
    """Import a contender and what it needs."""
    if name == HARNESS:
        from bench.perf.harness import train_harness

        return train_harness
    if name == LIGHTNING:
        from bench.perf.lightning_trainer import train_lightning

        return train_lightning
    from bench.perf.plain import train_advised, train_plain

    return {PLAIN: train_plain, ADVISED: train_advised}[name]


def work(task: Task, report: Callable[[Lap], None]) -> None:
    """Train in a process of its own; the clock starts when all is imported."""
    contender = load_contender(task.contender)
    contender(task, Laps(torch.device(task.device), report))


def precision(contender: str, config: RunConfig, device: torch.device) -> torch.dtype:
    """Type of the contender's arithmetic."""
    return choose_dtype(config.training.precision, device) if contender in (HARNESS, ADVISED) else torch.float32


def make_optimizer(network: nn.Module, task: Task) -> tuple[AdamW, LambdaLR]:
    """The harness's AdamW and schedule, as users make them."""
    training = task.config.training
    optimizer = AdamW(network.parameters(), lr=training.lr, weight_decay=training.weight_decay)
    return optimizer, LambdaLR(optimizer, lambda step: lr_factor(step, task.steps, training))

"""What an implementation is given, and what all of them make of it alike: the arithmetic's type and the optimiser."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from hourglass_bench.bench.config import Precision, RunConfig
from hourglass_bench.bench.machine.precision import resolve, torch_dtype
from hourglass_bench.bench.perf.config import ADVISED, HARNESS
from hourglass_bench.bench.perf.pngs import PngFrames
from hourglass_bench.bench.training.schedule import lr_factor


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One training by one implementation; can be sent to a process."""

    implementation: str
    config: RunConfig
    pngs: PngFrames
    """What all but the harness read."""
    cache: Path
    """Where the harness finds the same frames decoded."""
    device: str
    passes: int
    """How often an epoch passes the frames of the split; `pngs` holds them so often already."""
    workers: int
    """Worker processes of a loader."""
    lap_seconds: float
    """Least seconds of training between two reports; 0: each epoch is reported."""

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        training = self.config.training
        return max(1, len(self.pngs.train) // training.batch_size) * training.epochs


def dtype_of(implementation: str, precision: Precision, device: torch.device) -> torch.dtype:
    """Type of the implementation's arithmetic."""
    return torch_dtype(resolve(precision, device)) if implementation in (HARNESS, ADVISED) else torch.float32


def make_optimizer(network: nn.Module, task: Task) -> tuple[AdamW, LambdaLR]:
    """The harness's AdamW and schedule, as users make them."""
    training = task.config.training
    optimizer = AdamW(network.parameters(), lr=training.lr, weight_decay=training.weight_decay)
    return optimizer, LambdaLR(optimizer, lambda step: lr_factor(step, task.steps, training))

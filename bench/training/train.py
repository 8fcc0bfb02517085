"""Training of one network: its epochs, the best of them, and how it ended."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hourglass_bench.bench import schema
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.machine.clock import Stopwatch
from hourglass_bench.bench.metrics.base_rate import STUCK_EPOCHS, BaseRate
from hourglass_bench.bench.metrics.overlap import scene_mean
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.trainer import Trainer

BCE = schema.VAL_BCE.name
_CHUNK = 16
"""Masks that are counted at a time."""


class EpochRecord(NamedTuple):
    """What one epoch measured."""

    epoch: int
    train_loss: float
    """Mean over frames."""
    scores: dict[str, float]
    """Of the validation frames, by the names of `bench.schema`: the loss, and what the objective knows beside it."""
    lr: float
    epoch_seconds: float
    """Training steps only, without validation."""

    @property
    def val_loss(self) -> float:
        """Mean over frames."""
        return self.scores[schema.VAL_LOSS.name]

    @property
    def val_iou(self) -> float | None:
        """Mean over scenes; None where no masks leave the network."""
        return self.scores.get(schema.VAL_IOU.name)

    def metrics(self) -> dict[str, float]:
        """By the names of `bench.schema`."""
        return self.scores | {
            schema.TRAIN_LOSS.name: self.train_loss,
            schema.LR.name: self.lr,
            schema.EPOCH_SECONDS.name: self.epoch_seconds,
        }

    def is_better(self, than: "EpochRecord | None", by: schema.Metric) -> bool:
        """Whether it is the better epoch, or the only one."""
        if than is None:
            return True
        gain = self.scores[by.name] - than.scores[by.name]
        return gain > 0 if by.better == "higher" else gain < 0


@dataclass(kw_only=True, slots=True)
class Progress:
    """What the epochs so far leave to those that follow, beside the trainer's own state."""

    records: list[EpochRecord] = field(default_factory=list)
    """Of every epoch so far."""
    best: EpochRecord | None = None
    best_state: dict[str, Tensor] = field(default_factory=dict)
    """Weights of the best epoch."""
    is_stuck: bool = True
    """Whether no epoch was better than the base rate."""
    steps: int = 0
    """Optimiser steps."""
    seconds: float = 0.0
    """Training steps only, without validation."""
    validation_seconds: float = 0.0


class TrainingResult(NamedTuple):
    """The best epoch on validation scenes, and why training ended early if it did."""

    best: EpochRecord | None
    best_state: dict[str, Tensor]
    epochs: int
    steps: int
    """Optimiser steps of all epochs."""
    epoch_images: int
    seconds: float
    """Training steps only, without validation."""
    validation_seconds: float
    state: schema.State
    reason: str
    base_rate: BaseRate
    """Of the validation frames."""

    @property
    def is_best_last(self) -> bool:
        """Whether the best epoch's weights are those that the network was left with."""
        return self.best is not None and self.best.epoch == self.epochs

    def metrics(self) -> dict[str, float]:
        """By the names of `bench.schema`; nothing of a best epoch if not one was finished."""
        values = {
            schema.TRAIN_SPEED.name: self.epoch_images * self.epochs / self.seconds,
            schema.STEP_SECONDS.name: self.seconds / self.steps,
            schema.TRAIN_SECONDS.name: self.seconds,
            schema.VALIDATION_SECONDS.name: self.validation_seconds,
            schema.EPOCH_IMAGES.name: self.epoch_images,
            schema.FOREGROUND_SHARE.name: self.base_rate.share,
            schema.ALL_FOREGROUND_IOU.name: self.base_rate.all_foreground_iou,
        }
        if self.best is not None:
            values |= {schema.BEST_VAL_LOSS.name: self.best.val_loss, schema.BEST_EPOCH.name: self.best.epoch}
            if self.best.val_iou is not None:
                values[schema.BEST_VAL_IOU.name] = self.best.val_iou
        return values


def base_rate_of(data: DeviceFrames, indices: Tensor) -> BaseRate:
    """Base rate of the frames at `indices`, of the pixels that count."""
    scenes = [data.scenes[index] for index in indices.tolist()]
    shares = torch.cat([_foreground_shares(data.masks[some]) for some in indices.split(_CHUNK)])
    return BaseRate(shares.mean().item(), scene_mean(shares.tolist(), scenes))


def _foreground_shares(masks: Tensor) -> Tensor:
    """Of all pixels that count, those in the mask, which is the IoU of all pixels: (B, 1, H, W) -> (B,)."""
    pixels = masks.flatten(1).cpu().numpy().view(np.int8)  # which counts many times as fast
    foreground, counted = (np.count_nonzero(which, axis=1) for which in (pixels > 0, pixels >= 0))
    return torch.from_numpy(foreground / np.maximum(counted, 1))


def train(
    trainer: Trainer,
    data: DeviceFrames,
    split: Split,
    on_epoch: Callable[[EpochRecord], str | None],
    on_step: Callable[[], None] = lambda: None,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train for the epochs that pre-training leaves; keep the weights of the epoch that is best by the objective.

    `on_epoch` is told of each epoch and returns a reason to stop, or None; `on_step` is told of each step. A training
    has diverged if its loss is not finite, and if it lasted STUCK_EPOCHS or more and no epoch was better than the base
    rate.

    Args:
        progress: of the epochs that the trainer has behind it; kept up to date, so that `on_epoch` finds the epoch in
            it that it is told of.
    """
    training, validation = torch.from_numpy(split.train), torch.from_numpy(split.val)
    progress = Progress() if progress is None else progress
    base_rate = base_rate_of(data, validation)
    size = min(trainer.config.batch_size, len(training))
    state: schema.State = "complete"
    reason = ""
    epoch = done = len(progress.records)
    for epoch in range(done + 1, trainer.config.main_epochs + 1):
        lr = trainer.lr
        trainer.freeze_encoder(epoch <= trainer.config.freeze_epochs)
        clock = Stopwatch(trainer.device)
        total, batches = trainer.train_epoch(data, training, on_step)
        elapsed = clock.seconds()
        progress.seconds += elapsed
        progress.steps += batches
        loss = total.item() / batches
        if not math.isfinite(loss):
            state, reason = "diverged", f"the training loss was {loss} in epoch {epoch}"
            break
        clock = Stopwatch(trainer.device)
        scores = trainer.evaluate(data, validation)
        progress.validation_seconds += clock.seconds()
        record = EpochRecord(epoch, loss, scores, lr, elapsed)
        if not math.isfinite(record.val_loss):  # the last step broke the weights
            state, reason = "diverged", f"the validation loss was {record.val_loss} in epoch {epoch}"
            break
        progress.records.append(record)
        if record.is_better(progress.best, trainer.objective.best):
            progress.best, progress.best_state = record, copy.deepcopy(trainer.network.state_dict())
        if record.val_iou is None or base_rate.is_better(scores[BCE], record.val_iou):
            progress.is_stuck = False
        if stop := on_epoch(record):
            state, reason = "pruned", stop
            break
    if state == "complete" and progress.is_stuck and epoch >= STUCK_EPOCHS:
        nats = f"{base_rate.entropy:.3f} nats"
        state, reason = "diverged", f"stuck at the base-rate entropy, {nats}, to epoch {epoch}"
    return TrainingResult(
        best=progress.best,
        best_state=progress.best_state,
        epochs=epoch,
        steps=progress.steps,
        epoch_images=len(training) // size * size,
        seconds=progress.seconds,
        validation_seconds=progress.validation_seconds,
        state=state,
        reason=reason,
        base_rate=base_rate,
    )

"""Training of one network: data on the device, a batch is an index, no host synchronisation inside an epoch.

Shapes: N frames, B batch, H height, W width.
"""

import copy
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from bench import schema
from bench.augment import augment
from bench.base_rate import BaseRate
from bench.clock import Stopwatch
from bench.config import RunConfig, TrainingConfig
from bench.data.frames import Frames, is_foreground
from bench.data.split import Split
from bench.device import choose_dtype
from bench.losses import cross_entropy, segmentation_loss
from bench.metrics import FrameScores, frame_scores, scene_mean

EVALUATION_BATCH = 64
STUCK_EPOCHS = 10
"""A shorter training says nothing about whether it is stuck."""


class DeviceFrames(NamedTuple):
    """A data set on the device, bytes as decoded."""

    images: Tensor
    """(N, 3, H, W) uint8, channels last."""
    masks: Tensor
    """(N, 1, H, W) bool."""
    scenes: tuple[str, ...]


class EpochRecord(NamedTuple):
    """What one epoch measured; losses are means over frames, IoU and Dice means over scenes."""

    epoch: int
    train_loss: float
    val_loss: float
    val_bce: float
    val_iou: float
    val_dice: float
    lr: float
    epoch_seconds: float
    """Training steps only, without validation."""

    def metrics(self) -> dict[str, float]:
        """By the names of `bench.schema`."""
        return {
            schema.TRAIN_LOSS.name: self.train_loss,
            schema.VAL_LOSS.name: self.val_loss,
            schema.VAL_BCE.name: self.val_bce,
            schema.VAL_IOU.name: self.val_iou,
            schema.VAL_DICE.name: self.val_dice,
            schema.LR.name: self.lr,
            schema.EPOCH_SECONDS.name: self.epoch_seconds,
        }


class Evaluation(NamedTuple):
    """Predictions and scores of some frames."""

    probability: Tensor
    """(N, H, W) float16 on the CPU."""
    scores: FrameScores
    loss: float
    bce: float
    iou: float
    dice: float


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


def to_device(frames: Frames, device: torch.device) -> DeviceFrames:
    """Move frames to the device once."""
    images = torch.tensor(frames.images, device=device).permute(0, 3, 1, 2)
    masks = torch.tensor(is_foreground(frames.masks), device=device).unsqueeze(1)
    return DeviceFrames(images, masks, frames.scenes)


def base_rate_of(data: DeviceFrames, indices: Tensor) -> BaseRate:
    """Base rate of the frames at `indices`."""
    masks = data.masks[indices]
    scenes = [data.scenes[index] for index in indices.tolist()]
    shares = masks.double().mean(dim=(1, 2, 3)).tolist()  # of all pixels, those in the mask: the IoU of all pixels
    return BaseRate(masks.double().mean().item(), scene_mean(shares, scenes))


class Trainer:
    """A network with its optimiser: one `step` is one batch, forward, backward and update."""

    def __init__(self, network: nn.Module, config: RunConfig, steps: int, device: torch.device) -> None:
        training = config.training
        self.network = network
        self.config = training
        self.device = device
        self.dtype = choose_dtype(training.precision, device)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.optimizer = AdamW(network.parameters(), lr=training.lr, weight_decay=training.weight_decay, fused=True)
        self.schedule = LambdaLR(self.optimizer, lambda step: lr_factor(step, steps, training))

    def step(self, images: Tensor, masks: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 and (B, 1, H, W) bool -> the batch's mean loss, detached, on the device."""
        inputs, targets = augment(images.float() / 255, masks.float(), self.config, self.generator)
        with self.autocast():
            logits = self.network(standardise(inputs))
        loss = segmentation_loss(logits.float(), targets, self.config).mean()
        self.optimizer.zero_grad()
        loss.backward()
        if self.config.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.schedule.step()
        return loss.detach()

    def autocast(self) -> torch.autocast:
        """Mixed precision where the arithmetic is not float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def resident(self) -> Iterator[Tensor]:
        """Tensors that live between steps: parameters, buffers and the optimiser's state."""
        yield from self.network.parameters()
        yield from self.network.buffers()
        for state in self.optimizer.state.values():
            yield from (value for value in state.values() if isinstance(value, Tensor))

    def train_epoch(self, data: DeviceFrames, indices: Tensor) -> tuple[Tensor, int]:
        """One pass over the frames at `indices` in a fresh order: (sum of the batches' losses, number of batches)."""
        total = torch.zeros((), device=self.device)
        self.network.train()
        batches = self._batches(indices)
        for batch in batches:
            total += self.step(data.images[batch], data.masks[batch])
        return total, len(batches)

    def _batches(self, indices: Tensor) -> list[Tensor]:
        """Full batches of a random order; the rest of less than a batch waits for the next epoch's order."""
        size = min(self.config.batch_size, len(indices))
        order = indices[torch.randperm(len(indices), generator=self.generator)].to(self.device)
        return list(order.split(size))[: len(indices) // size]

    @torch.inference_mode()
    def evaluate(self, data: DeviceFrames, indices: Tensor) -> Evaluation:
        """Scores of the frames at `indices`, each frame weighing the same in the losses."""
        self.network.eval()
        logits = torch.cat([self._logits(data.images[part]) for part in indices.split(EVALUATION_BATCH)])
        masks = data.masks[indices]
        scores = frame_scores(logits > 0, masks)
        scenes = [data.scenes[index] for index in indices.tolist()]
        return Evaluation(
            probability=logits.sigmoid().squeeze(1).half().cpu(),
            scores=scores,
            loss=segmentation_loss(logits, masks.float(), self.config).mean().item(),
            bce=cross_entropy(logits, masks.float()).mean().item(),
            iou=scene_mean(scores.iou.tolist(), scenes),
            dice=scene_mean(scores.dice.tolist(), scenes),
        )

    def _logits(self, images: Tensor) -> Tensor:
        with self.autocast():
            logits: Tensor = self.network(standardise(images.float() / 255))
        return logits.float()


def standardise(images: Tensor) -> Tensor:
    """[0, 1] -> about zero mean and unit variance, by constants that no data set decides."""
    return (images - 0.5) / 0.25


def lr_factor(step: int, steps: int, config: TrainingConfig) -> float:
    """Share of the peak learning rate at `step` of `steps`: one cosine up from 1/25, one down to 1/250000.

    The one-cycle policy (Smith & Topin 2018, arXiv 1708.07120) with torch's default divisors, for any number of steps.
    """
    if config.schedule == "constant":
        return 1.0
    peak = max(config.warmup_share * steps - 1, 1e-9)
    if step <= peak:
        return _cosine(1 / 25, 1, step / peak)
    return _cosine(1, 1 / 250_000, min((step - peak) / max(steps - 1 - peak, 1e-9), 1))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def train(
    trainer: Trainer, data: DeviceFrames, split: Split, on_epoch: Callable[[EpochRecord], str | None]
) -> TrainingResult:
    """Train for the configured epochs and keep the weights of the epoch with the best validation IoU.

    `on_epoch` is told of each epoch and returns a reason to stop, or None. A training has diverged if its loss is not
    finite, and if it lasted STUCK_EPOCHS or more and no epoch was better than the base rate.
    """
    training, validation = torch.from_numpy(split.train), torch.from_numpy(split.val)
    best: EpochRecord | None = None
    best_state: dict[str, Tensor] = {}
    base_rate, stuck = base_rate_of(data, validation), True
    seconds, validation_seconds, steps, epoch_images = 0.0, 0.0, 0, 0
    state: schema.State = "complete"
    reason = ""
    for epoch in range(1, trainer.config.epochs + 1):
        lr = float(trainer.schedule.get_last_lr()[0])
        clock = Stopwatch(trainer.device)
        total, batches = trainer.train_epoch(data, training)
        elapsed = clock.seconds()
        seconds, steps = seconds + elapsed, steps + batches
        epoch_images = batches * min(trainer.config.batch_size, len(training))
        loss = total.item() / batches
        if not math.isfinite(loss):
            state, reason = "diverged", f"the training loss was {loss} in epoch {epoch}"
            break
        clock = Stopwatch(trainer.device)
        scores = trainer.evaluate(data, validation)
        validation_seconds += clock.seconds()
        if not math.isfinite(scores.loss):  # the last step broke the weights
            state, reason = "diverged", f"the validation loss was {scores.loss} in epoch {epoch}"
            break
        record = EpochRecord(epoch, loss, scores.loss, scores.bce, scores.iou, scores.dice, lr, elapsed)
        if best is None or record.val_iou > best.val_iou:
            best, best_state = record, copy.deepcopy(trainer.network.state_dict())
        stuck = stuck and not base_rate.is_better(record.val_bce, record.val_iou)
        if stop := on_epoch(record):
            state, reason = "pruned", stop
            break
    if state == "complete" and stuck and epoch >= STUCK_EPOCHS:
        state, reason = (
            "diverged",
            f"stuck at the base-rate entropy, {base_rate.entropy:.3f} nats, to epoch {epoch}",
        )
    return TrainingResult(best, best_state, epoch, steps, epoch_images, seconds, validation_seconds, state, reason)

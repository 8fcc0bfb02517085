"""Lightning's Trainer with the loader one gets by default: no worker processes.

Its logger, checkpoints, progress bar, model summary and sanity check are off, which is kinder to it than its defaults.
"""

import logging
import warnings
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from hourglass_bench.architectures import registry
from hourglass_bench.bench.metrics.overlap import frame_scores, scene_mean
from hourglass_bench.bench.perf.pngs import make_loaders
from hourglass_bench.bench.perf.task import Task, make_optimizer
from hourglass_bench.bench.perf.timer import EpochTimer
from hourglass_bench.bench.training.losses import segmentation_loss
from hourglass_bench.bench.training.pixels import known


def train_lightning(task: Task, timer: EpochTimer) -> nn.Module:
    """`Trainer.fit`, timed by the module's hooks."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # Its advice to use worker processes, which this implementation is to go without, and what torch will drop one day.
    warnings.filterwarnings("ignore", message=r".*(does not have many workers|LeafSpec)")
    device, training = torch.device(task.device), task.config.training
    module = _Module(task, timer)
    loaders = make_loaders(task.pngs, training.batch_size, task.config.repeat)
    trainer = Trainer(
        max_epochs=training.epochs,
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1 if device.index is None else [device.index],
        gradient_clip_val=training.clip_norm or None,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    timer.ready()
    trainer.fit(module, loaders.train, loaders.val)
    return module.network


class _Module(LightningModule):
    """The network with its losses and scores; Lightning validates at the end of each training epoch."""

    def __init__(self, task: Task, timer: EpochTimer) -> None:
        super().__init__()
        self.task, self.timer = task, timer
        self.network = registry.build(task.config.architecture, seed=task.config.repeat)
        self.images = 0
        """Trained in this epoch."""
        self.iou: list[float] = []
        """Of the validation frames of this epoch."""

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, masks = batch
        self.images += len(images)
        targets, ignored = known(masks.float(), masks)
        return segmentation_loss(self.network(images), targets, self.task.config.training.loss, ignored).mean()

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, masks = batch
        targets, ignored = known(masks.float(), masks)
        self.iou += frame_scores(self.network(images) > 0, targets > 0, ignored).iou.tolist()

    def configure_optimizers(self) -> Any:
        optimizer, schedule = make_optimizer(self.network, self.task)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    def on_validation_start(self) -> None:
        self.timer.trained(self.images)

    def on_validation_end(self) -> None:
        self.timer.validated(len(self.iou), scene_mean(self.iou, self.task.pngs.scenes))
        self.images, self.iou = 0, []

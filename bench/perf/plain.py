"""A PyTorch loop as it is usually written, without and with the usual advice.

The advice: channels_last, bf16 autocast where the hardware computes in bf16 (elsewhere it would be slower, and is off),
workers that live on between epochs, pinned memory with copies that do not wait, and cuDNN's choice by measuring.
"""

from dataclasses import dataclass

import torch
import torch._dynamo  # the first optimiser that is made imports it, and imports are not timed
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from architectures import registry
from bench.metrics.overlap import frame_scores, scene_mean
from bench.perf.config import ADVISED
from bench.perf.pngs import make_loaders
from bench.perf.task import Task, make_optimizer, precision
from bench.perf.timer import EpochTimer
from bench.training.losses import segmentation_loss


def train_plain(task: Task, timer: EpochTimer) -> nn.Module:
    """Dataset, DataLoader, float32, `.item()` in each step; as `advised`, the same with the usual advice."""
    device, advised = torch.device(task.device), task.implementation == ADVISED
    torch.backends.cudnn.benchmark = advised
    training = task.config.training
    network = registry.build(task.config.architecture, seed=task.config.repeat).to(device)
    if advised:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    loop = _Loop(
        network,
        *make_optimizer(network, task),
        task,
        device,
        torch.channels_last if advised else torch.contiguous_format,
        precision(task.implementation, task.config, device) == torch.bfloat16,
    )
    loaders = make_loaders(
        task.pngs,
        training.batch_size,
        task.config.repeat,
        workers=task.workers,
        keep=advised,
        pin=advised and device.type == "cuda",
    )
    timer.ready()
    for _ in range(training.epochs):
        timer.trained(loop.train_epoch(loaders.train))
        timer.validated(len(task.pngs.val), loop.validate(loaders.val))
    return network


@dataclass(frozen=True, slots=True)
class _Loop:
    network: nn.Module
    optimizer: AdamW
    schedule: LambdaLR
    task: Task
    device: torch.device
    memory_format: torch.memory_format
    bf16: bool

    def train_epoch(self, loader: DataLoader[tuple[Tensor, Tensor]]) -> int:
        """Number of images."""
        training = self.task.config.training
        self.network.train()
        images, total = 0, 0.0
        for batch, masks in loader:
            self.optimizer.zero_grad()
            loss = segmentation_loss(self.predict(batch), self.put(masks), training.loss).mean()
            loss.backward()
            if training.clip_norm:
                nn.utils.clip_grad_norm_(self.network.parameters(), training.clip_norm)
            self.optimizer.step()
            self.schedule.step()
            total += loss.item()
            images += len(batch)
        return images

    @torch.no_grad()
    def validate(self, loader: DataLoader[tuple[Tensor, Tensor]]) -> float:
        """IoU, the mean over scenes."""
        self.network.eval()
        iou: list[float] = []
        for batch, masks in loader:
            iou += frame_scores(self.predict(batch) > 0, self.put(masks) > 0).iou.tolist()
        return scene_mean(iou, self.task.pngs.scenes)

    def predict(self, images: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logits: Tensor = self.network(self.put(images, self.memory_format))
        return logits.float()

    def put(self, batch: Tensor, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        """Onto the device; only a pinned batch is copied without waiting."""
        return batch.to(self.device, non_blocking=batch.is_pinned(), memory_format=memory_format)

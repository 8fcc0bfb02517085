"""A PyTorch loop as it is usually written, without and with the usual advice.

The advice: channels_last, bf16 autocast where the hardware computes in bf16 (elsewhere it would be slower, and is off),
workers that live on between epochs, pinned memory with copies that do not wait, and cuDNN's choice by measuring.
"""

import torch
import torch._dynamo  # the first optimiser that is made imports it, and imports are not timed
from torch import Tensor, nn

from hourglass_bench.architectures import registry
from hourglass_bench.bench.metrics.overlap import frame_scores, scene_mean
from hourglass_bench.bench.perf.config import ADVISED
from hourglass_bench.bench.perf.pngs import make_loaders
from hourglass_bench.bench.perf.task import Task, dtype_of, make_optimizer
from hourglass_bench.bench.perf.timer import EpochTimer
from hourglass_bench.bench.training.losses import segmentation_loss
from hourglass_bench.bench.training.pixels import known


def train_plain(task: Task, timer: EpochTimer) -> nn.Module:
    """Dataset, DataLoader, float32, `.item()` in each step; as `advised`, the same with the usual advice."""
    device, advised = torch.device(task.device), task.implementation == ADVISED
    torch.backends.cudnn.benchmark = advised
    training = task.config.training
    network = registry.build(task.config.architecture, seed=task.config.repeat).to(device)
    if advised:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    memory_format = torch.channels_last if advised else torch.contiguous_format
    bf16 = dtype_of(task.implementation, task.config.training.precision, device) == torch.bfloat16
    optimizer, schedule = make_optimizer(network, task)
    pin = advised and device.type == "cuda"
    loaders = make_loaders(
        task.pngs, training.batch_size, task.config.repeat, workers=task.workers, keep=advised, pin=pin
    )

    def put(batch: Tensor, memory_format: torch.memory_format = torch.preserve_format) -> Tensor:
        """Onto the device; only a pinned batch is copied without waiting."""
        return batch.to(device, non_blocking=batch.is_pinned(), memory_format=memory_format)

    def predict(images: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits: Tensor = network(put(images, memory_format))
        return logits.float()

    timer.ready()
    for _ in range(training.epochs):
        network.train()
        images, total = 0, 0.0
        for batch, masks in loaders.train:
            optimizer.zero_grad()
            targets, ignored = known(put(masks).float(), masks)
            loss = segmentation_loss(predict(batch), targets, training.loss, ignored).mean()
            loss.backward()
            if training.clip_norm:
                nn.utils.clip_grad_norm_(network.parameters(), training.clip_norm)
            optimizer.step()
            schedule.step()
            total += loss.item()
            images += len(batch)
        timer.trained(images)
        network.eval()
        iou: list[float] = []
        with torch.no_grad():
            for batch, masks in loaders.val:
                targets, ignored = known(put(masks).float(), masks)
                iou += frame_scores(predict(batch) > 0, targets > 0, ignored).iou.tolist()
        timer.validated(len(iou), scene_mean(iou, task.pngs.scenes))
    return network

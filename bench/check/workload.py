"""What the sections train on: frames that are drawn in a moment and that a network can learn, and configurations."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.machine.precision import Arithmetic, resolve
from hourglass_bench.bench.training.device_frames import DeviceFrames, to_device
from hourglass_bench.bench.training.trainer import Trainer

SCENE = 4
"""Frames of a scene."""


def blobs(count: int, side: int) -> Frames:
    """Bright ellipses on a dark ground with noise, the same in every call: the ellipses are the foreground."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side] / side
    y, x, height, width = generator.uniform((0.2, 0.2, 0.1, 0.1), (0.8, 0.8, 0.3, 0.3), (count, 4)).T[:, :, None, None]
    masks = ((rows - y) / height) ** 2 + ((columns - x) / width) ** 2 < 1
    ground, ellipse = generator.integers((20, 100), (140, 220), (count, 2))[:, :, None, None].swapaxes(0, 1)
    light = np.where(masks, ellipse, ground)[..., None] + generator.integers(-20, 20, (count, side, side, 3))
    scenes = tuple(str(frame // SCENE) for frame in range(count))
    return Frames(
        stems=tuple(f"{scene}_{frame}" for frame, scene in enumerate(scenes)),
        scenes=scenes,
        images=light.astype(np.uint8),
        masks=masks.astype(np.uint8) * 255,
        original_sizes=np.full((count, 2), side),
    )


def arithmetics(device: torch.device) -> tuple[Arithmetic, ...]:
    """Those that a device has, the fastest first. GPUs before Ampere have one, a CPU does bf16 even if slowly."""
    if device.type == "cpu":
        return ("bf16", "fp32")
    return ("bf16", "tf32", "fp32") if resolve("auto", device) == "bf16" else ("fp32",)


def frames_on(device: torch.device, count: int, side: int) -> DeviceFrames:
    """Blobs where a training has them."""
    return to_device(blobs(count, side), device)


def batch_of(data: DeviceFrames, size: int) -> tuple[Tensor, Tensor]:
    """Images and masks of a step of so many frames, over and over the same if there are too few."""
    indices = torch.arange(size) % len(data.scenes)
    return data.images[indices], data.masks[indices]


def run_config(architecture: ArchitectureConfig, side: int, **training: Any) -> RunConfig:
    """A training on square frames of this side."""
    return RunConfig(architecture=architecture, data=DataConfig(size=(side, side)), training=TrainingConfig(**training))


def epoch_losses(trainer: Trainer, data: DeviceFrames, epochs: int) -> list[float]:
    """Mean training loss of each of the next epochs over all frames."""
    indices = torch.arange(len(data.scenes))
    sums = (trainer.train_epoch(data, indices) for _ in range(epochs))
    return [total.item() / batches for total, batches in sums]

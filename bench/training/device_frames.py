"""A data set where it trains: on the device, so that a batch is an index. Shapes: N frames, H height, W width."""

from typing import NamedTuple

import torch
from torch import Tensor

from bench.data.frames import Frames
from bench.training.host_images import HostImages, place_images
from bench.training.host_masks import HostMasks


class DeviceFrames(NamedTuple):
    """A data set on the device, bytes as decoded."""

    images: Tensor | HostImages
    """(N, 3, H, W) uint8, channels last."""
    masks: Tensor | HostMasks
    """(N, 1, H, W) bool, or int8 where some pixels count nowhere: 1 is foreground, 0 background, IGNORED the others."""
    scenes: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.images.shape[2:]
        return height, width


def to_device(frames: Frames, device: torch.device) -> DeviceFrames:
    """Move frames to the device once; images for which it has no room stay the mapped file, as all does on the CPU."""
    images = place_images(torch.from_numpy(frames.images), device)
    masks = HostMasks(frames)
    return DeviceFrames(images, masks if device.type == "cpu" else masks[:].to(device), frames.scenes)

"""A data set where it trains: on the device, so that a batch is an index. Shapes: N frames, H height, W width."""

from typing import NamedTuple

import torch
from torch import Tensor

from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.training.host_images import HostImages
from hourglass_bench.bench.training.host_masks import HostMasks

ROOM = 0.5
"""Share of the memory that a process may still take which its data may: the rest is for networks and activations."""
_CHUNK = 256
"""Masks that are made at a time."""


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
    images, masks = torch.from_numpy(frames.images), HostMasks(frames)
    if device.type == "cpu":
        return DeviceFrames(images.permute(0, 3, 1, 2), masks, frames.scenes)
    if device.type == "cuda" and not has_room(bytes_on_device(frames, device), free_bytes(device)):
        return DeviceFrames(HostImages(images, device), _send(masks, device), frames.scenes)
    return DeviceFrames(images.to(device).permute(0, 3, 1, 2), _send(masks, device), frames.scenes)


def bytes_on_device(frames: Frames, device: torch.device) -> int:
    """What a set takes of a device's memory, all its images there: none on the CPU, where it stays the mapped file."""
    return 0 if device.type == "cpu" else frames.images.nbytes + frames.masks.size


def has_room(needed: int, free: int) -> bool:
    """Whether a set of so many bytes goes to a device of which this process may take so many."""
    return needed <= ROOM * free


def free_bytes(device: torch.device) -> int:
    """What this process may still take of a GPU: what nobody has, within the share that the process is held to."""
    torch.cuda.empty_cache()  # what was freed here counts
    free, total = torch.cuda.mem_get_info(device)
    share = int(torch.cuda.get_per_process_memory_fraction(device) * total)
    return min(free, share - torch.cuda.memory_reserved(device))


def _send(masks: HostMasks, device: torch.device) -> Tensor:
    """All labels, some at a time: in host memory there is never a copy of all."""
    there = torch.empty(masks.shape, dtype=masks.dtype, device=device)
    for start in range(0, len(there), _CHUNK):
        some = slice(start, start + _CHUNK)
        there[some] = masks[some].to(device)
    return there

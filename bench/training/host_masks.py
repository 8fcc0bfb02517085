"""Labels that are made of a set's masks a batch at a time: masks stay the mapped file that all workers share."""

import torch
from torch import Tensor

from bench.data.frames import FOREGROUND, Frames
from bench.training.pixels import IGNORED


class HostMasks:
    """Stands for a tensor (N, 1, H, W) in host memory, as in `DeviceFrames`, of which only batches are ever there."""

    def __init__(self, frames: Frames) -> None:
        """Of all masks of a set."""
        self._masks = torch.from_numpy(frames.masks)
        self._ignored = None if frames.ignored is None else torch.from_numpy(frames.ignored)

    @property
    def dtype(self) -> torch.dtype:
        """Of the labels."""
        return torch.bool if self._ignored is None else torch.int8

    def __getitem__(self, indices: Tensor | slice) -> Tensor:
        """(B,) -> (B, 1, H, W)."""
        labels = self._masks[indices] >= FOREGROUND
        if self._ignored is not None:
            labels = labels.to(torch.int8).masked_fill_(self._ignored[indices], IGNORED)
        return labels.unsqueeze(1)

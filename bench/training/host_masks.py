"""Labels that are made of a set's masks a batch at a time: masks stay the mapped file that all workers share."""

import numpy as np
import torch
from torch import Tensor

from hourglass_bench.bench.data.frames import Frames, is_foreground
from hourglass_bench.bench.training.pixels import IGNORED


class HostMasks:
    """Stands for a tensor (N, 1, H, W) in host memory, as in `DeviceFrames`, of which only batches are ever there."""

    def __init__(self, frames: Frames) -> None:
        """Of all masks of a set."""
        self._masks = np.asarray(frames.masks)
        self._ignored = frames.ignored

    @property
    def shape(self) -> torch.Size:
        """(N, 1, H, W)."""
        count, *sides = self._masks.shape
        return torch.Size((count, 1, *sides))

    @property
    def dtype(self) -> torch.dtype:
        """Of the labels."""
        return torch.bool if self._ignored is None else torch.int8

    def __getitem__(self, indices: Tensor | slice) -> Tensor:
        """(B,) -> (B, 1, H, W)."""
        chosen = indices if isinstance(indices, slice) else indices.numpy()
        labels = is_foreground(self._masks[chosen])
        if self._ignored is not None:
            labels = np.where(self._ignored[chosen], np.int8(IGNORED), labels)
        return torch.from_numpy(labels).unsqueeze(1)

"""Images of a set for which the device has no room: they stay in host memory, and each batch is sent when it is used.

Not measured: no GPU was at hand.
"""

import torch
from torch import Tensor


class HostImages:
    """Stands for a tensor (N, 3, H, W) uint8 on the device, of which only batches are ever there."""

    def __init__(self, images: Tensor, device: torch.device) -> None:
        """Of images (N, H, W, 3) uint8 in host memory, such as a mapped file."""
        self._images = images
        self.device = device

    @property
    def shape(self) -> torch.Size:
        """(N, 3, H, W)."""
        return self._images.permute(0, 3, 1, 2).shape

    def __getitem__(self, indices: Tensor) -> Tensor:
        """(B,) on the CPU -> (B, 3, H, W) on the device, channels last.

        The copy is of pinned memory, which PyTorch keeps until it has been read: the host need not wait for it.
        """
        shape = (len(indices), *self._images.shape[1:])
        batch = torch.empty(shape, dtype=self._images.dtype, pin_memory=self.device.type == "cuda")
        torch.index_select(self._images, 0, indices, out=batch)
        return batch.to(self.device, non_blocking=True).permute(0, 3, 1, 2)

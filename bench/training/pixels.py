"""Which pixels of a frame count, in losses. Shapes: B batch, C channels, H height, W width.

Without `ignored` every pixel counts, and nothing is computed for it.
"""

import torch
from torch import Tensor

IGNORED = -1
"""Label of a pixel that counts nowhere, beside 0, background, and 1, foreground."""


def known(labels: Tensor, masks: Tensor) -> tuple[Tensor, Tensor | None]:
    """Labels (B, 1, H, W) with background where they are ignored, and where that is.

    The type of the masks that they come from says whether any can be: int8 has the place for it.
    """
    return (labels.clamp(min=0), labels < 0) if masks.dtype == torch.int8 else (labels, None)


def rows(values: Tensor, ignored: Tensor | None) -> Tensor:
    """Each frame's values in a row, 0 where pixels (B, 1, H, W) are ignored: (B, C, H, W) -> (B, C * H * W)."""
    return (values if ignored is None else values.masked_fill(ignored, 0.0)).flatten(1)


def count(ignored: Tensor, channels: int) -> Tensor:
    """How many values of each frame count, of so many channels: (B, 1, H, W) -> (B,)."""
    return (~ignored).flatten(1).sum(1) * channels


def frame_mean(values: Tensor, ignored: Tensor | None) -> Tensor:
    """Mean over what counts of each frame: (B, C, H, W) -> (B,); 0 of a frame of which nothing does."""
    channels = values.shape[1]
    values = rows(values, ignored)  # in place of what it may be a copy of
    return values.mean(1) if ignored is None else values.sum(1) / count(ignored, channels).clamp(min=1)

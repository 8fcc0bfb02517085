"""The in-memory form of a data set: frames with their masks, at one size."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.resizing.boxes import Fit, pixel_sizes


class Frames(NamedTuple):
    """N video frames of equal size with their masks; entry i of every field belongs to frame i."""

    stems: tuple[str, ...]
    """One unique name for each frame, such as "00003_0007" (scene number, frame number)."""
    scenes: tuple[str, ...]
    """The scene each frame belongs to, such as "00003"; frames of a scene are in order of time."""
    images: NDArray[np.uint8]
    """(N, H, W, 3) RGB."""
    masks: NDArray[np.uint8]
    """(N, H, W) soft alpha of the foreground, 0 (background) to 255 (foreground)."""
    original_sizes: NDArray[np.int64]
    """(N, 2) height and width in pixels before frames were resized; of drawn frames, as they were drawn."""
    ignored: NDArray[np.bool_] | None = None
    """(N, H, W) pixels that count in no loss and no metric; None where all of them count."""
    given: tuple[str, ...] = ()
    """The role that the folder gives each frame, `train`, `val` or `test`; empty where it gives none."""
    fit: Fit = "squash"
    """How frames came to their size."""

    def pixel_sizes(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Height and width of a pixel of the frames at `indices`, in pixels of the original: (n, 2)."""
        return pixel_sizes(self.original_sizes[indices], self.masks.shape[1:], self.fit)

    def ignored_of(self, indices: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Pixels of the frames at `indices` that count nowhere, (n, H, W); None where all of them count."""
        return None if self.ignored is None else self.ignored[indices]

    def foreground_of(self, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Labels of the frames at `indices`, (n, H, W); pixels that are ignored are background."""
        labels, ignored = is_foreground(self.masks[indices]), self.ignored_of(indices)
        return labels if ignored is None else labels & ~ignored


FOREGROUND = 128
"""Smallest mask value that is foreground."""


def is_foreground(masks: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The one rule that turns soft masks into labels: foreground where the mask is at least `FOREGROUND`."""
    return masks >= FOREGROUND

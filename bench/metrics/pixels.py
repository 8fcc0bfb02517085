"""Which pixels of a frame count. Shapes: N frames, H height, W width."""

import numpy as np
from numpy.typing import NDArray

Ignored = NDArray[np.bool_] | None
"""(N, H, W) pixels that count in no metric; None: every pixel counts."""


def frame_means(values: NDArray[np.generic], ignored: Ignored = None) -> NDArray[np.float64]:
    """Mean of (N, H, W) over the pixels of each frame that count: (N,); 0 of a frame without such a pixel."""
    if ignored is None:
        means: NDArray[np.float64] = values.mean(axis=(1, 2), dtype=np.float64)
        return means
    sums: NDArray[np.float64] = np.where(ignored, 0, values).sum(axis=(1, 2), dtype=np.float64)
    return sums / np.maximum(counted(ignored), 1)


def counted(ignored: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of pixels of each frame that count: (N,)."""
    return np.asarray(np.count_nonzero(~ignored, axis=(1, 2)))

"""Whether probabilities mean what they say, per frame. Shapes: N frames, H height, W width."""

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Bins of equal width of the expected calibration error."""


def brier(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean squared difference of probability and truth over the pixels of each frame: (N, H, W) twice -> (N,)."""
    scores: NDArray[np.float64] = np.square(probability - truth).mean(axis=(1, 2), dtype=np.float64)
    return scores


def calibration_error(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Expected calibration error of each frame: (N, H, W) twice -> (N,).

    Mean over the pixels' bins of |mean probability - share of foreground|, weighted by the bins' pixels (Naeini et al.
    2015), of the probability of foreground. A bin holds its lower edge, the last one also 1.
    """
    frames = len(probability)
    chance = probability.reshape(frames, -1)
    place = np.minimum((chance * BINS).astype(np.int64), BINS - 1) + BINS * np.arange(frames)[:, None]
    excess = np.bincount(place.ravel(), (chance - truth.reshape(frames, -1)).ravel(), minlength=BINS * frames)
    errors: NDArray[np.float64] = np.abs(excess.reshape(frames, BINS)).sum(axis=1) / chance.shape[1]
    return errors

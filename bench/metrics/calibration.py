"""Whether probabilities mean what they say, per frame. Shapes: N frames, H height, W width."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
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
    place, frames = _bins(probability), len(probability)
    excess = np.bincount(place, (probability - truth).ravel(), minlength=BINS * frames)
    errors: NDArray[np.float64] = np.abs(excess.reshape(frames, BINS)).sum(axis=1) / truth[0].size
    return errors


def _bins(probability: NDArray[np.float32]) -> NDArray[np.int64]:
    """Bin of every pixel of every frame, numbered through."""
    chance = probability.reshape(len(probability), -1)
    return (np.minimum((chance * BINS).astype(np.int64), BINS - 1) + BINS * np.arange(len(chance))[:, None]).ravel()


def calibration_table(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], scenes: Sequence[str]
) -> pd.DataFrame:
    """Reliability of each scene's pixels, in the bins of `calibration_error`: columns as `schema.CALIBRATION_TABLE`."""
    place = _bins(probability)
    counts = [
        np.bincount(place, weights, minlength=BINS * len(probability))
        for weights in (None, probability.ravel(), truth.ravel())
    ]
    bins = {"scene": np.repeat(scenes, BINS), "bin": np.tile(np.arange(BINS), len(scenes))}
    sums = pd.DataFrame(bins | dict(zip(("pixels", "probability", "foreground"), counts, strict=True)))
    sums = sums[sums["pixels"] > 0].groupby(["scene", "bin"], as_index=False).sum()
    return sums.assign(**{name: sums[name] / sums["pixels"] for name in ("probability", "foreground")})

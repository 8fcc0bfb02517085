"""Whether probabilities mean what they say, per frame. Shapes: N frames, H height, W width.

A frame that is ignored as a whole has no error.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass_bench.bench.metrics.pixels import Ignored, counted, frame_means

BINS = 15
"""Bins of equal width of the expected calibration error."""


def brier(probability: NDArray[np.float32], truth: NDArray[np.bool_], ignored: Ignored = None) -> NDArray[np.float64]:
    """Mean squared difference of probability and truth over the pixels of each frame: (N, H, W) twice -> (N,)."""
    return frame_means(np.square(probability - truth), ignored)


def calibration_error(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], ignored: Ignored = None
) -> NDArray[np.float64]:
    """Expected calibration error of each frame: (N, H, W) twice -> (N,).

    Mean over the pixels' bins of |mean probability - share of foreground|, weighted by the bins' pixels (Naeini et al.
    2015), of the probability of foreground. A bin holds its lower edge, the last one also 1.
    """
    frames, kept = len(probability), _kept(ignored)
    excess = np.bincount(_bins(probability)[kept], (probability - truth).ravel()[kept], minlength=BINS * frames)
    pixels = truth[0].size if ignored is None else np.maximum(counted(ignored), 1)
    errors: NDArray[np.float64] = np.abs(excess.reshape(frames, BINS)).sum(axis=1) / pixels
    return errors


def _kept(ignored: Ignored) -> slice | NDArray[np.bool_]:
    """What counts of all frames' pixels in a row."""
    return slice(None) if ignored is None else ~ignored.ravel()


def _bins(probability: NDArray[np.float32]) -> NDArray[np.int64]:
    """Bin of every pixel of every frame, numbered through."""
    chance = probability.reshape(len(probability), -1)
    return (np.minimum((chance * BINS).astype(np.int64), BINS - 1) + BINS * np.arange(len(chance))[:, None]).ravel()


def calibration_table(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], scenes: Sequence[str], ignored: Ignored = None
) -> pd.DataFrame:
    """Reliability of each scene's pixels, in the bins of `calibration_error`: columns as `schema.CALIBRATION_TABLE`."""
    kept = _kept(ignored)
    place = _bins(probability)[kept]
    counts = [
        np.bincount(place, weights, minlength=BINS * len(probability))
        for weights in (None, probability.ravel()[kept], truth.ravel()[kept])
    ]
    bins = {"scene": np.repeat(scenes, BINS), "bin": np.tile(np.arange(BINS), len(scenes))}
    sums = pd.DataFrame(bins | dict(zip(("pixels", "probability", "foreground"), counts, strict=True)))
    sums = sums[sums["pixels"] > 0].groupby(["scene", "bin"], as_index=False).sum()
    return sums.assign(**{name: sums[name] / sums["pixels"] for name in ("probability", "foreground")})

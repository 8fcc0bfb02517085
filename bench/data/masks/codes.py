"""How far codes lie apart, and what lies between two of them."""

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.masks.planes import CHANNELS, NOT_A_NUMBER, Codes, unpack


def distances(codes: Codes, code: int, coloured: bool) -> NDArray[np.int64]:
    """How far codes are from one: of colours the largest difference of a channel."""
    if coloured:
        channels: NDArray[np.int64] = np.abs(unpack(codes) - unpack(np.array(code))).max(axis=-1)
        return channels
    return np.abs(codes.astype(np.int64) - code)


def nearest(codes: Codes, classes: tuple[int, ...], coloured: bool) -> Codes:
    """Each code's nearest class."""
    unknown = codes == NOT_A_NUMBER
    best = np.full(codes.shape, classes[0], np.int64)
    least = distances(codes, classes[0], coloured)
    for code in classes[1:]:
        distance = distances(codes, code, coloured)
        best[distance < least] = code
        np.minimum(least, distance, out=least)
    best[unknown] = NOT_A_NUMBER
    return best


def share_between(codes: Codes, empty: int, full: int, coloured: bool) -> NDArray[np.uint8]:
    """How much of a pixel is `full`: 0 (nothing) to 255."""
    if codes.dtype == np.uint8 and (empty, full) == (0, 255):
        return np.array(codes, np.uint8)
    if coloured:
        low, high = unpack(np.array([empty, full])).astype(np.float32)
        weights = (high - low) / ((high - low) @ (high - low))
        share = -(low @ weights) + sum(
            (codes >> shift & 255).astype(np.float32) * weight for shift, weight in zip(CHANNELS, weights, strict=True)
        )
    else:
        share = (codes.astype(np.float32) - empty) / (full - empty)
    level: NDArray[np.uint8] = np.rint(255 * share.clip(0, 1)).astype(np.uint8)
    return level

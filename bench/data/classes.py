"""Masks tell two classes apart. A label map of more would silently be cut at 128, so it is recognised and refused.

Values between 0 and 255 alone prove nothing: soft edges, mattes and JPEG noise are full of them. But they change from
pixel to pixel, while a class is flat: many pixels whose whole neighbourhood has the same value.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASS_SHARE = 0.005
"""A value is a class if at least this share of all mask pixels is flat in it. Real mattes show no flat grey at all, and
0.0003 when they are enlarged eightfold without smoothing."""
NOISE = 16
"""Grey values up to so far from a class belong to it: strong JPEG compression moved whole flat areas by 8."""


def count_flat(mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pixels of each value whose 3x3 neighbourhood lies in the mask and has that value alone: (H, W) -> (256,)."""
    level = mask[:, 1:] == mask[:, :-1]
    upright = mask[1:] == mask[:-1]
    rows = level[:, 1:] & level[:, :-1]  # three in a row are equal
    flat = rows[2:] & rows[1:-1] & rows[:-2] & upright[1:, 1:-1] & upright[:-1, 1:-1]
    return np.bincount(mask[1:-1, 1:-1][flat], minlength=256)


def check_two_classes(files: Sequence[Path], flat: NDArray[np.int64], sizes: NDArray[np.int64], noise: int) -> None:
    """Refuse label maps, given the flat pixels (N, 256) and heights and widths (N, 2) of N masks.

    Raises:
        ValueError: the masks are flat in three values or more that lie further than `noise` apart.
    """
    classes = _find_classes(flat.sum(axis=0) / sizes.prod(axis=1).sum(), noise)
    if len(classes) > 2:
        rarest = files[int(flat[:, classes[-1]].argmax())]
        raise ValueError(
            f"masks must tell two classes apart, foreground (255) and background (0), but {rarest} is a label map of "
            f"more: flat areas of the values {', '.join(map(str, sorted(classes)))} were found in {rarest.parent}; "
            f"write the masks of one class, 255 where it is and 0 elsewhere."
        )


def _find_classes(shares: NDArray[np.float64], noise: int) -> list[int]:
    """Values that are classes, the most frequent first."""
    classes: list[int] = []
    for value in np.argsort(-shares, kind="stable"):
        if shares[value] >= CLASS_SHARE and all(abs(value - other) > noise for other in classes):
            classes.append(int(value))
    return classes

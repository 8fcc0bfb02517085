"""Masks whose boundaries can be compared although pixels are ignored. Shapes: N frames, H height, W width.

Where a mask is unknown it goes on as the nearest pixel that counts: along a ring of undecided pixels the boundary runs
in the ring's middle. Prediction and truth are continued by the same pixels, so that what is predicted or labelled in a
hole changes nothing, and masks that agree outside of it agree inside. Rows and columns at a frame's edge that are
ignored as a whole, as a letterbox has them, lie beyond the frame: there both masks are background.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

Masks = NDArray[np.bool_]


def close_holes(prediction: Masks, truth: Masks, ignored: Masks) -> tuple[Masks, Masks]:
    """Both masks, continued where pixels are ignored: (N, H, W) three times -> two new ones."""
    beyond = margins(ignored)
    holes = ignored & ~beyond
    closed = prediction & ~beyond, truth & ~beyond
    for frame in np.flatnonzero(holes.any(axis=(1, 2))):
        hole = holes[frame]
        nearest = distance_transform_edt(ignored[frame], return_distances=False, return_indices=True)[:, hole]
        for mask in closed:
            mask[frame, hole] = mask[frame][tuple(nearest)]
    return closed


def margins(ignored: Masks) -> Masks:
    """Rows and columns of (N, H, W) that are ignored as a whole, from the frame's edge on."""
    rows, columns = (_from_the_ends(np.asarray(ignored.all(axis=axis))) for axis in (2, 1))
    return np.asarray(rows[:, :, None] | columns[:, None, :])


def _from_the_ends(lines: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What of (N, L) is true from the first or the last one on."""
    first = np.logical_and.accumulate(lines, axis=1)
    last = np.logical_and.accumulate(lines[:, ::-1], axis=1)[:, ::-1]
    return first | last

"""Boundary metrics: how well a mask's boundary fits, which overlap hardly tells for large objects.

The boundary of a mask is its pixels with a 4-neighbour outside of it; what lies beyond the frame is outside. Distances
are Euclidean, in pixels of the frame before it was resized. Empty rule: two empty masks agree perfectly (scores 1,
distances 0), an empty one and another do not at all (scores 0, distances the frame's diagonal). Where pixels are
ignored, the boundaries are those of the masks that `bench.metrics.holes` continues there.

Shapes: N frames, H height, W width.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter
from scipy.spatial import KDTree

from bench.metrics.holes import close_holes
from bench.metrics.pixels import Ignored
from bench.schema import TOLERANCES

Masks = NDArray[np.bool_]
Points = NDArray[np.int64]
Distances = NDArray[np.float64]

BAND = 0.02
"""Width of Boundary IoU's band as a share of the diagonal (Cheng et al. 2021, arXiv 2103.16562)."""
TOLERANCE = 0.008
"""Tolerance of the boundary F-measure as a share of the diagonal (Perazzi et al. 2016, DAVIS)."""
NSD_TOLERANCE = 1.0
"""Tolerance in original pixels of the normalised surface distance that is judged."""
ALL_PAIRS = 1_000_000
"""Up to so many pairs of boundary pixels, all their distances take half as long as a tree of them, and 4 MB."""


class BoundaryScores(NamedTuple):
    """How two boundaries agree."""

    boundary_f: float
    """Harmonic mean of the shares of either boundary within `TOLERANCE` of the other (Perazzi et al. 2016)."""
    nsd: float
    """Share of both boundaries within `NSD_TOLERANCE` of the other one (Nikolov et al. 2018, arXiv 1809.04430)."""
    hd95: float
    """Larger of the two directed 95th percentiles of distance, in original pixels: MONAI's variant."""
    assd: float
    """Mean distance of all boundary pixels to the other boundary, in original pixels."""
    within: tuple[float, ...]
    """As `nsd`, at each of `schema.TOLERANCES`."""


def boundary_iou(prediction: Masks, truth: Masks, ignored: Ignored = None) -> NDArray[np.float64]:
    """IoU of the bands along both boundaries: (N, H, W) twice -> (N,).

    A band is the part of a mask within d = 2 % of the diagonal (at least 1 pixel) of its boundary, the frame's edge
    counting as boundary (Cheng et al. 2021). Pixels that are ignored (N, H, W) are part of neither band.
    """
    width = max(1, round(BAND * math.hypot(*truth.shape[1:])))
    masks = (prediction, truth) if ignored is None else close_holes(prediction, truth, ignored)
    bands = [_band(mask, width) for mask in masks]
    if ignored is not None:
        bands = [band & ~ignored for band in bands]
    both = np.count_nonzero(bands[0] & bands[1], axis=(1, 2))
    either = np.count_nonzero(bands[0] | bands[1], axis=(1, 2))
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def _band(masks: Masks, width: int) -> Masks:
    side = 2 * width + 1
    inner = minimum_filter(masks.view(np.uint8), size=(1, side, side), mode="constant", cval=0)
    band: Masks = masks & (inner == 0)
    return band


def boundary_scores(
    prediction: Masks,
    truth: Masks,
    original_sizes: NDArray[np.int64],
    pixel_sizes: Distances,
    ignored: Ignored = None,
) -> list[BoundaryScores]:
    """Scores of every frame.

    Args:
        prediction: (N, H, W).
        truth: (N, H, W).
        original_sizes: (N, 2) heights and widths of the frames before they were resized, in pixels.
        pixel_sizes: (N, 2) heights and widths of the masks' pixels, in those of the original.
        ignored: (N, H, W).
    """
    masks = (prediction, truth) if ignored is None else close_holes(prediction, truth, ignored)
    points = (_points(boundary_pixels(mask)) for mask in masks)
    boundaries = zip(*points, pixel_sizes, original_sizes, strict=True)
    return [_score(ours, theirs, size, math.hypot(*frame)) for ours, theirs, size, frame in boundaries]


def _points(boundaries: Masks) -> list[Points]:
    """Row and column (P, 2) of the pixels in each of (N, H, W)."""
    frames, pixels = np.divmod(np.flatnonzero(boundaries), boundaries[0].size)  # a fifth of the time of argwhere
    points = np.column_stack(np.divmod(pixels, boundaries.shape[2]))
    return np.split(points, np.searchsorted(frames, np.arange(1, len(boundaries))))


def boundary_pixels(masks: Masks) -> Masks:
    """Pixels of (N, H, W) masks that have a 4-neighbour outside."""
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    vertical, horizontal = padded[:, :, 1:-1], padded[:, 1:-1]
    return masks & ~(vertical[:, :-2] & vertical[:, 2:] & horizontal[:, :, :-2] & horizontal[:, :, 2:])


def _score(ours: Points, theirs: Points, spacing: Distances, diagonal: float) -> BoundaryScores:
    if not (len(ours) and len(theirs)):
        agree = len(ours) == len(theirs)
        distances = (0.0, 0.0) if agree else (diagonal, diagonal)
        return BoundaryScores(float(agree), float(agree), *distances, (float(agree),) * len(TOLERANCES))
    there, back = nearest_distances(ours, theirs, spacing)
    pooled = np.concatenate((there, back))
    precision, recall = (float((part <= math.ceil(TOLERANCE * diagonal)).mean()) for part in (there, back))
    return BoundaryScores(
        boundary_f=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        nsd=float((pooled <= NSD_TOLERANCE).mean()),
        hd95=max(_percentile(there, 95), _percentile(back, 95)),
        assd=float(pooled.mean()),
        within=tuple((pooled[:, None] <= TOLERANCES).mean(axis=0).tolist()),
    )


def _percentile(values: Distances, percent: float) -> float:
    """With linear interpolation, as `np.percentile`, which takes five times as long for a few hundred values."""
    return float(np.interp(percent / 100 * (len(values) - 1), np.arange(len(values)), np.sort(values)))


def nearest_distances(first: Points, second: Points, spacing: Distances) -> tuple[Distances, Distances]:
    """Distances of the pixels (P, 2) of `first` to the nearest of `second` (Q, 2) and back: (P,) and (Q,).

    `spacing` (2,) is the height and width of a pixel.
    """
    if len(first) * len(second) > ALL_PAIRS:
        return _nearest_by_tree(first * spacing, second * spacing), _nearest_by_tree(second * spacing, first * spacing)
    # Differences of whole pixels are exact in float32, so that equal distances stay equal to a tolerance.
    one, other = first.astype(np.float32), second.astype(np.float32)
    squares = np.square(one[:, None, 0] - other[:, 0]) * np.float32(spacing[0] ** 2)
    squares += np.square(one[:, None, 1] - other[:, 1]) * np.float32(spacing[1] ** 2)
    there, back = (np.sqrt(squares.min(axis=axis), dtype=np.float64) for axis in (1, 0))
    return there, back


def _nearest_by_tree(points: Distances, targets: Distances) -> Distances:
    tree = KDTree(targets, leafsize=32, compact_nodes=False, balanced_tree=False)  # quick to build, for few queries
    return np.asarray(tree.query(points)[0])

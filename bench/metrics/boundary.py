"""Boundary metrics: how well a mask's boundary fits, which overlap hardly tells for large objects.

The boundary of a mask is its pixels with a 4-neighbour outside of it; what lies beyond the frame is outside. Only
boundary F has a map of its own, in which the frame's edge is no boundary (`bench.metrics.boundary_maps`). Distances are
Euclidean, in pixels of the frame before it was resized. Empty rule: two empty masks agree perfectly (scores 1,
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

from hourglass_bench.bench.metrics.boundary_maps import Masks, Points, boundary_map, boundary_pixels, points
from hourglass_bench.bench.metrics.holes import close_holes, margins
from hourglass_bench.bench.metrics.pixels import Ignored
from hourglass_bench.bench.schema import TOLERANCES

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
    """Harmonic mean of the shares of either boundary map within `TOLERANCE` of the other (Perazzi et al. 2016)."""
    nsd: float
    """Share of both boundaries' pixels within `NSD_TOLERANCE` of the other one: MONAI's variant of Nikolov et al. 2018
    (arXiv 1809.04430), who weigh surface elements by their size."""
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
    inside = np.ones_like(truth) if ignored is None else ~margins(ignored)
    boundaries = zip(*(points(boundary_pixels(mask)) for mask in masks), strict=True)
    maps = zip(*(boundary_map(mask, inside) for mask in masks), strict=True)
    diagonals = np.hypot(*original_sizes.T).tolist()
    return [_score(*frame) for frame in zip(boundaries, maps, pixel_sizes, diagonals, strict=True)]


def _score(
    boundaries: tuple[Points, Points], maps: tuple[Masks, Masks], spacing: Distances, diagonal: float
) -> BoundaryScores:
    ours, theirs = boundaries
    if not (len(ours) and len(theirs)):
        agree = len(ours) == len(theirs)
        distances = (0.0, 0.0) if agree else (diagonal, diagonal)
        return BoundaryScores(float(agree), float(agree), *distances, (float(agree),) * len(TOLERANCES))
    there, back = nearest_distances(ours, theirs, spacing)
    pooled = np.concatenate((there, back))
    return BoundaryScores(
        boundary_f=_boundary_f(*maps, spacing, diagonal),
        nsd=float((pooled <= NSD_TOLERANCE).mean()),
        hd95=max(_percentile(there, 95), _percentile(back, 95)),
        assd=float(pooled.mean()),
        within=tuple((pooled[:, None] <= TOLERANCES).mean(axis=0).tolist()),
    )


def _boundary_f(ours: Masks, theirs: Masks, spacing: Distances, diagonal: float) -> float:
    """Of boundary maps (H, W). A mask that fills the frame has none: two agree, one and another do not at all."""
    sizes = np.count_nonzero(ours), np.count_nonzero(theirs)
    if not all(sizes):
        return float(sizes[0] == sizes[1])
    tolerance = math.ceil(TOLERANCE * diagonal)
    there, back = ours & _dilated(theirs, spacing, tolerance), theirs & _dilated(ours, spacing, tolerance)
    precision, recall = np.count_nonzero(there) / sizes[0], np.count_nonzero(back) / sizes[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _dilated(mask: Masks, spacing: Distances, distance: float) -> Masks:
    """All pixels within a distance of those of the mask (H, W): for the few steps that a tolerance is, the quickest."""
    down, right = (distance / spacing).astype(np.int64)
    steps = np.mgrid[-down : down + 1, -right : right + 1].reshape(2, -1)
    near = np.square(steps * spacing[:, None]).sum(axis=0) <= distance**2
    padded = np.pad(mask, ((down, down), (right, right)))
    dilated = mask.copy()
    for row, column in (steps[:, near] + [[down], [right]]).T.tolist():
        dilated |= padded[row : row + mask.shape[0], column : column + mask.shape[1]]
    return dilated


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

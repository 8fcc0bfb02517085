"""Labels at another size by areas: how much of each cell is foreground, and which cells keep the share of it."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.resizing.boxes import Size

if TYPE_CHECKING:
    from scipy.sparse import csr_array

STRIP = 1024
"""Rows that are added up at a time: large masks need no second copy of numbers that are four times as wide."""


def area_sums(marked: NDArray[np.bool_], size: Size) -> NDArray[np.int64]:
    """Area of what is marked (H, W) in each of h x w equal cells: (h, w), of at most H * W, which is a whole cell.

    Exact also where a cell's edge cuts through pixels, so that equal areas are equal numbers.
    """
    if marked.shape == size:
        return marked * np.int64(marked.size)
    if marked.all():
        return np.full(size, marked.size)
    rows, columns = (_overlaps(length, cells) for length, cells in zip(marked.shape, size, strict=True))
    strips = (slice(top, top + STRIP) for top in range(0, len(marked), STRIP))
    sums = np.sum([rows[:, strip] @ marked[strip].astype(np.int32) for strip in strips], axis=0)
    return np.asarray(sums @ columns.T.astype(np.int64))


@lru_cache(maxsize=64)  # most frames of a set have one size
def _overlaps(length: int, cells: int) -> "csr_array":
    """(cells, length): the part of each pixel in each cell, of `cells` parts in all."""
    from scipy.sparse import csr_array  # a training that finds its frames in the cache does without

    edges = np.union1d(np.arange(length + 1) * cells, np.arange(cells + 1) * length)
    places = edges[:-1] // length, edges[:-1] // cells
    return csr_array((np.diff(edges).astype(np.int32), places), shape=(cells, length))


def keep_share(coverage: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which cells (n,), covered by 0 to 1, become foreground: the most covered, as many as the covered areas fill.

    What is there stays there: one cell at least is foreground if any is covered, and one is not if any is not covered
    wholly. Where more are equally covered than are missing, as along a straight thin line, they are taken evenly.
    """
    kept, partial = np.asarray(coverage == 1), np.flatnonzero((coverage > 0) & (coverage < 1))
    missing = max(1, min(round(coverage.sum()), coverage.size - 1)) - np.count_nonzero(kept)
    if partial.size == 0 or missing == 0:
        return kept
    threshold = np.sort(coverage[partial])[-missing]
    above, equal = partial[coverage[partial] > threshold], partial[coverage[partial] == threshold]
    missing -= above.size
    kept[above] = kept[equal[(2 * np.arange(missing) + 1) * equal.size // (2 * missing)]] = True
    return kept

"""The stored-mask ceiling: the score of the true masks themselves, kept at the size of a bottleneck map.

A mask is averaged over the cells of a coarse grid and brought back by bilinear interpolation; what is then above one
half is foreground. It tells how much of a mask is finer than the grid. It is no bound for a network, whose map has many
channels, and which does better where they hold what is inside a cell.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.boundary import boundary_iou
from hourglass_bench.reports.store.arrays import overlap, read_ignored, read_panel
from hourglass_bench.reports.store.load import ARTIFACTS

Masks = NDArray[np.bool_]

COLUMNS = ["side", "iou", "boundary_iou", "frames"]


def ceiling(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean scores over the frames in the runs' panel files, by the shorter side of the grid: columns as COLUMNS.

    The sides are the powers of two from 2 to half the frame's; empty if no run has a panel file.

    Raises:
        ValueError: as `read_panel`.
    """
    kept = runs[runs[ARTIFACTS].map(lambda folder: (Path(folder) / schema.PANEL_DATA).is_file()).astype("bool")]
    # Runs of one split were tested on the same frames; those of another split may share some.
    frames = {
        (run[schema.DATA_DIGEST], *key): frame
        for _, run in kept.drop_duplicates([schema.DATA_DIGEST, schema.SPLIT_DIGEST]).iterrows()
        for key, frame in _read(Path(run[ARTIFACTS]) / schema.PANEL_DATA)
    }
    rows = [row for frame in frames.values() for row in _scores(*frame)]
    means = pd.DataFrame(rows, columns=COLUMNS[:3]).groupby("side").agg(["mean", "size"])
    return pd.DataFrame(
        {
            "side": means.index.astype("int64"),
            "iou": means["iou", "mean"].to_numpy(np.float64),
            "boundary_iou": means["boundary_iou", "mean"].to_numpy(np.float64),
            "frames": means["iou", "size"].to_numpy(np.int64),
        }
    )


def _read(path: Path) -> list[tuple[tuple[str, tuple[int, ...]], tuple[Masks, Masks]]]:
    """Stem and size of every frame, which tell the frames of one data set apart, with its true mask and what of it is
    ignored.
    """
    stems, masks = read_panel(path, "stems", "truth")
    frames = zip(stems, masks, read_ignored(path, masks), strict=True)
    return [((str(stem), mask.shape), (mask, ignored)) for stem, mask, ignored in frames]


def _scores(truth: Masks, ignored: Masks) -> list[tuple[int, float, float]]:
    """Side, IoU and Boundary IoU of one frame (H, W) on each grid, without what is ignored."""
    sides = [2**power for power in range(1, int(min(truth.shape)).bit_length()) if 2**power <= min(truth.shape) / 2]
    stored = [(side, store(truth, side)) for side in sides]
    return [
        (side, overlap(mask, truth, ignored), float(boundary_iou(mask[None], truth[None], ignored[None])[0]))
        for side, mask in stored
    ]


def store(truth: Masks, side: int) -> Masks:
    """A mask (H, W) after a stay on a grid of `side` cells along its shorter side, as square as its aspect allows."""
    sizes = [max(side, round(side * length / min(truth.shape))) for length in truth.shape]
    rows, columns = (_there_and_back(length, cells) for length, cells in zip(truth.shape, sizes, strict=True))
    # Rounded, so that what is one half but for rounding errors is background on every machine.
    back: Masks = (rows @ truth @ columns.T).round(9) > 0.5
    return back


def _there_and_back(length: int, cells: int) -> NDArray[np.float64]:
    """Matrix (length, length) that averages over equal cells and interpolates between their centres."""
    edges = np.linspace(0, length, cells + 1)
    pixels = np.arange(length)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    down = np.clip(covered, 0, None) * cells / length
    place = np.clip((pixels + 0.5) * cells / length - 0.5, 0, cells - 1)
    up = np.clip(1 - np.abs(place[:, None] - np.arange(cells)), 0, None)
    matrix: NDArray[np.float64] = up @ down
    return matrix

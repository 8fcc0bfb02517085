"""All metrics of a prediction, a row for each frame: what every mean, interval and verdict is computed from."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hourglass_bench.bench import schema
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.metrics.boundary import boundary_iou, boundary_scores
from hourglass_bench.bench.metrics.calibration import brier, calibration_error
from hourglass_bench.bench.metrics.overlap import mask_scores, scene_mean
from hourglass_bench.bench.metrics.pixels import frame_means

FRAMES_AT_A_TIME = 64
"""What is in work at a time takes about 1.6 MB per frame of 256x256."""


def frame_table(probability: NDArray[np.floating], frames: Frames, indices: NDArray[np.int64]) -> pd.DataFrame:
    """Columns as `schema.FRAME_TABLE` from the metrics on, one row per frame; what is ignored counts in none of them.

    Args:
        probability: (N, H, W) of foreground; foreground is what is above 0.5.
        frames: among which are those that were predicted.
        indices: (N,) of these.
    """
    parts = [_table(probability[at], frames, indices[at]) for at in chunks(len(indices))]
    return pd.concat(parts, ignore_index=True)


def chunks(frames: int) -> list[slice]:
    """The frames that are in work at a time."""
    return [slice(start, start + FRAMES_AT_A_TIME) for start in range(0, frames, FRAMES_AT_A_TIME)]


def _table(probability: NDArray[np.floating], frames: Frames, indices: NDArray[np.int64]) -> pd.DataFrame:
    chance, truth, ignored = as_float32(probability), frames.foreground_of(indices), frames.ignored_of(indices)
    prediction = chance > 0.5
    overlap = mask_scores(prediction, truth, ignored)
    sizes = frames.original_sizes[indices], frames.pixel_sizes(indices)
    boundaries = pd.DataFrame(boundary_scores(prediction, truth, *sizes, ignored))
    within = [schema.within_column(tolerance) for tolerance in schema.TOLERANCES]
    return pd.DataFrame(
        {
            "iou": overlap.iou.numpy(),
            "dice": overlap.dice.numpy(),
            "boundary_iou": boundary_iou(prediction, truth, ignored),
            **boundaries.drop(columns="within"),
            "brier": brier(chance, truth, ignored),
            "ece": calibration_error(chance, truth, ignored),
            schema.FRAME_FOREGROUND: frame_means(truth, ignored),
            **dict(zip(within, zip(*boundaries["within"], strict=True), strict=True)),
        }
    )


def as_float32(probability: NDArray[np.floating]) -> NDArray[np.float32]:
    """The same values; NumPy takes twenty times as long from float16."""
    values: NDArray[np.float32] = torch.from_numpy(probability).float().numpy()
    return values


def scene_means(
    table: pd.DataFrame, scenes: list[str], metrics: tuple[schema.Metric, ...] = schema.TEST_METRICS
) -> dict[str, float]:
    """Scene mean of every metric that has a column, by the names of `bench.schema`."""
    present = [metric for metric in metrics if metric.column in table]
    return {metric.name: scene_mean(table[metric.column].tolist(), scenes) for metric in present}


def write_table(dataset: Dataset, split: Split, table: pd.DataFrame, path: Path) -> None:
    """Write a table with a row per test frame as Parquet, after each frame's stem and scene."""
    stems, scenes = (np.array(names)[split.test] for names in (dataset.frames.stems, dataset.frames.scenes))
    pd.concat([pd.DataFrame({"stem": stems, "scene": scenes}), table], axis=1).to_parquet(path, index=False)

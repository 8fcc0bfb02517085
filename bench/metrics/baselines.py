"""What needs no network: rows beside the architectures, without which no score can be judged.

A copy that scores high says that test frames have near copies among the training frames: the split leaks.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass_bench.bench import schema
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.neighbours import nearest_training_frames, thumbnails
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.metrics.boundary import boundary_iou
from hourglass_bench.bench.metrics.calibration import brier
from hourglass_bench.bench.metrics.frame_table import chunks
from hourglass_bench.bench.metrics.overlap import mask_scores, scene_mean


def baseline_table(frames: Frames, split: Split) -> pd.DataFrame:
    """Every baseline's scores, one row per test frame; pixels that are ignored count in none of them.

    The columns are the names of `schema.baseline_metric`.
    """
    return pd.DataFrame(
        {
            schema.baseline_metric(baseline, column).name: scores
            for baseline, rule in RULES.items()
            for column, scores in _scores(rule(frames, split), frames, split.test).items()
        }
    )


def baseline_metrics(table: pd.DataFrame, scenes: list[str]) -> dict[str, float]:
    """Scene mean of every column of `baseline_table`."""
    return {name: scene_mean(table[name].tolist(), scenes) for name in table.columns}


def iou_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Of `baseline_table` what `schema.FRAME_TABLE` has of it."""
    names = {schema.baseline_metric(baseline, "iou").name: schema.baseline_column(baseline) for baseline in RULES}
    return table[list(names)].rename(columns=names)


def _scores(
    probability: NDArray[np.generic], frames: Frames, indices: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """By the names of `schema.BASELINE_COLUMNS`, each (N,)."""
    # A probability of one frame is that of all.
    parts = [
        _score(probability[at] if len(probability) > 1 else probability, frames, indices[at])
        for at in chunks(len(indices))
    ]
    return {column: np.concatenate([part[column] for part in parts]) for column in schema.BASELINE_COLUMNS}


def _score(
    probability: NDArray[np.generic], frames: Frames, indices: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    truth, ignored = frames.foreground_of(indices), frames.ignored_of(indices)
    everywhere = np.array(np.broadcast_to(probability, truth.shape), dtype=np.float32)
    prediction = everywhere > 0.5
    return {
        "iou": mask_scores(prediction, truth, ignored).iou.numpy(),
        "boundary_iou": boundary_iou(prediction, truth, ignored),
        "brier": brier(everywhere, truth, ignored),
    }


Rule = Callable[[Frames, Split], NDArray[np.generic]]
"""Foreground probability of the test frames from the training frames alone: (N, H, W), or (1, H, W) for all alike."""


RULES: dict[str, Rule] = {
    "all_foreground": lambda frames, split: np.ones((1, 1, 1), dtype=np.float32),
    "base_rate": lambda frames, split: _training_share(frames, split, axis=(0, 1, 2)),
    "mean_mask": lambda frames, split: _training_share(frames, split, axis=(0,)),
    "copy": lambda frames, split: frames.foreground_of(nearest_training_frames(thumbnails(frames.images), split)),
}
"""The baselines, by the names of `schema.BASELINES`: a new one is one entry here and its label there."""


def _training_share(frames: Frames, split: Split, axis: tuple[int, ...]) -> NDArray[np.float64]:
    """Of what counts along some axes of the training masks, the share that is foreground; 0 where nothing counts."""
    foreground, counted = np.int64(0), np.int64(0)
    for at in chunks(len(split.train)):
        masks, ignored = frames.foreground_of(split.train[at]), frames.ignored_of(split.train[at])
        foreground = foreground + masks.sum(axis=axis, keepdims=True)
        known = np.ones_like(masks) if ignored is None else ~ignored
        counted = counted + known.sum(axis=axis, keepdims=True)
    return np.asarray(foreground / np.maximum(counted, 1))

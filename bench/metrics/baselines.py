"""What needs no network: rows beside the architectures, without which no score can be judged.

A copy that scores high says that test frames have near copies among the training frames: the split leaks.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench import schema
from bench.data.frames import Frames
from bench.data.neighbours import nearest_training_frames, thumbnails
from bench.data.split import Split
from bench.metrics.boundary import boundary_iou
from bench.metrics.calibration import brier
from bench.metrics.frame_table import chunks
from bench.metrics.overlap import mask_scores, scene_mean


def baseline_metrics(frames: Frames, split: Split) -> dict[str, float]:
    """Test metrics of every baseline, by the names of `bench.schema`; pixels that are ignored count in none of them."""
    scenes = [frames.scenes[index] for index in split.test]
    values: dict[str, float] = {}
    for baseline, rule in RULES.items():
        probability = rule(frames, split)
        # A probability of one frame is that of all.
        parts = [
            _score(probability[at] if len(probability) > 1 else probability, frames, split.test[at])
            for at in chunks(len(scenes))
        ]
        for column in schema.BASELINE_COLUMNS:
            scores = np.concatenate([part[column] for part in parts])
            values[schema.baseline_metric(baseline, column).name] = scene_mean(scores.tolist(), scenes)
    return values


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

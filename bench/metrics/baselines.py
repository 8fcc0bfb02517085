"""What needs no network: rows beside the architectures, without which no score can be judged.

A copy that scores high says that test frames have near copies among the training frames: the split leaks.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from bench import schema
from bench.data.frames import Frames, is_foreground
from bench.data.neighbours import nearest_training_frames, thumbnails
from bench.data.split import Split
from bench.metrics.boundary import boundary_iou
from bench.metrics.calibration import brier
from bench.metrics.frame_table import chunks
from bench.metrics.overlap import frame_scores, scene_mean


def baseline_metrics(frames: Frames, split: Split) -> dict[str, float]:
    """Test metrics of every baseline, by the names of `bench.schema`."""
    scenes = [frames.scenes[index] for index in split.test]
    truth = is_foreground(frames.masks[split.test])
    values: dict[str, float] = {}
    for baseline, rule in RULES.items():
        probability = rule(frames, split)
        # A probability of one frame is that of all.
        parts = [
            _score(probability[at] if len(probability) > 1 else probability, truth[at]) for at in chunks(len(truth))
        ]
        for column in schema.BASELINE_COLUMNS:
            scores = np.concatenate([part[column] for part in parts])
            values[schema.baseline_metric(baseline, column).name] = scene_mean(scores.tolist(), scenes)
    return values


def _score(probability: NDArray[np.generic], truth: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    everywhere = np.array(np.broadcast_to(probability, truth.shape), dtype=np.float32)
    prediction = everywhere > 0.5
    return {
        "iou": frame_scores(torch.from_numpy(prediction), torch.from_numpy(truth)).iou.numpy(),
        "boundary_iou": boundary_iou(prediction, truth),
        "brier": brier(everywhere, truth),
    }


Rule = Callable[[Frames, Split], NDArray[np.generic]]
"""Foreground probability of the test frames from the training frames alone: (N, H, W), or (1, H, W) for all alike."""


RULES: dict[str, Rule] = {
    "all_foreground": lambda frames, split: np.ones((1, 1, 1), dtype=np.float32),
    "base_rate": lambda frames, split: _training_masks(frames, split).mean(keepdims=True, dtype=np.float64),
    "mean_mask": lambda frames, split: _training_masks(frames, split).mean(axis=0, keepdims=True, dtype=np.float32),
    "copy": lambda frames, split: is_foreground(
        frames.masks[nearest_training_frames(thumbnails(frames.images), split)]
    ),
}
"""The baselines, by the names of `schema.BASELINES`: a new one is one entry here and its label there."""


def _training_masks(frames: Frames, split: Split) -> NDArray[np.bool_]:
    return is_foreground(frames.masks[split.train])

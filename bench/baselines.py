"""What needs no network: rows beside the architectures, without which no score can be judged.

A copy that scores high says that test frames have near copies among the training frames: the split leaks.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from bench import schema
from bench.boundary import boundary_iou
from bench.calibration import brier
from bench.data.frames import Frames, is_foreground
from bench.data.neighbours import nearest, thumbnails
from bench.data.split import Split
from bench.metrics import frame_scores, scene_mean


def baseline_metrics(frames: Frames, split: Split) -> dict[str, float]:
    """Test metrics of every baseline, by the names of `bench.schema`."""
    truth = is_foreground(frames.masks[split.test])
    scenes = [frames.scenes[index] for index in split.test]
    values: dict[str, float] = {}
    for baseline, probability in probabilities(frames, split).items():
        prediction = np.array(np.broadcast_to(probability > 0.5, truth.shape))
        scores = {
            "iou": frame_scores(torch.from_numpy(prediction), torch.from_numpy(truth)).iou.numpy(),
            "boundary_iou": boundary_iou(prediction, truth),
            "brier": brier(np.broadcast_to(probability, truth.shape), truth),
        }
        for column in schema.BASELINE_COLUMNS:
            values[schema.baseline_metric(baseline, column).name] = scene_mean(scores[column].tolist(), scenes)
    return values


def probabilities(frames: Frames, split: Split) -> dict[schema.Baseline, NDArray[np.float32]]:
    """What each baseline predicts for the test frames, from the training frames alone: (N, H, W), or less if equal."""
    masks = is_foreground(frames.masks[split.train])
    copied, _ = nearest(thumbnails(frames.images[split.test]), thumbnails(frames.images[split.train]))
    return {
        "all_foreground": np.ones((1, 1, 1), dtype=np.float32),
        "base_rate": masks.mean(dtype=np.float32).reshape(1, 1, 1),
        "mean_mask": masks.mean(axis=0, keepdims=True, dtype=np.float32),
        "copy": masks[copied].astype(np.float32),
    }

"""Overlap metrics: one value per frame, then the mean of each scene, then the unweighted mean over scenes.

A scene counts once however many frames it has, since frames of one video are near copies. Empty rule: prediction and
truth both empty scores 1, one of them empty scores 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_stat_scores


class FrameScores(NamedTuple):
    """Overlap of every frame, each (N,)."""

    iou: Tensor
    dice: Tensor


def frame_scores(predictions: Tensor, targets: Tensor) -> FrameScores:
    """IoU and Dice of boolean masks (N, ...) against boolean masks of the same shape."""
    # Integers, never floats: torchmetrics applies a sigmoid to floats whenever one of them leaves [0, 1].
    counts = binary_stat_scores(
        predictions.flatten(1).long(), targets.flatten(1).long(), multidim_average="samplewise", validate_args=False
    )
    true_positive, false_positive, _, false_negative, _ = counts.double().unbind(1)
    wrong = false_positive + false_negative
    empty = true_positive + wrong == 0
    return FrameScores(
        iou=torch.where(empty, 1.0, true_positive / (true_positive + wrong)),
        dice=torch.where(empty, 1.0, 2 * true_positive / (2 * true_positive + wrong)),
    )


def scene_mean(values: Sequence[float], scenes: Sequence[str]) -> float:
    """Unweighted mean over scenes of the mean over each scene's frames."""
    return float(pd.Series(values).groupby(list(scenes)).mean().mean())

"""Overlap metrics: one value per frame, then the mean of each scene, then the unweighted mean over scenes.

A scene counts once however many frames it has, since frames of one video are near copies. Empty rule: prediction and
truth both empty scores 1, one of them empty scores 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor
from torchmetrics.functional.segmentation import dice_score


class FrameScores(NamedTuple):
    """Overlap of every frame, each (N,)."""

    iou: Tensor
    dice: Tensor


def frame_scores(predictions: Tensor, targets: Tensor) -> FrameScores:
    """IoU and Dice of boolean masks (N, ...) against boolean masks of the same shape."""
    # Integer labels, never floats: torchmetrics would take the argmax over one channel and score 1.
    dice = dice_score(
        predictions.flatten(1).long(),
        targets.flatten(1).long(),
        num_classes=2,
        include_background=False,
        input_format="index",
        aggregation_level="samplewise",
    ).double()
    dice = torch.where(dice.isnan(), 1.0, dice)  # torchmetrics leaves frames with two empty masks undefined
    return FrameScores(iou=dice / (2 - dice), dice=dice)


def scene_mean(values: Sequence[float], scenes: Sequence[str]) -> float:
    """Unweighted mean over scenes of the mean over each scene's frames."""
    return float(pd.Series(values).groupby(list(scenes)).mean().mean())

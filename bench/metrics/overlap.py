"""Overlap metrics: one value per frame, then the mean of each scene, then the unweighted mean over scenes.

A scene counts once however many frames it has, since frames of one video are near copies. Empty rule: prediction and
truth both empty scores 1, one of them empty scores 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class FrameScores(NamedTuple):
    """Overlap of every frame, each (N,)."""

    iou: Tensor
    dice: Tensor


def frame_scores(predictions: Tensor, targets: Tensor) -> FrameScores:
    """IoU and Dice of boolean masks (N, ...) against boolean masks of the same shape."""
    both = (predictions & targets).flatten(1).sum(1, dtype=torch.float64)
    either = (predictions | targets).flatten(1).sum(1, dtype=torch.float64)
    iou = torch.where(either == 0, 1.0, both / either)
    return FrameScores(iou=iou, dice=2 * iou / (1 + iou))


def scene_mean(values: Sequence[float], scenes: Sequence[str]) -> float:
    """Unweighted mean over scenes of the mean over each scene's frames."""
    _, scene = np.unique(np.asarray(scenes), return_inverse=True)
    return float(np.mean(np.bincount(scene, np.asarray(values, float)) / np.bincount(scene)))


def label_agreement(masks: NDArray[np.uint8], scenes: Sequence[str]) -> float:
    """Scene mean of the IoU of soft masks (N, H, W) cut at 64 and at 192: above it, the threshold decides the score."""
    return scene_mean(threshold_iou(masks).tolist(), scenes)


def threshold_iou(masks: NDArray[np.uint8]) -> Tensor:
    """IoU of soft masks (N, H, W) cut at 64 and at 192, per frame: 1 if the threshold decides nothing."""
    low, high = (torch.from_numpy(masks >= threshold) for threshold in (64, 192))
    return frame_scores(low, high).iou

"""Overlap metrics: one value per frame, then the mean of each scene, then the unweighted mean over scenes.

A scene counts once however many frames it has, since frames of one video are near copies. Empty rule: prediction and
truth both empty scores 1, one of them empty scores 0; of a frame that is ignored as a whole, both are empty.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hourglass_bench.bench.machine.precision import widest
from hourglass_bench.bench.metrics.pixels import Ignored


class FrameScores(NamedTuple):
    """Overlap of every frame, each (N,)."""

    iou: Tensor
    dice: Tensor


def frame_scores(predictions: Tensor, targets: Tensor, ignored: Tensor | None = None) -> FrameScores:
    """IoU and Dice of boolean masks (N, ...) against boolean masks of the same shape, without pixels that are ignored.

    These are boolean too, and of the same shape; None: every pixel counts.
    """
    if ignored is not None:
        predictions, targets = predictions & ~ignored, targets & ~ignored
    dtype = widest(predictions.device)
    both = (predictions & targets).flatten(1).sum(1, dtype=dtype)
    either = (predictions | targets).flatten(1).sum(1, dtype=dtype)
    iou = (both / either).masked_fill(either == 0, 1.0)  # `torch.where` would send the number to the device, and wait
    return FrameScores(iou=iou, dice=2 * iou / (1 + iou))


def mask_scores(predictions: NDArray[np.bool_], targets: NDArray[np.bool_], ignored: Ignored = None) -> FrameScores:
    """`frame_scores` of masks that are NumPy's."""
    arrays = (predictions, targets) if ignored is None else (predictions, targets, ignored)
    return frame_scores(*map(torch.from_numpy, arrays))


def scene_mean(values: Sequence[float], scenes: Sequence[str]) -> float:
    """Unweighted mean over scenes of the mean over each scene's frames."""
    _, scene = np.unique(np.asarray(scenes), return_inverse=True)
    return float(np.mean(np.bincount(scene, np.asarray(values, float)) / np.bincount(scene)))


def label_agreement(masks: NDArray[np.uint8], scenes: Sequence[str], ignored: Ignored = None) -> float:
    """Scene mean of the IoU of soft masks (N, H, W) cut at 64 and at 192: above it, the threshold decides the score.

    Pixels that are `ignored` (N, H, W) do not count.
    """
    return scene_mean(mask_scores(masks >= 64, masks >= 192, ignored).iou.tolist(), scenes)

"""The leak probe: what copying alone scores. A split under which the nearest training frame's mask fits leaks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from bench.config import DataConfig
from bench.data.frames import is_foreground
from bench.data.neighbours import nearest_training_frames
from bench.data.split import split_frames
from bench.metrics.overlap import frame_scores, scene_mean


def probe_leak(
    scenes: Sequence[str], masks: NDArray[np.uint8], thumbs: NDArray[np.float32], data: DataConfig
) -> dict[str, float]:
    """Test IoU of the mask copied from the nearest training frame, under the split of `data` and under random frames.

    Takes soft masks (N, H, W) and thumbnails (N, D). Every fold is tested, a hold-out's only one; the IoU of all tested
    frames is averaged over each scene, then over scenes.

    Raises:
        ValueError: fewer scenes than folds.
    """
    labels = torch.from_numpy(is_foreground(masks))
    leaky = replace(data, split="random_frames")
    return {config.split: _score_copies(scenes, labels, thumbs, config) for config in (data, leaky)}


def _score_copies(scenes: Sequence[str], labels: torch.Tensor, thumbs: NDArray[np.float32], data: DataConfig) -> float:
    values: list[float] = []
    tested: list[str] = []
    for repeat in range(1 if data.split == "scene_holdout" else data.folds):
        split = split_frames(scenes, data, repeat)
        copied = nearest_training_frames(thumbs, split)
        values += frame_scores(labels[copied], labels[split.test]).iou.tolist()
        tested += [scenes[index] for index in split.test]
    return scene_mean(values, tested)

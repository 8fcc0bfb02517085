"""What is wrong with a data set, before anything is trained on it: its files, its masks, its copies, and what leaks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from bench.config import DataConfig
from bench.data.audit.copies import NearCopies, find_exact_copies, find_near_copies
from bench.data.audit.look_alikes import LookAlikes, find_look_alikes
from bench.data.cache import Dataset
from bench.data.facts import Facts, drawn_facts
from bench.data.frames import is_foreground
from bench.data.neighbours import nearest_training_frames, thumbnails
from bench.data.reading import Reading
from bench.data.split import assign_folds, split_frames
from bench.metrics.overlap import frame_scores, scene_mean

FULL = 0.995
"""A mask with at least this share of foreground counts as all foreground."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Frames counted by what their files are; synthetic frames count as they were drawn."""

    image_sizes: dict[str, int]
    """By `WIDTHxHEIGHT` in original pixels."""
    image_modes: dict[str, int]
    """By Pillow's name of the mode, such as RGB."""
    masks_of_other_size: list[str]
    """Stems of the frames whose mask has not the size of the image."""


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """Masks at their original size; shares and IoU lie in [0, 1], means are over the frames."""

    mean_foreground: float
    least_foreground: float
    most_foreground: float
    empty: list[str]
    """Stems of the frames without foreground."""
    full: list[str]
    """Stems of the frames that are foreground to `FULL` or more."""
    soft_share: float
    """Share of the pixels that are neither 0 nor 255."""
    threshold_iou: float
    """IoU of the masks cut at 64 and at 192: 1 if the threshold decides nothing."""


@dataclass(frozen=True, slots=True)
class Audit:
    """All that is told of a data set."""

    data: str
    """Folder, or `synthetic`."""
    frames: int
    scenes: int
    frames_per_scene: tuple[int, float, int]
    """Smallest, median and largest number."""
    files: FileFacts
    reading: Reading
    """How the files were read."""
    masks: MaskFacts
    exact_copies: list[list[str]]
    """Stems of frames with the same pixels, in groups."""
    near_copies: NearCopies
    look_alikes: LookAlikes
    folds: int
    copy_iou: dict[str, float]
    """By the split's name, the test IoU of copying the nearest training frame's mask (see `probe_leak`)."""


def audit(dataset: Dataset, data: DataConfig) -> Audit:
    """Audit a data set, which was read from `data`.

    Raises:
        ValueError: fewer scenes than folds.
    """
    frames = dataset.frames
    assign_folds(frames.scenes, data.folds)
    facts = dataset.facts or drawn_facts(frames)
    thumbs = thumbnails(frames.images)
    lengths = list(Counter(frames.scenes).values())
    return Audit(
        data=data.path,
        frames=len(frames.stems),
        scenes=len(lengths),
        frames_per_scene=(min(lengths), float(np.median(lengths)), max(lengths)),
        files=_describe_files(frames.stems, facts),
        reading=dataset.reading,
        masks=_describe_masks(frames.stems, facts),
        exact_copies=find_exact_copies(frames.stems, [item.digest for item in facts]),
        near_copies=find_near_copies(frames.stems, frames.scenes, thumbs),
        look_alikes=find_look_alikes(frames),
        folds=data.folds,
        copy_iou=probe_leak(frames.scenes, frames.masks, thumbs, data),
    )


def probe_leak(
    scenes: Sequence[str], masks: NDArray[np.uint8], thumbs: NDArray[np.float32], data: DataConfig
) -> dict[str, float]:
    """Test IoU of the mask copied from the nearest training frame, under the split of `data` and under random frames.

    A split under which copies fit leaks. Takes soft masks (N, H, W) and thumbnails (N, D). Every fold is tested, a
    hold-out's only one; the IoU of all tested frames is averaged over each scene, then over scenes.

    Raises:
        ValueError: fewer scenes than folds.
    """
    labels = torch.from_numpy(is_foreground(masks))
    leaky = replace(data, split="random_frames")
    return {config.split: _score_copies(scenes, labels, thumbs, config) for config in (data, leaky)}


def _describe_files(stems: Sequence[str], facts: Sequence[Facts]) -> FileFacts:
    return FileFacts(
        image_sizes=_count(f"{width}x{height}" for height, width in (item.image_size for item in facts)),
        image_modes=_count(item.image_mode for item in facts),
        masks_of_other_size=_select(stems, (item.mask_size != item.image_size for item in facts)),
    )


def _describe_masks(stems: Sequence[str], facts: Sequence[Facts]) -> MaskFacts:
    foreground = [item.foreground for item in facts]
    return MaskFacts(
        mean_foreground=float(np.mean(foreground)),
        least_foreground=min(foreground),
        most_foreground=max(foreground),
        empty=_select(stems, (share == 0 for share in foreground)),
        full=_select(stems, (share >= FULL for share in foreground)),
        soft_share=float(np.mean([item.soft for item in facts])),
        threshold_iou=float(np.mean([item.threshold_iou for item in facts])),
    )


def _count(values: Iterable[str]) -> dict[str, int]:
    """Occurrences, the most frequent first."""
    return dict(Counter(values).most_common())


def _select(stems: Sequence[str], which: Iterable[bool]) -> list[str]:
    return [stem for stem, selected in zip(stems, which, strict=True) if selected]


def _score_copies(scenes: Sequence[str], labels: torch.Tensor, thumbs: NDArray[np.float32], data: DataConfig) -> float:
    values: list[float] = []
    tested: list[str] = []
    for repeat in range(1 if data.split == "scene_holdout" else data.folds):
        split = split_frames(scenes, data, repeat)
        copied = nearest_training_frames(thumbs, split)
        values += frame_scores(labels[copied], labels[split.test]).iou.tolist()
        tested += [scenes[index] for index in split.test]
    return scene_mean(values, tested)

"""What is wrong with a data set, before anything is trained on it: its files, its masks, its copies, and what leaks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.config import SYNTHETIC, DataConfig
from hourglass_bench.bench.data.audit.copies import contrast, copies_between, find_exact_copies, find_near_copies
from hourglass_bench.bench.data.audit.findings import (
    COVERED,
    FULL,
    Audit,
    FileFacts,
    MaskFacts,
    SceneFacts,
    tested_folds,
)
from hourglass_bench.bench.data.audit.look_alikes import find_look_alikes
from hourglass_bench.bench.data.audit.warnings import find_warnings
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.facts import Facts, drawn_facts
from hourglass_bench.bench.data.folder.pairs import Found, find_pairs
from hourglass_bench.bench.data.frames import Frames, is_foreground
from hourglass_bench.bench.data.neighbours import nearest_training_frames, shrink, thumbnails
from hourglass_bench.bench.data.split import find_leaks, split_frames
from hourglass_bench.bench.metrics.overlap import mask_scores, scene_mean

COMPARED = 4000
"""Frames whose pictures are compared: of all with all, 20,000 would take minutes."""
PLAIN = 2 / 255
"""Contrast below which an image is of one colour."""
_CHUNK = 512  # masks at a time


def audit(dataset: Dataset, data: DataConfig) -> Audit:
    """Audit a data set, which was read from `data`.

    Raises:
        ValueError: the files in the folder can no longer be paired, or roles are to be used that it does not give.
    """
    frames, facts = dataset.frames, dataset.facts or drawn_facts(dataset.frames)
    found = None if data.path == SYNTHETIC else find_pairs(data)
    lengths = list(Counter(frames.scenes).values())
    chosen = _spread(frames.scenes, COMPARED)
    compared = _shrink(frames, chosen)
    thumbs = thumbnails(compared.images)
    parts = len(frames.stems) if data.split in ("given", "random_frames") else len(lengths)
    findings = Audit(
        data=data.path,
        warnings=[],
        frames=len(frames.stems),
        scenes=len(lengths),
        frames_per_scene=(min(lengths), float(np.median(lengths)), max(lengths)),
        size=data.size,
        files=_describe_files(frames.stems, facts, found),
        reading=dataset.reading,
        masks=_describe_masks(frames, facts),
        told_apart=_describe_scenes(frames, compared, thumbs, found),
        exact_copies=find_exact_copies(frames.stems, [item.digest for item in facts]),
        compared=len(compared.stems),
        plain=float((contrast(thumbs) < PLAIN).mean()),
        near_copies=find_near_copies(compared.stems, compared.scenes, thumbs),
        look_alikes=find_look_alikes(compared),
        split=data.split,
        folds=data.folds,
        copy_iou=probe_leak(frames, chosen, thumbs, data) if parts >= data.folds else {},
    )
    return replace(findings, warnings=find_warnings(findings, data))


def probe_leak(
    frames: Frames, chosen: NDArray[np.int64], thumbs: NDArray[np.float32], data: DataConfig
) -> dict[str, float]:
    """Test IoU of the mask copied from the nearest training frame, under the split of `data` and under random frames.

    A split under which copies fit leaks. Takes the indices of the frames that take part (N) and their thumbnails
    (N, D). Every fold is tested, a hold-out's and the given roles' only one; the IoU of all tested frames is averaged
    over each scene, then over scenes.

    Raises:
        ValueError: fewer scenes than folds, or roles that are not given.
    """
    leaky = replace(data, split="random_frames")
    return {config.split: _score_copies(frames, chosen, thumbs, config) for config in (data, leaky)}


def _spread(scenes: Sequence[str], most: int) -> NDArray[np.int64]:
    """Indices of at most so many frames, evenly spread over the scenes."""
    by_scene = np.argsort(np.unique(scenes, return_inverse=True)[1], kind="stable")
    places = np.linspace(0, len(scenes) - 1, min(len(scenes), most)).round().astype(int)
    return np.sort(by_scene[places])


def _shrink(frames: Frames, chosen: NDArray[np.int64]) -> Frames:
    """Some of the frames at the size of thumbnails, one read at a time: a large set does not fit into memory.

    What is ignored in part counts as ignored.
    """
    ignored = frames.ignored
    holes = (
        None if ignored is None else (shrink(ignored[at : at + 1].astype(np.uint8) * np.uint8(255)) for at in chosen)
    )
    return frames._replace(
        stems=tuple(frames.stems[index] for index in chosen),
        scenes=tuple(frames.scenes[index] for index in chosen),
        images=np.concatenate([shrink(frames.images[index : index + 1]) for index in chosen]),
        masks=np.concatenate([shrink(frames.masks[index : index + 1]) for index in chosen]),
        original_sizes=frames.original_sizes[chosen],
        ignored=None if holes is None else np.concatenate(list(holes)) > 0,
        given=tuple(frames.given[index] for index in chosen) if frames.given else (),
    )


def _describe_files(stems: Sequence[str], facts: Sequence[Facts], found: Found | None) -> FileFacts:
    return FileFacts(
        layout="drawn" if found is None else found.layout,
        unlabelled=[] if found is None else list(found.unlabelled),
        image_sizes=_count(f"{width}x{height}" for height, width in (item.image_size for item in facts)),
        image_modes=_count(item.image_mode for item in facts),
        mask_modes=_count(item.mask_mode for item in facts),
        masks_of_other_size=_select(stems, (item.mask_size != item.image_size for item in facts)),
        turned_apart=_select(stems, (item.turned_apart for item in facts)),
    )


def _describe_masks(frames: Frames, facts: Sequence[Facts]) -> MaskFacts:
    foreground = [item.foreground for item in facts]
    return MaskFacts(
        mean_foreground=float(np.mean(foreground)),
        least_foreground=min(foreground),
        most_foreground=max(foreground),
        resized_foreground=_resized_foreground(frames),
        lost=float(np.average([item.lost for item in facts], weights=foreground)) if any(foreground) else 0.0,
        keeping_size=max((item.keeping_size for item in facts if item.keeping_size), default=None),
        ignored=float(np.mean([item.ignored for item in facts])),
        empty=_select(frames.stems, (share == 0 for share in foreground)),
        vanished=_select(frames.stems, (item.vanished for item in facts)),
        full=_select(frames.stems, (share >= FULL for share in foreground)),
        covered=float(np.mean([share > COVERED for share in foreground])),
        soft_share=float(np.mean([item.soft for item in facts])),
        threshold_iou=float(np.mean([item.threshold_iou for item in facts])),
    )


def _resized_foreground(frames: Frames) -> float:
    """The mean over the frames of the share of their pixels, those that are ignored left out; some frames at a time."""
    shares = []
    for start in range(0, len(frames.stems), _CHUNK):
        some = slice(start, start + _CHUNK)
        labels = is_foreground(frames.masks[some])
        counted = np.ones_like(labels) if frames.ignored is None else ~frames.ignored[some]
        pixels = np.count_nonzero(counted, axis=(1, 2))
        shares.append(np.count_nonzero(labels & counted, axis=(1, 2)) / np.maximum(pixels, 1))
    return float(np.concatenate(shares).mean())


def _describe_scenes(frames: Frames, compared: Frames, thumbs: NDArray[np.float32], found: Found | None) -> SceneFacts:
    first_of = {scene: stem for stem, scene in zip(reversed(frames.stems), reversed(frames.scenes), strict=True)}
    scenes = sorted(first_of)
    shown = [scenes[place] for place in sorted({0, len(scenes) // 2, len(scenes) - 1})]
    return SceneFacts(
        rule="as drawn" if found is None else found.scene_rule.text,
        examples={first_of[scene]: scene for scene in shown},
        roles=_count(frames.given),
        in_two_roles=find_leaks(frames.scenes, frames.given) if frames.given else [],
        copies_in_two_roles=copies_between(compared.stems, compared.given, thumbs) if compared.given else [],
    )


def _count(values: Iterable[str]) -> dict[str, int]:
    """Occurrences, the most frequent first."""
    return dict(Counter(values).most_common())


def _select(stems: Sequence[str], which: Iterable[bool]) -> list[str]:
    return [stem for stem, selected in zip(stems, which, strict=True) if selected]


def _score_copies(frames: Frames, chosen: NDArray[np.int64], thumbs: NDArray[np.float32], data: DataConfig) -> float:
    scenes, given = ([names[index] for index in chosen] if names else [] for names in (frames.scenes, frames.given))
    values: list[float] = []
    tested: list[str] = []
    for repeat in range(tested_folds(data.split, data.folds)):
        split = split_frames(scenes, data, repeat, given)
        copied = nearest_training_frames(thumbs, split)
        for start in range(0, len(copied), _CHUNK):
            copies, test = (chosen[of[start : start + _CHUNK]] for of in (copied, split.test))
            labels = frames.foreground_of(copies), frames.foreground_of(test)
            values += mask_scores(*labels, frames.ignored_of(test)).iou.tolist()
        tested += [scenes[index] for index in split.test]
    return scene_mean(values, tested)

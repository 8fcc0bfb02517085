"""Who trains, who chooses the epoch, who is tested. Frames of one video are near copies, so scenes are kept whole.

- `scene_folds`: K folds of whole scenes; the seed decides which is tested, so that K seeds test every scene once.
- `scene_holdout`: one fold of scenes is tested by every seed. Cheap and of low power: its few scenes stand for all.
- `random_frames`: folds of frames, whatever their scene. It leaks, and exists to show how much.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.config import DataConfig


class Split(NamedTuple):
    """Frame indices of the three roles."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    """Chooses the best epoch."""
    test: NDArray[np.int64]
    """Evaluated once, at the best epoch."""


def split_frames(scenes: Sequence[str], data: DataConfig, seed: int) -> Split:
    """The roles of frames whose scenes are given, the same for every architecture.

    Raises:
        ValueError: fewer scenes than folds.
    """
    test, val = data.test_fold(seed), data.val_fold(seed)
    assignment = assign_folds(scenes, data.folds)
    of_frame = np.array([assignment[scene] for scene in scenes])
    if data.split == "random_frames":
        of_frame = np.random.default_rng(seed).permutation(len(scenes)) % data.folds
    return Split(
        train=np.flatnonzero((of_frame != test) & (of_frame != val)),
        val=np.flatnonzero(of_frame == val),
        test=np.flatnonzero(of_frame == test),
    )


def assign_folds(scenes: Sequence[str], folds: int) -> dict[str, int]:
    """Scene -> fold, the scene with most frames first, each into the fold with fewest frames so far.

    Raises:
        ValueError: fewer scenes than folds.
    """
    counts = Counter(scenes)
    if len(counts) < folds:
        raise ValueError(
            f"data.folds must be at most the number of scenes ({len(counts)}), got {folds}; a split by scene needs at "
            f"least one scene per fold and three folds, so add scenes or lower data.folds to no less than 3."
        )
    load = [0] * folds
    assignment: dict[str, int] = {}
    for scene, frames in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        fold = load.index(min(load))
        assignment[scene] = fold
        load[fold] += frames
    return assignment


def roles(stems: Sequence[str], split: Split) -> dict[str, list[str]]:
    """The stems of each role, by its name."""
    return {role: [stems[index] for index in indices] for role, indices in split._asdict().items()}

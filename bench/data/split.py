"""Scene-grouped folds: no scene is ever on two sides, since neighbouring frames of a video are near copies."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Split(NamedTuple):
    """Frame indices of the three roles."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    """Chooses the best epoch."""
    test: NDArray[np.int64]
    """Evaluated once, at the best epoch."""


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


def split_by_scene(scenes: Sequence[str], *, folds: int, fold: int) -> Split:
    """Test = `fold`, validation = the next fold, training = the rest. Deterministic; every scene is tested once."""
    assignment = assign_folds(scenes, folds)
    of_frame = np.array([assignment[scene] for scene in scenes])
    val = (fold + 1) % folds
    return Split(
        train=np.flatnonzero((of_frame != fold) & (of_frame != val)),
        val=np.flatnonzero(of_frame == val),
        test=np.flatnonzero(of_frame == fold),
    )

"""Who trains, who chooses the epoch, who is tested. Frames of one video are near copies, so scenes are kept whole.

- `scene_folds`: K folds of whole scenes; the repeat decides which is tested, so that K repeats test every scene once.
- `scene_holdout`: one fold of scenes is tested by every repeat. Cheap and of low power: its few scenes stand for all.
- `random_frames`: folds of frames, whatever their scene. It leaks, and exists to show how much.
- `given`: the roles that the folder gives. As with a hold-out, every repeat is tested on the same scenes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.architectures.config import require
from hourglass_bench.bench.config import DataConfig

SPLITTING = ("split", "folds", "labelled_scenes")
"""Fields of DataConfig that decide on roles alone: the frames are the same whatever they are."""


class Split(NamedTuple):
    """Frame indices of the three roles."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    """Chooses the best epoch."""
    test: NDArray[np.int64]
    """Evaluated once, at the best epoch."""
    unlabelled: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    """Of these only the images are used, to pre-train."""


def split_frames(scenes: Sequence[str], data: DataConfig, repeat: int, given: Sequence[str] = ()) -> Split:
    """The roles of frames whose scenes are known, the same for every architecture.

    Args:
        given: the roles that the folder gives, a frame each; none if it gives none.

    Raises:
        ValueError: fewer scenes than folds (frames, where they are drawn at random), fewer training scenes than are to
            be labelled, or roles that are not given.
    """
    if data.split == "given":
        return _given_split(scenes, data, repeat, given)
    test, val = data.test_fold(repeat), data.val_fold(repeat)
    if data.split == "random_frames":
        require(data.folds <= len(scenes), "data.folds", f"be at most the number of frames ({len(scenes)})", data.folds)
        of_frame = np.random.default_rng(repeat).permutation(len(scenes)) % data.folds
    else:
        assignment = assign_folds(scenes, data.folds)
        of_frame = np.array([assignment[scene] for scene in scenes])
    train = np.flatnonzero((of_frame != test) & (of_frame != val))
    labelled = _is_labelled(np.array(scenes)[train], data.labelled_scenes, repeat)
    return Split(
        train=train[labelled],
        val=np.flatnonzero(of_frame == val),
        test=np.flatnonzero(of_frame == test),
        unlabelled=train[~labelled],
    )


def training_counts(scenes: Sequence[str], given: Sequence[str] = ()) -> Callable[[DataConfig, int], int]:
    """Function of a data config and a repeat: how many of the frames train. It counts once for all that are equal."""

    @cache
    def count(data: DataConfig, repeat: int) -> int:
        return len(split_frames(scenes, data, repeat, given).train)

    return count


def find_leaks(scenes: Sequence[str], given: Sequence[str]) -> list[str]:
    """Scenes with frames in more than one of the roles that the folder gives, sorted."""
    roles_of = Counter(scene for scene, _ in set(zip(scenes, given, strict=True)))
    return sorted(scene for scene, number in roles_of.items() if number > 1)


def _given_split(scenes: Sequence[str], data: DataConfig, repeat: int, given: Sequence[str]) -> Split:
    missing = [role for role in ("train", "val", "test") if role not in given]
    if missing:
        raise ValueError(
            f"data.split given needs frames in train/, val/ and test/ of {data.path}, got none in "
            f"{', '.join(missing)}; use folds of scenes instead (--split scene_folds)."
        )
    train, val, test = (np.flatnonzero(np.array(given) == role) for role in ("train", "val", "test"))
    labelled = _is_labelled(np.array(scenes)[train], data.labelled_scenes, repeat)
    return Split(train=train[labelled], val=val, test=test, unlabelled=train[~labelled])


def _is_labelled(scenes: NDArray[np.str_], count: int, repeat: int) -> NDArray[np.bool_]:
    """Whether each of the training frames, whose scenes are given, is in one of `count` scenes; 0 takes all."""
    names = np.unique(scenes)
    if count > len(names):
        raise ValueError(
            f"data.labelled_scenes must be at most the training scenes ({len(names)}), got {count}; add scenes, or "
            "label fewer (--labelled-scenes of bench train; a study has a number of its own)."
        )
    chosen = np.random.default_rng(repeat).permutation(names)[: count or None]
    return np.isin(scenes, chosen)


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

"""Splits: by scene in two ways, the leaky one by frame, and the folder's own."""

from collections import Counter

import numpy as np
import pytest

from hourglass_bench.bench.config import DataConfig, SplitName
from hourglass_bench.bench.data.split import Split, assign_folds, find_leaks, split_frames

SCENES = [f"s{scene:02d}" for scene in range(13) for _ in range(1 + 7 * scene % 11)]


def split(name: SplitName = "scene_folds", repeat: int = 0, folds: int = 5, labelled: int = 0) -> Split:
    return split_frames(SCENES, DataConfig(split=name, folds=folds, labelled_scenes=labelled), repeat)


@pytest.mark.parametrize("name", ["scene_folds", "scene_holdout"])
@pytest.mark.parametrize("folds", [3, 5, 13])
def test_no_scene_is_on_two_sides_and_every_frame_is_somewhere(name: SplitName, folds: int) -> None:
    for repeat in range(folds):
        *parts, unlabelled = split(name, repeat, folds)
        assert len(unlabelled) == 0
        sides = [{SCENES[index] for index in part} for part in parts]
        assert all(sides)
        assert sum(len(side) for side in sides) == len(set.union(*sides))
        assert sorted(np.concatenate(parts).tolist()) == list(range(len(SCENES)))


def test_every_scene_is_tested_and_validated_once_over_the_folds() -> None:
    for role in ("test", "val"):
        indices = Counter(i for repeat in range(5) for i in getattr(split("scene_folds", repeat), role).tolist())
        assert indices == Counter(range(len(SCENES)))
    for ours, theirs in zip(split("scene_folds", 1), split("scene_folds", 6), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_holdout_tests_the_same_scenes_whatever_the_repeat_and_rotates_the_rest() -> None:
    splits = [split("scene_holdout", repeat) for repeat in range(4)]
    assert len({tuple(parts.test.tolist()) for parts in splits}) == 1
    validated = Counter(index for parts in splits for index in parts.val.tolist())
    assert validated == Counter(set(range(len(SCENES))) - set(splits[0].test.tolist()))


def test_random_frames_puts_scenes_on_several_sides_and_the_repeat_decides_which_frames() -> None:
    parts = split("random_frames", 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(SCENES)))
    train, test = ({SCENES[index] for index in part} for part in (parts.train, parts.test))
    assert len(train & test) > len(test) / 2
    assert parts.test.tolist() == split("random_frames", 0).test.tolist()
    assert parts.test.tolist() != split("random_frames", 5).test.tolist()


def test_folds_are_balanced_in_frames_and_do_not_depend_on_the_order() -> None:
    assignment = assign_folds(SCENES, 4)
    load = Counter(assignment[scene] for scene in SCENES)
    assert max(load.values()) - min(load.values()) <= max(Counter(SCENES).values())
    assert assign_folds(SCENES[::-1], 4) == assignment


def test_large_scenes_come_first_and_equal_ones_by_their_names() -> None:
    scenes = ["b", "a", "c", "c", *"dddd", *"eeeee"]
    assert assign_folds("bac", 3) == {"a": 0, "b": 1, "c": 2}
    assert assign_folds(scenes, 3) == {"e": 0, "d": 1, "c": 2, "a": 2, "b": 2}
    with pytest.raises(ValueError, match=r"data.folds must be at most the number of scenes \(5\), got 6; .*add scenes"):
        assign_folds(scenes, 6)


@pytest.mark.parametrize("name", ["scene_folds", "scene_holdout"])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_so_many_training_scenes_are_labelled_and_the_others_only_lose_their_labels(
    name: SplitName, count: int
) -> None:
    for repeat in range(5):
        ours, full = split(name, repeat, labelled=count), split(name, repeat)
        scenes, unlabelled = ({SCENES[index] for index in part} for part in (ours.train, ours.unlabelled))
        assert len(scenes) == count
        assert scenes.isdisjoint(unlabelled)
        assert sorted([*ours.train, *ours.unlabelled]) == full.train.tolist()
        assert (ours.val.tolist(), ours.test.tolist()) == (full.val.tolist(), full.test.tolist())


def test_the_repeat_decides_which_scenes_are_labelled() -> None:
    assert split(labelled=3).train.tolist() == split(labelled=3).train.tolist()
    # Repeats 0 and 5 have the same test and validation scenes.
    assert split().train.tolist() == split(repeat=5).train.tolist()
    assert split(labelled=3).train.tolist() != split(labelled=3, repeat=5).train.tolist()
    assert set(split(labelled=2).train) < set(split(labelled=5).train)  # more labels keep those of fewer


def test_all_training_scenes_can_be_labelled_by_their_number_too() -> None:
    scenes = len({SCENES[index] for index in split().train})
    assert split(labelled=scenes).train.tolist() == split().train.tolist()
    with pytest.raises(
        ValueError, match=rf"training scenes \({scenes}\), got {scenes + 1}; add scenes, or label fewer \(--lab"
    ):
        split(labelled=scenes + 1)


GIVEN = [("val", "train", "test")[index % 3] for index in range(len(SCENES))]


def test_given_roles_are_kept_whatever_the_repeat() -> None:
    data = DataConfig(split="given", folds=3)
    for repeat in range(4):
        parts = split_frames(SCENES, data, repeat, GIVEN)
        for role in ("train", "val", "test"):
            assert {GIVEN[index] for index in getattr(parts, role)} == {role}
        assert sorted(np.concatenate(parts).tolist()) == list(range(len(SCENES)))
        assert data.test_fold(repeat) == 0
    few, again, other = (
        split_frames(SCENES, DataConfig(split="given", labelled_scenes=2), repeat, GIVEN) for repeat in (1, 1, 2)
    )
    assert len({SCENES[index] for index in few.train}) == 2
    assert {GIVEN[index] for index in few.unlabelled} == {"train"}
    assert few.train.tolist() == again.train.tolist() != other.train.tolist()


@pytest.mark.parametrize(("given", "missing"), [((), "train, val, test"), (["train"] * 50 + ["test"] * 50, "val")])
def test_roles_that_the_folder_does_not_give_are_named(given: list[str], missing: str) -> None:
    with pytest.raises(
        ValueError, match=rf"got none in {missing}; use folds of scenes instead \(--split scene_folds\)"
    ):
        split_frames(["a"] * len(given), DataConfig(split="given"), 0, given)


def test_scenes_in_several_roles_leak() -> None:
    scenes, given = ["b", "a", "b", "c", "a", "a"], ["test", "train", "train", "val", "val", "train"]
    assert find_leaks(scenes, given) == ["a", "b"]
    with pytest.raises(ValueError, match="zip"):
        find_leaks(scenes, given[1:])


def test_frames_at_random_need_frames_and_no_scenes() -> None:
    data = DataConfig(split="random_frames", folds=5)
    for frames in (5, 9):
        parts = split_frames(["a"] * frames, data, 0)
        sizes = {"val": len(parts.val), "test": len(parts.test)}
        assert set(sizes.values()) <= {frames // 5, frames // 5 + 1}
        assert sum(sizes.values()) + len(parts.train) == frames
    with pytest.raises(ValueError, match=r"data.folds must be at most the number of frames \(4\), got 5"):
        split_frames(["a"] * 4, data, 0)

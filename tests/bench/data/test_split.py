"""Scene-grouped folds."""

from collections import Counter

import numpy as np
import pytest

from bench.data.split import assign_folds, split_by_scene

SCENES = [f"s{scene:02d}" for scene in range(13) for _ in range(1 + 7 * scene % 11)]


@pytest.mark.parametrize("folds", [3, 5, 13])
def test_no_scene_is_on_two_sides_and_every_frame_is_somewhere(folds: int) -> None:
    for fold in range(folds):
        split = split_by_scene(SCENES, folds=folds, fold=fold)
        sides = [{SCENES[index] for index in part} for part in split]
        assert all(sides)
        assert sum(len(side) for side in sides) == len(set.union(*sides))
        assert sorted(np.concatenate(split).tolist()) == list(range(len(SCENES)))


def test_every_scene_is_tested_once_over_the_folds() -> None:
    tested = Counter(i for fold in range(5) for i in split_by_scene(SCENES, folds=5, fold=fold).test.tolist())
    assert tested == Counter(range(len(SCENES)))


def test_folds_are_balanced_in_frames_and_do_not_depend_on_the_order() -> None:
    assignment = assign_folds(SCENES, 4)
    load = Counter(assignment[scene] for scene in SCENES)
    assert max(load.values()) - min(load.values()) <= max(Counter(SCENES).values())
    assert assign_folds(SCENES[::-1], 4) == assignment


def test_too_few_scenes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"data.folds must be at most the number of scenes \(2\), got 3"):
        assign_folds(["a", "a", "b"], 3)

"""Scenes of one place are found, and nothing is proposed where the ground tells nothing."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.data.audit import look_alikes
from hourglass_bench.bench.data.audit.look_alikes import find_look_alikes, merge_look_alikes
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.neighbours import SIDE

Ground = np.ndarray
"""(32, 32, 3) in 0..255, not rounded."""


def make_frames(grounds: list[Ground], people: int = 3, noise: float = 0) -> Frames:
    """Scenes 00, 01, ... of 32x32 pixels: a ground, and a person of another colour and place in each frame."""
    rng = np.random.default_rng(1)
    count = len(grounds) * people
    images = np.repeat(np.stack(grounds), people, axis=0) + rng.normal(0, noise, (count, SIDE, SIDE, 3))
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        left = 8 * (index % people)
        masks[index, 8:, left : left + 14] = 255
        images[index][masks[index] > 0] = rng.integers(0, 256, 3)
    scenes = tuple(f"{index // people:02}" for index in range(count))
    stems = tuple(f"{scene}_{index}" for index, scene in enumerate(scenes))
    return Frames(stems, scenes, np.clip(images, 0, 255).astype(np.uint8), masks, np.full((count, 2), SIDE))


def speckled(count: int) -> list[Ground]:
    return list(np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.float64))


def room(rng: np.random.Generator) -> Ground:
    """A wall, a floor and eight things."""
    ground = np.ones((SIDE, SIDE, 3)) * rng.uniform(60, 230, 3)
    ground[int(rng.uniform(16, 26)) :] = rng.uniform(30, 200, 3)
    for top, left, tall, wide in zip(*rng.integers(0, 28, (2, 8)), *rng.integers(3, 13, (2, 8)), strict=True):
        ground[top : top + tall, left : left + wide] = rng.uniform(0, 255, 3)
    return ground


def plain(level: float, spread: float, hue: float = 0) -> Callable[[np.random.Generator], Ground]:
    return lambda rng: np.ones((SIDE, SIDE, 3)) * (rng.normal(level, spread) + rng.normal(0, hue, 3))


def microscopy(rng: np.random.Generator) -> Ground:
    texture = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 1.5)
    return (rng.normal(60, 10) + 12 * texture / texture.std())[..., None] * np.ones(3)


def eye(rng: np.random.Generator) -> Ground:
    """A bright disc on black, with an optic disc on one of two sides and vessels."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    side = x - rng.choice([-8, 8])
    angles = rng.uniform(0, 2 * np.pi, 8)[:, None, None]
    vessels = (np.abs(y * np.cos(angles) - side * np.sin(angles)) < 0.7).any(axis=0)
    inside = 1 - (y**2 + x**2) / 1500 + np.exp(-(y**2 + side**2) / 10) / 4 - vessels / 6
    ground = (rng.normal(0, 15, 3) + [190, 90, 50]) * inside[..., None]
    return np.where((y**2 + x**2 < 15**2)[..., None], ground, 4)


def vignette(rng: np.random.Generator) -> Ground:
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    return rng.normal(200, 15) * (1 - (y**2 + x**2)[..., None] / 1500) + rng.normal(0, 6, 3)


GROUNDS: dict[str, Callable[[np.random.Generator], Ground]] = {
    "dark": plain(8, 5),
    "white": plain(245, 5),
    "grey": plain(128, 50),
    "coloured": plain(128, 0, hue=60),
    "microscopy": microscopy,
    "eyes": eye,
    "vignette": vignette,
}


def names(frames: Frames) -> list[tuple[str, str]]:
    return [(pair.first, pair.second) for pair in find_look_alikes(frames).pairs]


def test_scenes_of_one_place_are_found_behind_other_people_and_after_changes() -> None:
    views = speckled(5)
    views[2] = views[0].copy()
    views[2][:8] = 255 - views[2][:8]  # a quarter of the place was changed
    found = find_look_alikes(make_frames(views))
    assert [(pair.first, pair.second) for pair in found.pairs] == [("00", "02")]
    assert 0.7 < found.pairs[0].agreement < 0.9
    assert found.next_closest is not None
    assert found.next_closest.agreement < 0.3
    assert (found.agreeing, found.judged, found.scenes) == (1, 10, 5)


@pytest.mark.parametrize("kind", GROUNDS)
@pytest.mark.parametrize("scenes", [5, 12, 40])
def test_grounds_that_tell_nothing_give_no_proposal(kind: str, scenes: int) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        assert names(make_frames([GROUNDS[kind](rng) for _ in range(scenes)], noise=4)) == []


@pytest.mark.parametrize("kind", sorted(GROUNDS.keys() - {"eyes"}))  # left and right ones alike: nothing stands out
def test_a_true_pair_is_found_among_grounds_that_tell_nothing(kind: str) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        place = room(rng)
        again = place + rng.uniform(-15, 15)  # the light
        again[20:, 22:] = place[:12, :10]  # something moved
        grounds = [GROUNDS[kind](rng) for _ in range(12)]
        assert names(make_frames([place, *grounds[:6], again, *grounds[6:]], noise=4)) == [("00", "07")]


def test_rooms_are_told_apart_and_one_room_is_found() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rooms = [room(rng) for _ in range(24)]
        assert names(make_frames(rooms, noise=4)) == []
        rooms[20] = rooms[3] + 12
        assert names(make_frames(rooms, noise=4)) == [("03", "20")]


@pytest.mark.parametrize(("scenes", "found"), [(4, 0), (5, 1), (6, 1)])
def test_a_pair_of_more_than_a_tenth_of_all_is_not_proposed_but_told(scenes: int, found: int) -> None:
    views = speckled(scenes)
    views[1] = views[0]
    result = find_look_alikes(make_frames(views))
    assert len(result.pairs) == found
    assert result.agreeing == 1
    if not found:
        assert result.next_closest is not None
        assert (result.next_closest.first, result.next_closest.second, result.next_closest.agreement) == ("00", "01", 1)


@pytest.mark.parametrize(("alike", "proposed"), [(5, True), (6, False)])
def test_what_merging_would_put_together_counts_and_not_the_pairs_alone(alike: int, proposed: bool) -> None:
    views = speckled(15)  # 105 pairs; a chain of five scenes puts 10 together, one of six 15
    for index in range(1, alike):
        views[index] = views[index - 1].copy()
        views[index][:, 6 * index - 6 : 6 * index] = speckled(20)[index + 10][:, 6 * index - 6 : 6 * index]
    frames = make_frames(views)
    pairs = names(frames)
    assert bool(pairs) == proposed
    assert len(pairs) < 10
    if proposed:
        assert merge_look_alikes(frames.scenes, find_look_alikes(frames).pairs) == tuple(
            "00" if int(scene) < alike else scene for scene in frames.scenes
        )


@pytest.mark.parametrize(("brighter", "alike"), [(20, True), (40, False)])
def test_a_place_may_be_a_little_brighter(brighter: int, alike: bool) -> None:
    views = [view * 0.7 for view in speckled(5)]
    views[1] = views[0] + brighter
    assert bool(names(make_frames(views))) == alike


def test_one_dark_frame_does_not_hide_the_place() -> None:
    views = speckled(5)
    frames = make_frames([views[1], *views[1:]], people=5)
    frames.images[1] = 0
    assert names(frames) == [("00", "01")]


def test_only_ground_known_of_both_scenes_counts() -> None:
    views = speckled(5)
    views[1] = views[0]
    frames = make_frames(views, people=1)
    frames.images[:] = np.stack(views)
    frames.masks[:] = 0
    frames.masks[0, :, :10] = frames.masks[1, :, 22:] = frames.masks[2, :, :10] = 255
    frames.images[frames.masks > 0] = 77
    found = find_look_alikes(frames)
    assert [(pair.first, pair.second, pair.agreement) for pair in found.pairs] == [("00", "01", 1.0)]
    assert found.pairs[0].details > 0.95


def test_ignored_pixels_are_no_ground() -> None:
    views = speckled(6)
    views[1] = views[0].copy()
    frames = make_frames(views)
    ignored = np.zeros(frames.masks.shape, np.bool_)
    ignored[:, :, :12] = ignored[:, :, 20:] = True  # a letterbox
    frames.images[ignored] = 0
    found = find_look_alikes(frames._replace(ignored=ignored))
    assert (names(frames._replace(ignored=ignored)), found.agreeing) == ([("00", "01")], 1)
    assert find_look_alikes(frames).agreeing == 15  # the border, if it counted


def test_people_alike_in_front_of_different_places_are_no_look_alikes() -> None:
    frames = make_frames(speckled(6))
    frames.images[frames.masks > 0] = 200
    assert names(frames) == []


def test_scenes_without_common_ground_are_not_judged() -> None:
    frames = make_frames([speckled(1)[0]] * 6, people=1)
    masks = np.full_like(frames.masks, 255)
    masks[:, :4] = 0
    found = find_look_alikes(frames._replace(masks=masks))
    assert (found.pairs, found.next_closest, found.judged) == ([], None, 0)


def test_correlation_of_details_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(3)
    known = rng.random((4, SIDE * SIDE)) < 0.8
    colours = rng.integers(0, 256, (4, 3, SIDE * SIDE)).astype(np.int16)
    details = look_alikes._details(colours, known)
    found = look_alikes._correlation(details, known)
    for a in range(4):
        shown = known[a].reshape(SIDE, SIDE).astype(np.float64)
        around = uniform_filter(colours[a, 1].reshape(SIDE, SIDE) * shown, 5) / uniform_filter(shown, 5)
        expected = np.where(known[a], colours[a, 1] - around.ravel(), 0)
        np.testing.assert_allclose(details[a, 1], expected, atol=1e-2)
        for b in range(a):
            both = known[a] & known[b]
            first, second = (details[index][:, both].ravel().astype(np.float64) for index in (a, b))
            energy = [np.sum(values**2) + 3 * both.sum() * 3.0**2 for values in (first, second)]
            assert found[a, b] == pytest.approx(first @ second / np.sqrt(energy[0] * energy[1]), abs=1e-5)


def test_of_many_scenes_some_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_alikes, "COMPARED", 6)
    views = speckled(12)
    views[4] = views[0]  # every second scene is compared
    found = find_look_alikes(make_frames(views))
    assert (found.scenes, found.judged, [(pair.first, pair.second) for pair in found.pairs]) == (6, 15, [("00", "04")])


def test_chains_of_look_alikes_become_one_scene_and_the_rest_stays() -> None:
    views = speckled(8)
    views[1], views[3] = views[4].copy(), views[4].copy()  # 1 - 4 - 3; 1 and 3 differ too much to be a pair
    views[1][:, :6] = views[6][:, :6]
    views[3][:, 26:] = views[7][:, 26:]
    frames = make_frames([*views, *speckled(12)[8:]])
    pairs = find_look_alikes(frames).pairs
    assert {(pair.first, pair.second) for pair in pairs} == {("01", "04"), ("03", "04")}
    merged = merge_look_alikes(frames.scenes, pairs)
    assert merged == tuple("01" if scene in ("03", "04") else scene for scene in frames.scenes)
    assert names(frames._replace(scenes=merged)) == []


AUDIT = ("data", "--size", "32", "--folds", "3", "--audit")


@pytest.fixture
def folder(folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Scenes 00000 to 00005 of the frames 0000 and 0001, of which 00004 is a copy of 00001; beside it commands run."""
    monkeypatch.chdir(tmp_path)
    copy = Path(shutil.copytree(folder_data, tmp_path / "data"))
    for kind in ("images", "masks"):
        for frame in ("0000", "0001"):
            shutil.copy(copy / kind / f"00001_{frame}.png", copy / kind / f"00004_{frame}.png")
    return copy


@pytest.mark.parametrize(("words", "table"), [((), "data_scenes.csv"), (("merged.csv",), "merged.csv")])
def test_merged_scenes_are_shown_and_lie_outside_the_folder_and_leave_no_look_alikes(
    words: tuple[str, ...], table: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    assert main([*AUDIT, str(folder), "--merge-scenes", *words]) == 0
    text = capsys.readouterr().out
    assert "  00001 and 00004: 100% of the background agrees, its details correlate by 0.9" in text
    assert text.endswith(
        f"merged: 00001 + 00004 -> 00001\nwrote {table}: 5 scenes instead of 6; --scene-table {table} uses it\n"
    )
    with Path(table).open(newline="") as file:
        rows = {row["stem"]: row["scene"] for row in csv.DictReader(file)}
    assert rows == {
        f"{scene:05d}_{frame:04d}": f"{1 if scene == 4 else scene:05d}" for scene in range(6) for frame in range(2)
    }
    assert sorted(folder.rglob("*")) == before
    assert main([*AUDIT, str(folder), "--scene-table", table, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["scenes"] == 5
    assert answer["look_alikes"]["pairs"] == answer["near_copies"]["in_other_scenes"] == []


def test_where_nothing_is_proposed_no_table_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*AUDIT, str(folder), "--scene-pattern", "(.+)", "--merge-scenes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["merged"] == {}
    assert [path.name for path in Path().iterdir()] == ["data"]

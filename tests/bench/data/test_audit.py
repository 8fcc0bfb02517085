"""The audit finds what is wrong, and nothing where nothing is; and `bench data --audit` says so."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.__main__ import main
from bench.config import DataConfig
from bench.data.audit.audit import Audit, audit, probe_leak
from bench.data.audit.look_alikes import find_look_alikes, merge_look_alikes
from bench.data.audit.text import render
from bench.data.cache import Dataset
from bench.data.dataset import read
from bench.data.frames import Frames
from bench.data.neighbours import thumbnails
from bench.data.reading import Reading

CONFIG = DataConfig(size=(32, 32), folds=3)
COMMAND = ("data", "--size", "32", "--folds", "3")


@pytest.fixture
def folder(folder_data: Path, tmp_path: Path) -> Path:
    """A copy that may be made dirty: scenes 00000 to 00005 of the frames 0000 and 0001, 24 wide and 32 high."""
    return Path(shutil.copytree(folder_data, tmp_path / "data"))


def audit_folder(folder: Path) -> Audit:
    config = DataConfig(path=str(folder), size=(32, 32), folds=3)
    return audit(read(config), config)


def change(path: Path, edit: Callable[[Image.Image], Image.Image]) -> None:
    with Image.open(path) as image:
        edit(image).save(path)


def make_frames(backgrounds: list[np.ndarray], people: int = 3) -> Frames:
    """Scenes a, b, ... of three frames of 32x32 pixels: a background, and a person of another colour in each frame."""
    rng = np.random.default_rng(1)
    count = len(backgrounds) * people
    images = np.repeat(np.stack(backgrounds), people, axis=0)
    masks = np.zeros((count, 32, 32), np.uint8)
    for index in range(count):
        left = 8 * (index % people)
        masks[index, 8:, left : left + 14] = 255
        images[index][masks[index] > 0] = rng.integers(0, 256, 3)
    scenes = tuple("abcdefgh"[index // people] for index in range(count))
    stems = tuple(f"{scene}_{index}" for index, scene in enumerate(scenes))
    return Frames(stems, scenes, images, masks, np.full((count, 2), 32))


def backgrounds(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))


def test_synthetic_frames_are_clean() -> None:
    config = DataConfig(size=(32, 24), synthetic_scenes=6, synthetic_frames=2, folds=3)
    found = audit(read(config), config)
    assert (found.data, found.frames, found.scenes, found.frames_per_scene) == ("synthetic", 12, 6, (2, 2, 2))
    assert (found.files.image_sizes, found.files.image_modes, found.files.mask_modes) == (
        {"24x32": 12},
        {"RGB": 12},
        {"L": 12},
    )
    assert found.exact_copies == found.files.masks_of_other_size == found.masks.empty == found.masks.full == []
    assert found.near_copies.in_other_scenes == found.look_alikes.pairs == []
    assert 0 < found.masks.least_foreground < found.masks.mean_foreground < found.masks.most_foreground < 0.995


def test_scenes_of_different_lengths_are_counted(folder: Path) -> None:
    for kind in ("images", "masks"):
        (folder / kind / "00000_0001.png").unlink()
        shutil.copy(folder / kind / "00001_0001.png", folder / kind / "00001_0002.png")
    assert audit_folder(folder).frames_per_scene == (1, 2, 3)


def test_dirty_files_are_told_by_their_original_sizes_and_modes(folder: Path) -> None:
    change(folder / "masks" / "00001_0000.png", lambda mask: mask.crop((0, 0, 24, 33)))
    change(folder / "masks" / "00002_0000.png", lambda mask: mask.convert("1"))
    change(folder / "images" / "00003_0000.png", lambda image: image.convert("P"))
    for kind in ("images", "masks"):
        change(folder / kind / "00004_0001.png", lambda image: image.resize((48, 64)))
    files = audit_folder(folder).files
    assert files.image_sizes == {"24x32": 11, "48x64": 1}
    assert files.image_modes == {"RGB": 11, "P": 1}
    assert files.mask_modes == {"L": 11, "1": 1}
    assert files.masks_of_other_size == ["00001_0000"]


def test_odd_masks_are_listed(folder: Path) -> None:
    change(folder / "masks" / "00001_0000.png", lambda mask: mask.point(lambda value: 0))
    change(folder / "masks" / "00002_0001.png", lambda mask: mask.point(lambda value: 255))
    masks = audit_folder(folder).masks
    assert (masks.empty, masks.full) == (["00001_0000"], ["00002_0001"])
    assert (masks.least_foreground, masks.most_foreground) == (0, 1)


def test_soft_pixels_and_what_the_threshold_decides() -> None:
    frames = make_frames(backgrounds(3))
    masks = np.zeros_like(frames.masks)
    masks[:, :8] = 255
    masks[:, 8:12] = 100  # an eighth of the frame, foreground at 64 but not at 192
    masks[:, 12:14] = 150  # a sixteenth, foreground at 128 as well
    masks[0] = 0  # two empty masks agree
    found = audit(Dataset(frames._replace(masks=masks), "", Reading(), ()), CONFIG).masks
    assert found.soft_share == pytest.approx(8 / 9 * 6 / 32)
    assert found.threshold_iou == pytest.approx((1 + 8 * 8 / 14) / 9)
    assert found.mean_foreground == pytest.approx(8 / 9 * 10 / 32)


def test_copies_in_another_scene_are_found_whatever_the_file_format(folder: Path) -> None:
    images = folder / "images"
    with Image.open(images / "00000_0000.png") as image:
        image.convert("RGBA").save(images / "00003_0001.tiff")
    (images / "00003_0001.png").unlink()
    with Image.open(images / "00001_0000.png") as image:
        image.save(images / "00004_0001.jpg", quality=75)
    (images / "00004_0001.png").unlink()
    found = audit_folder(folder)
    assert found.exact_copies == [["00000_0000", "00003_0001"]]
    copies = {(pair.frame, pair.other): pair.distance for pair in found.near_copies.in_other_scenes}
    assert copies["00000_0000", "00003_0001"] == 0
    assert 0 < copies["00001_0000", "00004_0001"] < 0.08
    assert found.near_copies.nearest_of_two_scenes == found.near_copies.in_other_scenes[0]


def test_near_copies_in_the_own_scene_are_counted_apart() -> None:
    plain = [np.full((32, 32, 3), 80 * index, np.uint8) for index in range(3)]
    frames = make_frames(plain, people=2)
    frames = frames._replace(images=np.repeat(np.stack(plain), 2, axis=0))
    frames.images[5] = 255 - frames.images[5]  # the third scene's frames differ
    near = audit(Dataset(frames, "", Reading(), ()), CONFIG).near_copies
    assert near.share_in_own_scene == pytest.approx(4 / 6)


def test_scenes_of_one_place_are_found_behind_other_people_and_after_changes() -> None:
    views = backgrounds(4)
    views[2] = views[0].copy()
    views[2][:8] = 255 - views[2][:8]  # a quarter of the place was changed
    found = find_look_alikes(make_frames(views))
    assert [(pair.first, pair.second) for pair in found.pairs] == [("a", "c")]
    assert 0.7 < found.pairs[0].agreement < 0.9
    assert found.next_closest.agreement < 0.3


@pytest.mark.parametrize(("brighter", "alike"), [(20, True), (40, False)])
def test_a_place_may_be_a_little_brighter(brighter: int, alike: bool) -> None:
    view = np.random.default_rng(0).integers(0, 200, (32, 32, 3), dtype=np.uint8)
    assert bool(find_look_alikes(make_frames([view, view + np.uint8(brighter)])).pairs) == alike


def test_one_dark_frame_does_not_hide_the_place() -> None:
    frames = make_frames([np.full((32, 32, 3), 120, np.uint8)] * 2, people=5)
    frames.images[1] = 0
    assert [(pair.first, pair.second) for pair in find_look_alikes(frames).pairs] == [("a", "b")]


def test_only_background_known_of_both_scenes_counts() -> None:
    view, other = backgrounds(2)
    frames = make_frames([view, view, other], people=1)
    frames.images[:] = view, view, other
    frames.masks[:] = 0
    frames.masks[0, :, :10] = frames.masks[1, :, 22:] = frames.masks[2, :, :10] = 255
    frames.images[frames.masks > 0] = 77
    found = find_look_alikes(frames)
    assert [(pair.first, pair.second, pair.agreement) for pair in found.pairs] == [("a", "b", 1.0)]
    assert found.next_closest.agreement < 0.3


def test_people_alike_in_front_of_different_places_are_no_look_alikes() -> None:
    frames = make_frames(backgrounds(3))
    frames.images[frames.masks > 0] = 200
    assert find_look_alikes(frames).pairs == []


def test_scenes_without_common_background_are_not_judged() -> None:
    frames = make_frames([backgrounds(1)[0]] * 2, people=1)
    masks = np.full_like(frames.masks, 255)
    masks[0, :4] = masks[1, :4] = 0
    found = find_look_alikes(frames._replace(masks=masks))
    assert (found.pairs, found.next_closest) == ([], None)


def test_chains_of_look_alikes_become_one_scene_and_the_rest_stays() -> None:
    views = backgrounds(5)
    views[1], views[3] = views[4].copy(), views[4].copy()  # b - e - d; b and d differ too much to be a pair
    views[1][:, :6] = backgrounds(6)[5][:, :6]
    views[3][:, 26:] = backgrounds(7)[6][:, 26:]
    frames = make_frames(views)
    pairs = {(pair.first, pair.second) for pair in find_look_alikes(frames).pairs}
    assert pairs == {("b", "e"), ("d", "e")}
    merged = merge_look_alikes(frames)
    assert merged == tuple("b" if scene in "de" else scene for scene in frames.scenes)
    assert find_look_alikes(frames._replace(scenes=merged)).pairs == []


def striped(scenes: int, per_scene: int) -> Frames:
    """Scenes of equal frames, whose masks are stripes that no other scene shares."""
    frames = make_frames([np.full((32, 32, 3), 40 * index, np.uint8) for index in range(scenes)], per_scene)
    images = frames.images[:, :1, :1].repeat(32, axis=1).repeat(32, axis=2)
    masks = np.zeros_like(frames.masks)
    for index in range(len(masks)):
        masks[index, 4 * (index // per_scene) : 4 * (index // per_scene) + 4] = 255
    return frames._replace(images=images, masks=masks)


def test_copying_scores_nothing_on_new_scenes_and_all_on_random_frames() -> None:
    frames = striped(6, 12)
    found = probe_leak(frames.scenes, frames.masks, thumbnails(frames.images), CONFIG)
    assert found == {"scene_folds": 0, "random_frames": 1}


def test_validation_frames_are_not_copied() -> None:
    frames = striped(3, 2)
    frames.images[2:4], frames.masks[2:4] = frames.images[:2], frames.masks[:2]  # validation equals test
    config = DataConfig(size=(32, 32), folds=3, split="scene_holdout")
    assert probe_leak(frames.scenes, frames.masks, thumbnails(frames.images), config)["scene_holdout"] == 0


def test_text_names_what_was_found(folder: Path) -> None:
    change(folder / "masks" / "00001_0000.png", lambda mask: mask.point(lambda value: 0))
    shutil.copy(folder / "images" / "00000_0000.png", folder / "images" / "00003_0001.png")
    text = render(audit_folder(folder))
    for line in (
        f"12 frames in 6 scenes of 2 to 2 frames (median 2), from {folder}",
        "image sizes, width x height: 24x32 (12)",
        "frames without foreground: 1: 00001_0000",
        "groups of frames with the same pixels: 1: 00000_0000 = 00003_0001",
        "pairs of near copies in two scenes: 1: 00000_0000 = 00003_0001 (0.000)",
    ):
        assert f"  {line}\n" in text


def test_long_lists_are_cut_in_the_text_alone(folder: Path) -> None:
    for path in (folder / "masks").iterdir():
        change(path, lambda mask: mask.crop((0, 0, 24, 33)))
    found = audit_folder(folder)
    assert len(asdict(found)["files"]["masks_of_other_size"]) == 12
    assert " 12: 00000_0000, 00000_0001, 00001_0000, 00001_0001, 00002_0000, 00002_0001, ...\n" in render(found)


def test_json_holds_the_whole_audit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--audit", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer.keys() == set(Audit.__slots__)
    assert answer["copy_iou"].keys() == {"scene_folds", "random_frames"}
    assert (answer["data"], answer["frames"], answer["scenes"]) == (str(folder), 12, 6)


def test_audit_alone_is_of_the_data_and_of_the_split_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ("--synthetic-scenes", "3", "--synthetic-frames", "2", "--split", "scene_holdout")
    assert main([*COMMAND, *tiny, "--audit"]) == 0
    text = capsys.readouterr().out
    assert "6 frames in 3 scenes of 2 to 2 frames (median 2), from synthetic" in text
    assert "scene_holdout, 1 of 3 folds tested: " in text
    assert "random_frames, 3 of 3 folds tested: " in text


def test_merged_scenes_put_into_the_folder_leave_no_look_alikes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("images", "masks"):
        for frame in ("0000", "0001"):
            shutil.copy(folder / kind / f"00001_{frame}.png", folder / kind / f"00004_{frame}.png")
    table = folder.parent / "merged.csv"
    assert main([*COMMAND, "--audit", str(folder), "--merge-scenes", str(table)]) == 0
    text = capsys.readouterr().out
    assert "  00001 and 00004: 100% of the background agrees\n" in text
    assert text.endswith(f"wrote {table}; it counts as scenes.csv in {folder}, without --scene-pattern\n")
    with table.open(newline="") as file:
        rows = {row["stem"]: row["scene"] for row in csv.DictReader(file)}
    assert rows == {
        f"{scene:05d}_{frame:04d}": f"{1 if scene == 4 else scene:05d}" for scene in range(6) for frame in range(2)
    }
    assert sorted(path.name for path in folder.parent.iterdir()) == ["data", "merged.csv"]
    table.rename(folder / "scenes.csv")
    assert main([*COMMAND, "--audit", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["scenes"] == 5
    assert answer["look_alikes"]["pairs"] == answer["near_copies"]["in_other_scenes"] == []

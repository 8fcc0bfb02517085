"""The audit finds what is wrong, and nothing where nothing is; and `bench data --audit` says so."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.audit.audit import audit, probe_leak
from hourglass_bench.bench.data.audit.findings import Audit
from hourglass_bench.bench.data.audit.text import render
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import read
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.neighbours import thumbnails
from hourglass_bench.bench.data.reading import Reading

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


def test_the_border_of_a_letterbox_is_no_ground_that_scenes_share() -> None:
    frames = make_frames(backgrounds(6))
    border = np.zeros(frames.masks.shape, np.bool_)
    border[:, :, :12] = border[:, :, 20:] = True
    frames.images[border] = 128
    found = audit(Dataset(frames._replace(ignored=border), "", Reading(), ()), CONFIG).look_alikes
    assert found.next_closest is not None
    assert found.next_closest.agreement < 0.2


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
    found = probe_leak(frames, np.arange(len(frames.stems)), thumbnails(frames.images), CONFIG)
    assert found == {"scene_folds": 0, "random_frames": 1}


def test_validation_frames_are_not_copied() -> None:
    frames = striped(3, 2)
    frames.images[2:4], frames.masks[2:4] = frames.images[:2], frames.masks[:2]  # validation equals test
    config = DataConfig(size=(32, 32), folds=3, split="scene_holdout")
    assert probe_leak(frames, np.arange(len(frames.stems)), thumbnails(frames.images), config)["scene_holdout"] == 0


def test_text_names_what_was_found(folder: Path) -> None:
    change(folder / "masks" / "00001_0000.png", lambda mask: mask.point(lambda value: 0))
    shutil.copy(folder / "images" / "00000_0000.png", folder / "images" / "00003_0001.png")
    text = render(audit_folder(folder))
    for line in (
        f"12 frames in 6 scenes of 2 frames each, from {folder}",
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
    assert "6 frames in 3 scenes of 2 frames each, from synthetic" in text
    assert "scene_holdout, 1 of 3 folds tested: " in text
    assert "random_frames, 3 of 3 folds tested: " in text

"""What the audit warns of, and what it does not: each rule with a set that breaks it and one that just does not."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, FitName
from hourglass_bench.bench.data.audit import audit as auditing
from hourglass_bench.bench.data.audit.audit import audit
from hourglass_bench.bench.data.audit.copies import find_near_copies
from hourglass_bench.bench.data.audit.findings import Audit
from hourglass_bench.bench.data.audit.text import render, render_short
from hourglass_bench.bench.data.audit.warnings import find_warnings
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import read
from hourglass_bench.bench.data.facts import drawn_facts
from hourglass_bench.bench.data.files.pictures import Range
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.neighbours import thumbnails
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.run import data_tags

CONFIG = DataConfig(size=(32, 32), folds=3)


def drawn(scenes: int = 6, per_scene: int = 2, covered: float = 0.3, given: Sequence[str] = ()) -> Frames:
    """Frames of noise, no two alike, with a block of foreground at a place of its own."""
    count = scenes * per_scene
    rng = np.random.default_rng(0)
    masks = np.zeros((count, 1024), np.uint8)
    for index in range(count):
        masks[index, np.roll(np.arange(1024), 100 * index)[: round(covered * 1024)]] = 255
    return Frames(
        tuple(f"{index // per_scene}_{index}" for index in range(count)),
        tuple(str(index // per_scene) for index in range(count)),
        rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8),
        masks.reshape(-1, 32, 32),
        np.full((count, 2), 32),
        given=tuple(given),
    )


def audited(frames: Frames, data: DataConfig = CONFIG, *, lost: float = 0.0, reading: Reading | None = None) -> Audit:
    facts = tuple(item._replace(lost=lost) for item in drawn_facts(frames))
    return audit(Dataset(frames, "", reading or Reading(), facts), data)


def test_nothing_is_warned_of_where_nothing_is_wrong() -> None:
    assert audited(drawn()).warnings == []


def test_masks_whose_background_is_ignored() -> None:
    found = audited(drawn())
    masks = replace(found.masks, ignored=1 - found.masks.mean_foreground)
    (warning,) = find_warnings(replace(found, masks=masks), CONFIG)
    assert warning.startswith("All masks are foreground wherever they count")
    assert find_warnings(replace(found, masks=replace(masks, ignored=masks.ignored - 0.1)), CONFIG) == []


def test_masks_that_may_mark_the_background() -> None:
    assert audited(drawn(covered=0.84)).warnings == []
    (warning,) = audited(drawn(covered=0.9)).warnings
    assert warning.startswith("More than half of the masks are foreground to more than 85%")
    assert "--invert" in warning
    assert "--foreground" in warning
    half = drawn(covered=0.9)
    half.masks[:6] = 0
    assert audited(half).warnings == []


@pytest.mark.parametrize(("value", "flag"), [(0, "No mask has any foreground"), (255, "All masks are foreground")])
def test_masks_that_say_nothing(value: int, flag: str) -> None:
    frames = drawn()
    frames.masks[:] = value
    (warning,) = audited(frames).warnings
    assert warning.startswith(flag)
    assert "--foreground" in warning


def test_foreground_that_resizing_loses() -> None:
    assert audited(drawn(), lost=0.1).warnings == []
    facts = tuple(item._replace(lost=0.34, keeping_size=(96, 128)) for item in drawn_facts(drawn()))
    facts = (facts[0]._replace(keeping_size=(48, 64)), *facts[1:])
    (warning,) = audit(Dataset(drawn(), "", Reading(), facts), replace(CONFIG, size=(24, 32))).warnings
    assert warning == "Resizing to 32x24 loses 34% of the foreground: --size 96 128 would keep it."


def test_the_share_lost_is_of_all_foreground() -> None:
    """A frame with little of it counts little."""
    frames = drawn()
    frames.masks[:6] = 0
    frames.masks[0, 0, :3] = 255
    facts = [item._replace(lost=float(index == 0)) for index, item in enumerate(drawn_facts(frames))]
    lost = audit(Dataset(frames, "", Reading(), tuple(facts)), CONFIG).masks.lost
    assert lost == pytest.approx(3 / (3 + 6 * round(0.3 * 1024)))


def test_ignored_pixels_are_in_no_share() -> None:
    frames = drawn()
    ignored = np.zeros(frames.masks.shape, bool)
    ignored[:, 16:] = True
    masks = audited(frames._replace(ignored=ignored)).masks
    halves = frames.masks[:, :16] >= 128
    assert masks.resized_foreground == pytest.approx(halves.mean())


@pytest.mark.parametrize(
    ("limits", "remedy"), [(None, "see --sheet"), (Range(0.0, 65535.0, "uint16"), "--intensity dtype")]
)
def test_images_without_contrast(limits: Range | None, remedy: str) -> None:
    frames = drawn()
    frames.images[:6] = 255
    assert not any("one colour" in text for text in audited(frames).warnings)
    frames.images[6] = 0
    frames.images[6, 0, 0] = 20
    (warning,) = [text for text in audited(frames, reading=Reading(limits=limits)).warnings if "one colour" in text]
    assert warning.startswith("58% of the images")
    assert remedy in warning


def test_copies_in_two_scenes() -> None:
    frames = drawn()
    frames.images[0] = frames.images[11]
    (warning,) = audited(frames).warnings
    assert warning.startswith("Frames of two scenes are near copies (0_0 = 5_11)")
    assert "--scene-pattern" in warning


def test_frames_on_a_plain_ground_are_no_copies_though_they_hardly_differ() -> None:
    """An object of one grey on another: they differ where it lies."""
    frames = drawn(covered=0.02)
    ground = np.array([200, 198, 196], np.uint8)
    frames.images[:] = ground
    frames.images[frames.masks > 0] = ground - 20
    near = find_near_copies(frames.stems, frames.scenes, thumbnails(frames.images))
    assert near.nearest_of_two_scenes is not None
    assert near.nearest_of_two_scenes.distance < 0.02
    assert near.in_other_scenes == []
    frames.images[5], frames.images[0] = frames.images[2], frames.images[2] + np.uint8(1)
    near = find_near_copies(frames.stems, frames.scenes, thumbnails(frames.images))
    assert {(pair.frame, pair.other) for pair in near.in_other_scenes} == {("1_2", "2_5"), ("0_0", "1_2")}


def test_masks_that_a_copy_gets_right() -> None:
    frames = drawn()
    frames.masks[:] = frames.masks[0]
    (warning,) = audited(frames).warnings
    assert "scores an IoU of 1.00" in warning
    assert audited(frames, replace(CONFIG, split="random_frames")).warnings == []
    frames.masks[:] = 0
    frames.masks[:2, :10] = 255  # most frames stay empty, which nobody has to learn
    assert audited(frames).warnings == []


GIVEN = ["train"] * 8 + ["val"] * 2 + ["test"] * 2


def test_roles_that_are_given_and_not_used() -> None:
    frames = drawn(given=GIVEN)
    (warning,) = audited(frames).warnings
    assert warning.startswith("The folder gives roles (train 8, val 2, test 2), which are not used: --split given")
    found = audited(frames, replace(CONFIG, split="given"))
    assert found.warnings == []
    assert found.copy_iou.keys() == {"given", "random_frames"}


def test_what_leaks_between_given_roles() -> None:
    frames = drawn(given=["val", *GIVEN[1:]])
    frames.images[11] = frames.images[4]
    found = audited(frames, replace(CONFIG, split="given"))
    assert found.told_apart.in_two_roles == ["0"]
    assert [(pair.frame, pair.other) for pair in found.told_apart.copies_in_two_roles] == [("2_4", "5_11")]
    scene, copies, _ = found.warnings
    assert scene.startswith("1 scene stands in two of the given roles (0): the given split leaks")
    assert copies.startswith("Near copies stand in two given roles (2_4 = 5_11)")
    text = render(found)
    assert "roles that the folder gives: train (7), val (3), test (2)" in text
    assert "pairs of near copies in two of them: 1: 2_4 = 5_11 (0.000)" in text


@pytest.mark.parametrize("scenes", [1, 2])
def test_one_scene_or_two_are_audited_as_far_as_that_goes(scenes: int) -> None:
    found = audited(drawn(scenes=scenes, per_scene=3))
    assert (found.scenes, found.copy_iou) == (scenes, {})
    assert (found.near_copies.nearest_of_two_scenes is None) == (scenes == 1)
    assert "  not judged: scenes are fewer than the 3 folds" in render(found)


def test_a_single_frame_is_audited() -> None:
    found = audited(drawn(scenes=1, per_scene=1))
    assert (found.frames, found.near_copies.share_in_own_scene) == (1, 0)
    assert "1 frames in 1 scene of 1 frame each" in render(found)


def test_of_a_large_set_a_sample_is_compared_that_is_spread_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = drawn(scenes=10, per_scene=10)
    order = np.random.default_rng(1).permutation(100)  # scenes need not stand together
    frames = frames._replace(
        stems=tuple(frames.stems[index] for index in order),
        scenes=tuple(frames.scenes[index] for index in order),
        images=frames.images[order],
        masks=frames.masks[order],
    )
    whole = audited(frames)
    assert "compared for copies" not in render(whole)
    asked: list[Frames] = []
    monkeypatch.setattr(auditing, "COMPARED", 30)
    monkeypatch.setattr(auditing, "find_look_alikes", lambda some: asked.append(some) or whole.look_alikes)
    found = audited(frames)
    assert (found.frames, found.compared) == (100, 30)
    (some,) = asked
    assert {scene: some.scenes.count(scene) for scene in frames.scenes} == dict.fromkeys(frames.scenes, 3)
    place = frames.stems.index(some.stems[7])
    assert (some.images[7] == frames.images[place]).all()
    assert (some.masks[7] == frames.masks[place]).all()
    assert found.copy_iou.keys() == whole.copy_iou.keys()
    assert found.masks == whole.masks
    assert "  compared for copies, places and the leak: 30 of them, spread over the scenes" in render(found)


def test_the_short_text_fits_on_a_screen(folder_data: Path) -> None:
    data = DataConfig(path=str(folder_data), size=(32, 24), folds=3)
    lines = render_short(audit(read(data), data)).splitlines()
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 100
    text = " ".join(" ".join(lines).split())
    for said in (
        "data: 12 frames in 6 scenes of 2 frames each, from",
        "00000_0000 -> 00000, 00003_0000 -> 00003, 00005_0000 -> 00005",
        f"masks: {read(data).reading.masks.text}",
        "% at 24x32, 0.0% of it lost by resizing",
        "near copies in two scenes: none",
        f"more: hourglass-bench data --audit {folder_data}, with the same flags",
    ):
        assert said in text


def test_warnings_stand_first_and_in_the_short_text(folder_data: Path) -> None:
    data = DataConfig(path=str(folder_data), size=(32, 24), folds=3)
    found = replace(audit(read(data), data), warnings=["Something is wrong: use --flag."])
    assert render(found).startswith("warnings\n  Something is wrong: use --flag.\nframes\n")
    assert "\nwarning: Something is wrong: use --flag.\n" in render_short(found)


def test_images_without_a_mask_are_warned_of() -> None:
    found = audited(drawn())
    files = replace(found.files, unlabelled=["a", "b", "c", "d"])
    (warning,) = find_warnings(replace(found, files=files), CONFIG)
    assert warning == "4 images are without a mask and left out (a, b, c and 1 more); --require-all refuses such a set."


def test_foreground_that_resizing_takes_whole_is_named_and_counted_with_the_run(tmp_path: Path) -> None:
    """Frames of which a soft mask or a crop leaves nothing: an empty prediction of them scores 1."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    shapes = {"a_0": (40, 90, 50), "b_0": (0, 0, 3), "c_0": (50, 90, 50), "d_0": (0, 0, 0)}
    for stem, (top, left, side) in shapes.items():
        mask = np.zeros((128, 256), np.uint8)
        mask[top : top + side, left : left + side] = 255
        mask[-2:, -120:] = np.arange(120)  # soft, and not foreground
        Image.fromarray(mask).save(tmp_path / "masks" / f"{stem}.png")
        noise = np.random.default_rng(len(stem)).integers(0, 256, (128, 256, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "images" / f"{stem}.png")
    fits: tuple[FitName, ...] = ("squash", "crop")
    for fit in fits:
        data = DataConfig(path=str(tmp_path), size=(16, 16), folds=3, fit=fit)
        dataset = read(data)
        assert [facts.vanished for facts in dataset.facts] == [False, True, False, False]
        assert not dataset.frames.foreground_of(np.array([1])).any()
        found = audit(dataset, data)
        assert found.masks.vanished == ["b_0"]
        assert found.masks.empty == ["d_0"]
        (warning,) = (sentence for sentence in found.warnings if "is left" in sentence)
        assert warning.startswith("Of 1 frame nothing of the foreground is left at 16x16 (b_0): there a network that ")
        (line,) = (line for line in render(found).splitlines() if "foreground is gone after resizing" in line)
        assert "b_0" in line
        for test, count in (([0, 1], "1"), ([0, 3], None)):
            split = Split(np.array([2]), np.array([3]), np.array(test))
            setup: Any = SimpleNamespace(dataset=dataset, split=split)
            assert data_tags(setup).get(schema.TEST_VANISHED) == count

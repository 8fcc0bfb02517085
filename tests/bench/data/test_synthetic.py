"""The built-in data set: reproducible, moving, soft-edged, and not separable by colour."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.synthetic import generate

SCENES, PER_SCENE, SIDE = 40, 4, 64
TRAINING = 30 * PER_SCENE  # frames of the first 30 scenes


@pytest.fixture(scope="module")
def frames() -> Frames:
    return generate(scenes=SCENES, frames_per_scene=PER_SCENE, size=(SIDE, SIDE), seed=0)


@pytest.fixture(scope="module")
def person(frames: Frames) -> NDArray[np.bool_]:
    return frames.masks > 127


def _iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float((first & second).sum() / max(1, (first | second).sum()))


def test_shapes_types_and_names(frames: Frames) -> None:
    count = SCENES * PER_SCENE
    assert frames.images.shape == (count, SIDE, SIDE, 3)
    assert frames.masks.shape == (count, SIDE, SIDE)
    assert frames.images.dtype == frames.masks.dtype == np.uint8
    assert frames.stems[PER_SCENE + 2] == "00001_0002"
    assert frames.scenes[PER_SCENE + 2] == "00001"
    assert len(frames.scenes) == len(set(frames.stems)) == count


@pytest.mark.parametrize(("scenes", "per_scene"), [(2, PER_SCENE), (1, 2)])
def test_equal_seeds_repeat_and_more_keep_the_first(scenes: int, per_scene: int, frames: Frames) -> None:
    again = generate(scenes=scenes, frames_per_scene=per_scene, size=(SIDE, SIDE), seed=0)
    count = scenes * per_scene
    assert again.stems == frames.stems[:count]
    np.testing.assert_array_equal(again.images, frames.images[:count])
    np.testing.assert_array_equal(again.masks, frames.masks[:count])


def test_other_seed_shows_other_dancers(frames: Frames, person: NDArray[np.bool_]) -> None:
    other = generate(scenes=3, frames_per_scene=1, size=(SIDE, SIDE), seed=1)
    for index in range(3):
        assert _iou(other.masks[index] > 127, person[index * PER_SCENE]) < 0.9
        assert not np.array_equal(other.images[index], frames.images[index * PER_SCENE])


def test_scenes_differ_from_each_other(frames: Frames) -> None:
    first = frames.images[::PER_SCENE].astype(np.float64)
    apart = np.abs(first[1:] - first[:-1]).mean(axis=(1, 2, 3))
    assert apart.min() > 15.0


def test_every_size_shows_the_same(frames: Frames) -> None:
    large = generate(scenes=3, frames_per_scene=1, size=(2 * SIDE, 2 * SIDE), seed=0)
    for index in range(3):
        small_mask = np.asarray(Image.fromarray(large.masks[index]).reduce(2)) > 127
        assert _iou(small_mask, frames.masks[index * PER_SCENE] > 127) > 0.9
        small = np.asarray(Image.fromarray(large.images[index]).reduce(2), dtype=np.float64)
        assert np.abs(small - frames.images[index * PER_SCENE]).mean() < 15.0


@pytest.mark.parametrize("size", [(136, 76), (48, 96), (16, 17), (60, 300)])
def test_any_shape(size: tuple[int, int]) -> None:
    made = generate(scenes=2, frames_per_scene=1, size=size, seed=0)
    assert made.images.shape == (2, *size, 3)
    share = (made.masks > 127).mean(axis=(1, 2))
    assert share.min() > 0.02
    assert share.max() < 0.6


def test_blended_dancers_show_what_is_behind_them(frames: Frames, person: NDArray[np.bool_]) -> None:
    """Masks stay, pixels away from the dancers too, and the rest comes nearer to the ground by the blend."""
    half, most = (
        generate(scenes=3, frames_per_scene=PER_SCENE, size=(SIDE, SIDE), seed=0, blend=blend) for blend in (0.5, 0.99)
    )
    count = 3 * PER_SCENE
    np.testing.assert_array_equal(half.masks, frames.masks[:count])
    away = frames.masks[:count] == 0
    np.testing.assert_array_equal(half.images[away], frames.images[:count][away])
    inside = person[:count]
    plain, faded, gone = (one[:count][inside].astype(float) for one in (frames.images, half.images, most.images))
    assert np.abs(plain - gone).mean() > 20
    assert np.abs((plain + gone) / 2 - faded).mean() < 1.5


def test_edges_are_soft(frames: Frames) -> None:
    soft = ((frames.masks > 0) & (frames.masks < 255)).mean()
    assert 0.02 < soft < 0.12
    assert frames.masks.max() == 255


def test_foreground_share(person: NDArray[np.bool_]) -> None:
    share = person.mean(axis=(1, 2))
    assert share.min() > 0.08
    assert share.max() < 0.45
    assert 0.16 < share.mean() < 0.26


def test_dancers_move_but_overlap(person: NDArray[np.bool_]) -> None:
    scenes = person.reshape(SCENES, PER_SCENE, SIDE, SIDE)
    overlaps = np.array([[_iou(s[k], s[k + 1]) for k in range(PER_SCENE - 1)] for s in scenes])
    assert 0.6 < overlaps.mean() < 0.92
    assert overlaps.min() > 0.15
    assert overlaps.mean(axis=1).max() < 0.97  # nobody stands still


def test_colour_does_not_give_the_person_away(frames: Frames, person: NDArray[np.bool_]) -> None:
    """The share of person pixels by RGB bin, counted on 30 scenes, with the best threshold on 10 new ones."""
    bins = (frames.images >> 4).astype(np.int64) @ np.array([256, 16, 1])
    seen = np.bincount(bins[:TRAINING].ravel(), minlength=4096)
    hits = np.bincount(bins[:TRAINING][person[:TRAINING]], minlength=4096)
    score = ((hits + 1.0) / (seen + 5.0))[bins[TRAINING:]]
    best = max(_iou(score > at, person[TRAINING:]) for at in np.linspace(0.02, 0.7, 35))
    assert best < 0.36


def test_brightness_does_not_give_the_person_away(frames: Frames, person: NDArray[np.bool_]) -> None:
    """For each frame on its own, the best threshold on luminance or its inverse, chosen knowing the mask."""
    luminance = (frames.images @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    best = []
    for grey, mask in zip(luminance, person, strict=True):
        below = np.bincount(grey.ravel(), minlength=256).cumsum()
        hits = np.bincount(grey[mask], minlength=256).cumsum()
        dark = hits / (below + hits[-1] - hits)
        bright = (hits[-1] - hits) / (below[-1] - below + hits)
        best.append(max(dark.max(), bright.max()))
    assert np.mean(best) < 0.4


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scenes": 0}, r"scenes must be at least 1, got 0\."),
        ({"frames_per_scene": -2}, r"frames_per_scene must be at least 1, got -2\."),
        ({"seed": -1}, r"seed must be at least 0, got -1\."),
        ({"size": (64, 15)}, r"size must be at least 16 pixels on each side, got \(64, 15\)\."),
    ],
)
def test_wrong_arguments(changed: dict[str, int], message: str) -> None:
    good = {"scenes": 1, "frames_per_scene": 1, "size": (16, 16), "seed": 0}
    with pytest.raises(ValueError, match=message):
        generate(**{**good, **changed})  # type: ignore[arg-type]

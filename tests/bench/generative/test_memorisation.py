"""Whether samples are copies of training frames."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import zoom

from hourglass_bench.bench import schema
from hourglass_bench.bench.generative.memorisation import memorisation

DISTANCE, UNSEEN, COPIED = (
    metric.name for metric in (schema.SAMPLE_DISTANCE, schema.UNSEEN_DISTANCE, schema.COPIED_SHARE)
)


def pictures(count: int, seed: int, channels: tuple[int, ...] = ()) -> NDArray[np.uint8]:
    """Patches of 4x4 random values, (count, 40, 40, ...)."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, *channels), dtype=np.uint8)
    return np.asarray(zoom(small, (1, 10, 10, *(1 for _ in channels)), order=0))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_copies_of_training_frames_are_found_with_their_positions(channels: tuple[int, ...]) -> None:
    train, test = pictures(30, 0, channels), pictures(20, 1, channels)
    order = np.random.default_rng(2).permutation(30)[:12]
    found = memorisation(train[order], train, [f"scene {frame // 3}" for frame in range(30)], test)
    assert found.neighbours.tolist() == order.tolist()
    assert found.metrics[COPIED] == 1
    assert found.metrics[DISTANCE] == pytest.approx(0, abs=1e-3)
    assert found.metrics[UNSEEN] > 0.1
    assert set(found.metrics) <= schema.METRICS.keys()


def test_samples_like_unseen_frames_are_no_copies() -> None:
    train, test, samples = (pictures(count, seed) for count, seed in ((200, 0), (100, 1), (100, 2)))
    metrics = memorisation(samples, train, [str(frame) for frame in range(200)], test).metrics
    assert metrics[COPIED] == 0
    assert metrics[DISTANCE] == pytest.approx(metrics[UNSEEN], rel=0.05)


def test_a_blurred_sample_is_no_copy_however_near_it_is() -> None:
    train, test = pictures(50, 0), pictures(50, 1)
    blurred = np.full_like(train[:5], 128)
    metrics = memorisation(blurred, train, [str(frame) for frame in range(50)], test).metrics
    assert metrics[DISTANCE] < metrics[UNSEEN]
    assert metrics[COPIED] == 0


@pytest.mark.parametrize(("noise", "copied"), [(0.3, 1.0), (0.4, 0.0)])
def test_a_copy_is_nearer_than_a_third_of_the_way_to_another_scene(noise: float, copied: float) -> None:
    # Frames of one scene are alike, those of the other one are 1 away; the sample lies between the scenes.
    train = np.stack([np.full((32, 32), value, np.uint8) for value in (0, 2, 255)])
    sample = np.full((1, 32, 32), round(255 * noise / (1 + noise)), np.uint8)
    metrics = memorisation(sample, train, ["a", "a", "b"], train).metrics
    assert metrics[COPIED] == copied


def test_of_a_single_training_scene_nothing_is_said_of_copies() -> None:
    assert memorisation(pictures(3, 1), pictures(3, 0), ["a"] * 3, pictures(3, 2)).metrics.keys() == {DISTANCE, UNSEEN}


def test_samples_unlike_all_frames_are_no_copies() -> None:
    train, test = pictures(50, 0) // 4, pictures(50, 1) // 4
    found = memorisation(255 - train, train, [str(frame) for frame in range(50)], test)
    assert found.metrics[COPIED] == 0
    assert found.metrics[DISTANCE] > 2 * found.metrics[UNSEEN]


def test_distances_are_root_mean_squares_of_shares_of_white() -> None:
    black, white = np.zeros((1, 32, 32), np.uint8), np.full((1, 32, 32), 255, np.uint8)
    found = memorisation(white, np.concatenate([black, black]), ["a", "b"], black + 51)
    assert found.metrics == pytest.approx({DISTANCE: 1.0, UNSEEN: 0.2, COPIED: 0.0})

"""Labels that are made a batch at a time are those of all masks, and nothing is copied before."""

from typing import Any

import numpy as np
import pytest
import torch

from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.training.device_frames import to_device
from hourglass_bench.bench.training.host_masks import HostMasks
from hourglass_bench.bench.training.pixels import IGNORED

MASKS = np.array([0, 127, 128, 255, 254, 1, 0, 255, 130, 3, 200, 90], np.uint8).reshape(3, 2, 2)


def frames_of(masks: Any, ignored: Any = None) -> Frames:
    images = np.zeros((*masks.shape, 3), np.uint8)
    names = tuple("abc")
    return Frames(names, names, images, masks, np.array([[2, 2]] * 3), ignored)


@pytest.mark.parametrize("hidden", [False, True])
def test_a_batch_says_what_is_foreground_and_what_counts_nowhere(hidden: bool) -> None:
    ignored = (np.arange(12).reshape(MASKS.shape) % 5 == 2) if hidden else None
    masks = HostMasks(frames_of(MASKS, ignored))
    expected = np.vectorize(lambda value: int(value >= 128))(MASKS)
    if ignored is not None:
        expected[ignored] = IGNORED
    batch = masks[torch.tensor([2, 0, 2])]
    assert batch.dtype == masks.dtype == (torch.int8 if hidden else torch.bool)
    np.testing.assert_array_equal(batch.numpy().astype(int), expected[[2, 0, 2]][:, None])
    assert torch.equal(masks[:], masks[torch.arange(3)])
    assert masks.shape == masks[:].shape


def test_on_the_cpu_masks_stay_the_file(tmp_path: Any) -> None:
    np.save(tmp_path / "masks.npy", MASKS)
    mapped = np.load(tmp_path / "masks.npy", mmap_mode="c")
    masks = to_device(frames_of(mapped), torch.device("cpu")).masks
    before = masks[:].clone()
    mapped[1] = 255 - mapped[1]
    assert torch.equal(masks[torch.tensor([1])], ~before[1:2])

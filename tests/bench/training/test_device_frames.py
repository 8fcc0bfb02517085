"""What of a data set goes to a device, and how much it takes there."""

from typing import Any

import numpy as np
import pytest
import torch

from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.training import device_frames
from hourglass_bench.bench.training.device_frames import bytes_on_device, free_bytes, has_room, to_device
from hourglass_bench.bench.training.host_images import HostImages
from hourglass_bench.bench.training.host_masks import HostMasks

CPU, CUDA, META = map(torch.device, ("cpu", "cuda", "meta"))


def frames_of(count: int, *, ignores: bool = False) -> Frames:
    generator = np.random.default_rng(0)
    names = tuple(str(number) for number in range(count))
    images, masks = (generator.integers(0, 256, (count, 4, 6, *more), np.uint8) for more in ((3,), ()))
    return Frames(names, names, images, masks, np.full((count, 2), 8), masks > 200 if ignores else None)


def hold_to(monkeypatch: pytest.MonkeyPatch, *, free: int, share: float = 1.0, reserved: int = 0) -> None:
    """A GPU of 1000 bytes."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 1000))
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda _: share)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: reserved)


@pytest.mark.parametrize("ignores", [False, True])
def test_bytes_on_a_device_are_those_of_the_tensors_there(ignores: bool) -> None:
    frames = frames_of(5, ignores=ignores)
    there = to_device(frames, META)
    assert isinstance(there.images, torch.Tensor)
    assert isinstance(there.masks, torch.Tensor)
    assert {there.images.device, there.masks.device} == {META}
    assert there.masks.dtype == (torch.int8 if ignores else torch.bool)
    assert there.images.nbytes + there.masks.nbytes == bytes_on_device(frames, META)
    assert bytes_on_device(frames, CPU) == 0
    assert bytes_on_device(frames, CUDA) == 5 * 4 * 6 * 4  # asks no GPU


def test_on_the_cpu_a_set_stays_the_file() -> None:
    frames = frames_of(3)
    there = to_device(frames, CPU)
    assert isinstance(there.masks, HostMasks)
    assert isinstance(there.images, torch.Tensor)
    assert there.images.data_ptr() == frames.images.ctypes.data
    assert there.images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("ignores", [False, True])
@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_masks_that_are_sent_some_at_a_time_are_all_of_them(
    count: int, ignores: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_frames, "_CHUNK", 3)
    masks = HostMasks(frames_of(count, ignores=ignores))
    assert torch.equal(device_frames._send(masks, CPU), masks[:])


def test_only_what_fits_beside_the_training_goes_to_the_device() -> None:
    assert has_room(50, free=100)
    assert not has_room(51, free=100)


def test_free_is_what_nobody_has_within_the_share_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    hold_to(monkeypatch, free=400)
    assert free_bytes(CUDA) == 400
    hold_to(monkeypatch, free=400, share=0.25, reserved=100)
    assert free_bytes(CUDA) == 150
    hold_to(monkeypatch, free=100, share=0.25, reserved=100)
    assert free_bytes(CUDA) == 100


@pytest.mark.parametrize("memory", [{"free": 380}, {"free": 900, "share": 0.4, "reserved": 20}])
def test_a_device_without_room_keeps_images_in_host_memory(
    memory: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The masks, which are a quarter of all, lie on it."""
    monkeypatch.setattr(device_frames, "_send", lambda masks, device: (masks, device))
    hold_to(monkeypatch, **memory)
    frames = frames_of(2)  # of 192 bytes
    there = to_device(frames, CUDA)
    assert isinstance(there.images, HostImages)
    assert there.images.device == CUDA
    assert there.masks[1] == CUDA  # type: ignore[index]

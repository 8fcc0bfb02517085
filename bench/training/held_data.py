"""The data set that this process trains on: loaded and sent to the device once for all its trainings."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.split import SPLITTING
from hourglass_bench.bench.training.device_frames import DeviceFrames, to_device

if TYPE_CHECKING:
    from hourglass_bench.bench.data.cache.entry import Dataset


class HeldData(NamedTuple):
    """A data set, and where it trains."""

    dataset: "Dataset"
    data: DeviceFrames


_Key = tuple[DataConfig, Path, torch.device]
_held: dict[_Key, HeldData] = {}
"""One at most: a device has no room for what nobody trains on."""


def hold(config: DataConfig, cache: Path, device: torch.device) -> HeldData:
    """The frames of `config`, as they were when this process first asked for them, until it asks for others.

    Raises:
        ValueError: as `bench.data.dataset.load`.
    """
    from hourglass_bench.bench.data.dataset import load  # reads pictures, which trainers do without

    key = (of_frames(config), cache, device)
    if key not in _held:
        _held.clear()  # its memory is free before the next set takes any
        _held[key] = send(load(config, cache), device)
    return _held[key]


def send(dataset: "Dataset", device: torch.device) -> HeldData:
    """A data set that the caller has loaded."""
    return HeldData(dataset, to_device(dataset.frames, device))


def of_frames(config: DataConfig) -> DataConfig:
    """The config with everything equal that decides on roles alone; a field that SPLITTING lacks tells sets apart."""
    equal: dict[str, Any] = {item.name: item.default for item in fields(config) if item.name in SPLITTING}
    return replace(config, **equal)

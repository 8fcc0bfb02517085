"""A process loads its data set once and sends it to the device once; what trains on it cannot tell."""

import weakref
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.data.split import SPLITTING
from hourglass_bench.bench.training import held_data
from hourglass_bench.bench.training.held_data import hold
from hourglass_bench.bench.training.setup import prepare
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")
OTHERS: dict[str, Any] = {
    "path": "elsewhere",
    "size": (24, 16),
    "scene_pattern": r"^(\d+)_",
    "scene_table": "scenes.csv",
    "split": "random_frames",
    "folds": 4,
    "labelled_scenes": 1,
    "synthetic_scenes": 7,
    "synthetic_frames": 5,
    "synthetic_seed": 1,
    "synthetic_blend": 0.4,
    "images": "images",
    "masks": "masks",
    "require_all": True,
    "foreground": ("255",),
    "ignore": ("7",),
    "invert": True,
    "intensity": "dtype",
    "fit": "crop",
    "max_megapixels": 1,
}
"""Another value of each field of DataConfig."""


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[DataConfig]]:
    """The configs for which a set was loaded; nothing is held before and after."""
    seen: list[DataConfig] = []

    def load_and_tell(config: DataConfig, cache: Path) -> Dataset:
        seen.append(config)
        return load(config, cache)

    monkeypatch.setattr("hourglass_bench.bench.data.dataset.load", load_and_tell)
    held_data._held.clear()
    yield seen
    held_data._held.clear()


def test_trainings_of_a_process_share_their_data(
    folder_data: Path,
    tmp_path: Path,
    tiny_config: MakeConfig,
    loaded: list[DataConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = DataConfig(path=str(folder_data), size=(16, 16), folds=3)
    first = prepare(tiny_config(data=data), tmp_path, CPU)
    monkeypatch.setattr("os.stat", lambda *_, **__: pytest.fail("a file is looked at for a second training"))
    second = prepare(tiny_config("hourglass", data=replace(data, split="random_frames"), repeat=1), tmp_path, CPU)
    monkeypatch.undo()
    assert len(loaded) == 1
    assert second.dataset is first.dataset
    assert second.data is first.data
    assert not np.array_equal(second.split.test, first.split.test)


def test_another_set_takes_the_place_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = weakref.ref(hold(DataConfig(size=(16, 16), synthetic_scenes=5), tmp_path, CPU).data.images)
    alive: list[bool] = []

    def load_after(config: DataConfig, cache: Path) -> Dataset:
        alive.append(images() is not None)
        return load(config, cache)

    monkeypatch.setattr("hourglass_bench.bench.data.dataset.load", load_after)
    hold(DataConfig(size=(16, 16), synthetic_scenes=6), tmp_path, CPU)
    assert alive == [False]
    assert len(held_data._held) == 1


def test_a_set_that_the_caller_has_loaded_is_taken_as_it_is(
    tmp_path: Path, tiny_config: MakeConfig, loaded: list[DataConfig]
) -> None:
    config = tiny_config()
    dataset = load(config.data, tmp_path)
    assert prepare(config, tmp_path, CPU, dataset).dataset is dataset
    assert (loaded, held_data._held) == ([], {})


def test_every_field_has_another_value_here() -> None:
    names = {item.name for item in fields(DataConfig)}
    assert OTHERS.keys() == names
    assert set(SPLITTING) < names
    assert all(OTHERS[item.name] != item.default for item in fields(DataConfig))


@pytest.mark.parametrize("name", OTHERS)
def test_a_set_is_shared_where_a_field_decides_on_roles_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else differs is loaded anew, and so is a field that is added."""
    data = DataConfig(size=(16, 16))
    monkeypatch.setattr("hourglass_bench.bench.data.dataset.load", lambda config, _: config)
    monkeypatch.setattr(held_data, "send", lambda dataset, _: dataset)
    cache = Path("cache")
    assert (hold(replace(data, **{name: OTHERS[name]}), cache, CPU) is hold(data, cache, CPU)) == (name in SPLITTING)


@pytest.mark.parametrize("name", SPLITTING)
def test_frames_do_not_depend_on_the_fields_that_decide_on_roles(
    name: str, folder_data: Path, tmp_path: Path, loaded: list[DataConfig]
) -> None:
    for data in (DataConfig(path=str(folder_data), size=(16, 16)), DataConfig(size=(16, 16), synthetic_scenes=6)):
        usual, other = (load(config, tmp_path) for config in (data, replace(data, **{name: OTHERS[name]})))
        assert usual.digest == other.digest
        assert (usual.frames.stems, usual.frames.scenes) == (other.frames.stems, other.frames.scenes)
        assert (usual.frames.given, usual.facts, usual.reading) == (other.frames.given, other.facts, other.reading)
    assert not loaded


def test_sets_of_other_caches_and_devices_are_others(tmp_path: Path) -> None:
    data = DataConfig(size=(16, 16), synthetic_scenes=5)
    here = hold(data, tmp_path, CPU)
    assert hold(data, tmp_path / "other", CPU) is not here
    assert hold(data, tmp_path, torch.device("meta")).data.masks.device.type == "meta"  # type: ignore[union-attr]


def test_a_training_is_the_same_to_the_bit_on_data_that_another_has_used(
    tmp_path: Path, tiny_config: MakeConfig
) -> None:
    found = []
    for name in ("unet", "hourglass", "unet"):
        setup = prepare(tiny_config(name), tmp_path, CPU)
        train, val = (torch.from_numpy(indices) for indices in (setup.split.train, setup.split.val))
        loss, _ = setup.trainer.train_epoch(setup.data, train)
        found.append((loss.item(), setup.trainer.evaluate(setup.data, val)))
    assert found[0] == found[2] != found[1]

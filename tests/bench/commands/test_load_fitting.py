"""What a training starts with: the folder is listed once, for the folds and for the frames."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench.commands import folds
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data import dataset
from hourglass_bench.bench.data.folder import folds as of_data
from hourglass_bench.bench.data.folder import pairs as folder


def test_a_folder_is_listed_once(folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataConfig(path=str(folder_data), size=(16, 32), folds=9)
    expected = dataset.load(replace(data, folds=6), tmp_path / "cache")
    listed: list[str] = []

    def find_pairs(config: DataConfig) -> Any:
        listed.append(config.path)
        return folder.find_pairs(config)

    for module in (folds, of_data, dataset):
        monkeypatch.setattr(module, "find_pairs", find_pairs)
    fitting, loaded = folds.load_fitting(data, tmp_path / "cache")
    assert listed == [str(folder_data)]
    assert fitting == replace(data, folds=6)
    assert (loaded.digest, loaded.facts) == (expected.digest, expected.facts)


def test_drawn_frames_have_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folds, "find_pairs", lambda _: pytest.fail("it was listed"))
    data = DataConfig(size=(16, 16), synthetic_scenes=4, synthetic_frames=2, folds=5)
    fitting, loaded = folds.load_fitting(data, tmp_path)
    assert fitting.folds == 4
    assert len(loaded.frames.stems) == 8

"""The audit in short: said once before a training and before each study on a folder, and never of drawn frames."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.commands.first_audit import say_once
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.dataset import load

HEAD = "data: 12 frames in 6 scenes of 2 frames each, from"


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What is said of a folder on stderr; nothing on stdout, which is for programs."""

    def told(path: Path | str, what: str = "train", **changes: Any) -> str:
        data = DataConfig(**{"path": str(path), "size": (32, 24), "folds": 3, **changes})
        say_once(data, load(data, tmp_path / "cache"), tmp_path / "cache", what)
        said = capsys.readouterr()
        assert said.out == ""
        return said.err

    return told


def test_each_study_hears_of_each_state_of_the_data_once(
    say: Callable[..., str], folder_data: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(folder_data, tmp_path / "data"))
    assert say(data).startswith(HEAD)
    assert say(data) == ""
    assert say(data, "study quick").startswith(HEAD)
    assert say(data, folds=4).startswith(HEAD)
    shutil.copy(data / "images" / "00000_0000.png", data / "images" / "00003_0000.png")
    assert "warning: Frames of two scenes are near copies (00000_0000 = 00003_0000)" in say(data)
    assert say(data) == ""


def test_a_training_on_drawn_frames_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = "--synthetic-scenes 3 --synthetic-frames 2 --size 16 --folds 3 --epochs 1 --device cpu"
    assert main([*f"train --arch simple_conv --channels 2 {drawn}".split(), "--runs", str(tmp_path)]) == 0
    assert "foreground" not in capsys.readouterr().err


def test_a_training_on_a_folder_begins_with_it(
    folder_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = f"train --arch simple_conv --channels 2 --data {folder_data} --size 16 --folds 3 --epochs 1 --device cpu"
    assert main([*train.split(), "--runs", str(tmp_path)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(HEAD)
    assert any(line.startswith("epoch 0") or line.startswith("epoch 1") for line in lines)

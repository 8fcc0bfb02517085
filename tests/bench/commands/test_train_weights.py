"""`bench train --weights`: what is said and stored, what is refused before the data are read, and whose test frames."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.checkpoint import load_checkpoint
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from hourglass_bench.bench.training.setup import build
from hourglass_bench.bench.training.weights import weights_digest

SMALL = "--channels 4 8 --size 16 --synthetic-scenes 6 --synthetic-frames 2 --folds 3 --epochs 2 --batch-size 4"
TRAIN = ["train", *SMALL.split(), "--device", "cpu", "--json"]
OTHERWISE = ["--freeze-epochs", "1", "--encoder-lr-factor", "0.1"]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_config: Callable[..., RunConfig]) -> Path:
    """A file of weights in the working directory, of a network with another head."""
    monkeypatch.chdir(tmp_path)
    state = build(replace(tiny_config(), repeat=9)).state_dict()
    state["head.weight"] = torch.zeros(5, 2, 1, 1)
    torch.save(state, "w.pt")
    return Path("w.pt")


def train(flags: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """What it answers and what it says."""
    assert main([*TRAIN, *flags]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def test_a_run_says_what_it_began_with_and_its_checkpoint_does_without(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, said = train(["--weights", "w.pt", *OTHERWISE], capsys)
    first, second, *_ = said.splitlines()
    assert first.startswith("weights of w.pt: ")
    assert first.endswith("tensors are loaded")
    assert second == "  of another shape: head.weight (5, 2, 1, 1), here (1, 2, 1, 1)"
    assert said.count("weights of") == 1
    stored = open_store(tracking_url(Path("runs"))).get_run(answer["run_id"]).data
    assert stored.tags[schema.WEIGHTS_DIGEST] == weights_digest("w.pt")
    assert json.loads(stored.tags[schema.WEIGHTS_LOADED])["reshaped"]["count"] == 1
    given = {"weights": "w.pt", "freeze_epochs": "1", "encoder_lr_factor": "0.1"}
    assert given.items() <= {name.removeprefix("training."): text for name, text in stored.params.items()}.items()
    weights.unlink()
    _, config = load_checkpoint(Path(answer["checkpoint"]).parent)
    assert config.training.weights == "w.pt"


def test_test_frames_are_those_of_the_files_content(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same content under another name has seen them, other content under the same name has not."""
    train(["--weights", "w.pt"], capsys)
    Path("same.pt").write_bytes(weights.read_bytes())
    assert main([*TRAIN, "--weights", "same.pt"]) == 2
    assert "test frames must be opened once per configuration" in capsys.readouterr().err
    state = torch.load(weights, weights_only=True)
    state["encoder.0.conv1.weight"] += 1
    torch.save(state, weights)
    train(["--weights", "w.pt"], capsys)
    train([], capsys)
    train(["--weights", "w.pt", *OTHERWISE], capsys)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--weights none.pt", "--weights must name a file that exists, got none.pt (none there)."),
        ("--weights w.pt --pretrain-epochs 1", "--weights must be empty with --pretrain-epochs, whose"),
        (
            "--freeze-epochs 30",
            "--freeze-epochs must be at least 0 and less than the epochs after pre-training (30)",
        ),
        ("--encoder-lr-factor 0", "--encoder-lr-factor must lie in (0, 1], got 0.0."),
        ("--arch headed.py:Net --freeze-epochs 1", "it has no submodule encoder, but head; an ArchitectureSpec says"),
    ],
)
def test_what_cannot_be_is_refused_before_the_data_are_read(
    flags: str, message: str, tmp_path: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "headed.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.head = nn.Conv2d(3, 1, 1)\n    def forward(self, x):\n        return self.head(x)\n"
    )
    monkeypatch.setattr(
        "hourglass_bench.bench.commands.train.load_fitting", lambda *_: pytest.fail("the data were read")
    )
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert message in refused(main, f"train --size 16 {flags} --device cpu")

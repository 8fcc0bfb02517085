"""`bench predict` goes on with checkpoints that earlier versions made."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hourglass_bench.bench.__main__ import main

CHECKPOINT = "runs/artifacts/quick/{}/artifacts/checkpoint"


@pytest.mark.parametrize("source", ["{}", CHECKPOINT, f"{CHECKPOINT}/state_dict.pt"], ids=["run", "folder", "file"])
def test_a_checkpoint_of_an_older_version_predicts_what_it_did(
    source: str, stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for a few pixels of 4096, where another CPU rounds a probability to the other side of a half."""
    monkeypatch.chdir(stored)
    before = json.loads(Path("expected.json").read_text())
    expected, source = before["foreground_pixels"], source.format(before["checkpoint_run"])
    assert main(["predict", source, "data", "--out", "masks", "--runs", "runs", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"masks": len(expected), "out": "masks"}
    masks = {path.stem: np.asarray(Image.open(path)) for path in Path("masks").glob("*.png")}
    assert {stem: (mask > 0).sum() for stem, mask in masks.items()} == pytest.approx(expected, abs=4)

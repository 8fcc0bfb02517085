"""Public data sets are audited and trained on as they are delivered, without a file renamed."""

import json
from pathlib import Path

import pytest

from bench.__main__ import main
from tests.bench.data.public_layouts import LAYOUTS

FRAMES = {"Carvana": 18, "DRIVE": 12, "VOC": 12, "CamVid": 18, "DSB 2018": 9, "ISBI stack": 30, "nnU-Net": 12}
SCENES = {"Carvana": 6, "DRIVE": 12, "VOC": 6, "CamVid": 6, "DSB 2018": 9, "ISBI stack": 3, "nnU-Net": 12}


@pytest.mark.parametrize("name", LAYOUTS)
def test_public_layouts_are_audited_and_trained_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = LAYOUTS[name](tmp_path / "data")
    assert main(["data", "--audit", "data", "--json", "--size", "32", *flags]) == 0
    audit = json.loads(capsys.readouterr().out)
    assert (audit["frames"], audit["scenes"]) == (FRAMES[name], SCENES[name])
    sizes = ["--size", "32", "--channels", "4", "8", "--epochs", "1", "--folds", "3"]
    assert main(["train", "--data", "data", "--json", *sizes, *flags]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["state"] == "complete"
    assert 0 <= trained["test_iou"] <= 1

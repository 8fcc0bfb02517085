"""Public data sets are audited and trained on as they are delivered, without a file renamed."""

import json
from pathlib import Path

import numpy as np
import pytest

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.dataset import read
from tests.bench.data.kinds import drawn
from tests.bench.data.public_layouts import LAYOUTS

SIZES = {
    "Carvana": (18, 6),
    "DRIVE": (12, 12),
    "VOC": (12, 6),
    "CamVid": (18, 6),
    "DSB 2018": (9, 9),
    "ISBI stack": (30, 3),
    "nnU-Net": (12, 12),
    "BUSI": (12, 12),
    "GlaS": (12, 12),
}
"""Frames and scenes."""


@pytest.mark.parametrize("name", LAYOUTS)
def test_public_layouts_are_audited_and_trained_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = LAYOUTS[name](tmp_path / "data")
    assert main(["data", "--audit", "data", "--json", "--size", "32", *flags]) == 0
    audit = json.loads(capsys.readouterr().out)
    assert (audit["frames"], audit["scenes"]) == SIZES[name]
    sizes = ["--size", "32", "--channels", "4", "8", "--epochs", "1", "--folds", "3"]
    assert main(["train", "--data", "data", "--json", *sizes, *flags]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["state"] == "complete"
    assert 0 <= trained["test_iou"] <= 1


def test_several_masks_of_a_busi_image_and_all_glands_are_foreground(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/protocol.md imports them, for the study `published`."""
    monkeypatch.chdir(tmp_path)
    masks = [frame.mask for frame in drawn(scenes=12, frames=1)]
    for name, stem, mask in (("BUSI", "benign/benign (2)", masks[1]), ("GlaS", "testA_1", masks[6])):
        flags = LAYOUTS[name](tmp_path / name)
        assert main(["data", "import", name, *flags, "--out", f"{name}-imported"]) == 0
        frames = read(DataConfig(path=f"{name}-imported", size=mask.shape)).frames
        np.testing.assert_array_equal(frames.masks[frames.stems.index(stem)] > 127, mask)
        assert len(set(frames.scenes)) == 12

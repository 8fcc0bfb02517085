"""docs/networks.md, run as it is written: its files and its commands, on few small frames and with few epochs."""

import shutil
import sys
from pathlib import Path

import pytest

from hourglass_bench.reports.__main__ import main as reports
from hourglass_bench.studies.__main__ import main as studies
from tests.documents import ROOT, commands, files
from tests.typed import Typist

DOCUMENT = ROOT / "docs" / "networks.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder_data: Path) -> Path:
    """Working directory with the files of the document, and with images."""
    for name, text in files(DOCUMENT).items():
        (tmp_path / name).write_text(text)
    shutil.copytree(folder_data / "images", tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def test_networks_as_documented(folder: Path) -> None:
    typist = Typist(folder)
    ours = [command for command in commands(DOCUMENT) if command.words[0] == "hourglass-bench"]
    assert len(ours) == 6
    for command in ours:
        answer = typist.type(command)
        verb = command.words[1]
        if verb == "train":
            assert answer["state"] == "complete"
        elif verb == "predict":
            assert {path.stem for path in Path("masks").glob("*.png")} == {
                path.stem for path in Path("images").glob("*")
            }
        elif "around.py" in str(command):
            assert answer["params"] == 2 * (3 * 3 + 1)
        else:
            assert answer["bottleneck_name"] == "bottleneck"
            assert answer["bottleneck"] == [192, 8, 8]


def test_study_as_documented(folder: Path) -> None:
    made = [" ".join(command.words) for command in commands(DOCUMENT) if command.words[0] == "make"]
    assert made == ["make sweep STUDY=residual.py", "make report STUDY=residual.py"]
    flags = "--epochs 1 --repeats 2 --size 16 --folds 3 --device cpu --workers 1"
    assert studies(["sweep", "residual.py", "--runs", "runs", *flags.split()]) == 0
    assert reports(["report", "residual.py", "--runs", "runs"]) == 0
    page = next(folder.rglob("report.html")).read_text()
    assert "ResUNet" in page
    assert "resunet.py:ResUNet" not in page

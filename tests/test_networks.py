"""docs/networks.md, run as it is written: its files and its commands, on few small frames and with few epochs."""

import io
import json
import re
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from hourglass_bench.bench.__main__ import main as bench
from hourglass_bench.reports.__main__ import main as reports
from hourglass_bench.studies.__main__ import main as studies

TEXT = (Path(__file__).parents[1] / "docs" / "networks.md").read_text()
DATA = "--synthetic-scenes 6 --synthetic-frames 1 --folds 3 --batch-size 4"


def commands(first: str) -> list[str]:
    """The lines of shell blocks that begin with a word."""
    lines = "\n".join(re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)).splitlines()
    return [line for line in lines if line.startswith(first)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder_data: Path) -> Path:
    """Working directory with the files of the document, and with images."""
    for name, text in re.findall(r"^```python (\S+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text)
    shutil.copytree(folder_data / "images", tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def shortened(command: str) -> list[str]:
    epochs = re.sub(r"--epochs \d+", "--epochs 1", command)
    epochs += "" if "--epochs" in command else " --epochs 3"
    return f"{epochs.replace('--size 64', '--size 16')} {DATA} --device cpu --json".split()


def test_networks_as_documented(folder: Path) -> None:
    run_id = ""
    for command in commands("bench "):
        verb = command.split()[1]
        words = shortened(command)[1:] if verb == "train" else f"{command} --device cpu --json".split()[1:]
        with redirect_stdout(io.StringIO()) as said:
            assert bench([run_id if word == "RUN_ID" else word for word in words]) == 0, command
        answer = json.loads(said.getvalue())
        if verb == "train":
            assert answer["state"] == "complete"
            run_id = answer["run_id"]
            shutil.copy(answer["checkpoint"], "weights.pt")
        elif verb == "predict":
            assert {path.stem for path in Path("masks").glob("*.png")} == {
                path.stem for path in Path("images").glob("*")
            }
        elif "around.py" in command:
            assert answer["params"] == 2 * (3 * 3 + 1)
        else:
            assert answer["bottleneck_name"] == "bottleneck"
            assert answer["bottleneck"] == [192, 8, 8]
    assert len(commands("bench ")) == 6


def test_study_as_documented(folder: Path) -> None:
    assert commands("make ") == ["make sweep STUDY=residual.py", "make report STUDY=residual.py"]
    flags = "--epochs 1 --repeats 2 --size 16 --folds 3 --device cpu --workers 1"
    assert studies(["run", "residual.py", "--runs", "runs", *flags.split()]) == 0
    assert reports(["build", "--study", "residual.py", "--runs", "runs"]) == 0
    page = next(folder.rglob("report.html")).read_text()
    assert "ResUNet" in page
    assert "resunet.py:ResUNet" not in page

"""`python -m bench data --audit`: its answers, its files and its exit codes."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.__main__ import main
from bench.data.audit.audit import Audit

COMMAND = ("data", "--size", "32", "--folds", "3")


@pytest.fixture
def folder(folder_data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder_data, tmp_path / "data"))


def test_json_holds_the_whole_audit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--audit", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer.keys() == set(Audit.__slots__)
    assert answer["copy_iou"].keys() == {"scene_folds", "random_frames"}
    assert (answer["data"], answer["frames"], answer["scenes"]) == (str(folder), 12, 6)


def test_audit_alone_is_of_the_data_and_of_the_split_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ("--synthetic-scenes", "3", "--synthetic-frames", "2", "--split", "scene_holdout")
    assert main([*COMMAND, *tiny, "--audit"]) == 0
    text = capsys.readouterr().out
    assert "6 frames in 3 scenes of 2 to 2 frames (median 2), from synthetic" in text
    assert "scene_holdout, 1 of 3 folds tested: " in text
    assert "random_frames, 3 of 3 folds tested: " in text


def test_merged_scenes_put_into_the_folder_leave_no_look_alikes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("images", "masks"):
        for frame in ("0000", "0001"):
            shutil.copy(folder / kind / f"00001_{frame}.png", folder / kind / f"00004_{frame}.png")
    table = folder.parent / "merged.csv"
    assert main([*COMMAND, "--audit", str(folder), "--merge-scenes", str(table)]) == 0
    text = capsys.readouterr().out
    assert "  00001 and 00004: 100% of the background agrees\n" in text
    assert text.endswith(f"wrote {table}; it counts as scenes.csv in {folder}, without --scene-pattern\n")
    with table.open(newline="") as file:
        rows = {row["stem"]: row["scene"] for row in csv.DictReader(file)}
    assert rows == {
        f"{scene:05d}_{frame:04d}": f"{1 if scene == 4 else scene:05d}" for scene in range(6) for frame in range(2)
    }
    assert sorted(path.name for path in folder.parent.iterdir()) == ["data", "merged.csv"]
    table.rename(folder / "scenes.csv")
    assert main([*COMMAND, "--audit", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["scenes"] == 5
    assert answer["look_alikes"]["pairs"] == answer["near_copies"]["in_other_scenes"] == []


def test_label_map_is_wrong_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.repeat(np.array([0, 128, 255, 0], np.uint8), 8)[:, None].repeat(24, axis=1)
    Image.fromarray(labels).save(folder / "masks" / "00002_0000.png")
    assert main([*COMMAND, "--audit", str(folder)]) == 2
    assert "masks/00002_0000.png is a label map" in capsys.readouterr().err

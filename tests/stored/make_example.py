"""Make the stored example of the schema's version: `PYTHONPATH=. python tests/stored/make_example.py`, before it rises.

A study of one epoch on twelve drawn frames, stopped one unit before its end, as later versions will find it: both
databases, the frame and calibration tables, one checkpoint, and what this version says of them (expected.json).
"""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.bench.data.synthetic import generate
from hourglass_bench.bench.perf.pngs import write_pngs

HERE = Path(__file__).parent
STUDY, UNITS = "quick", 72
PLACEHOLDER = "/STORED"
"""In the database in place of the folder that holds `runs`, since it will lie elsewhere."""
KEPT = (schema.FRAME_TABLE, schema.CALIBRATION_TABLE, schema.SPLIT_FILE, schema.SEAL_FILE)


def run_study(folder: Path) -> None:
    """All units but the last, by interrupting the driver when that one begins."""
    flags = ["--data", "data", "--epochs", "1", "--workers", "1"]
    command = [sys.executable, "-m", "hourglass_bench", "run", STUDY, *flags]
    driver = subprocess.Popen([*command, "--device", "cpu"], cwd=folder, stderr=subprocess.PIPE, text=True)
    assert driver.stderr is not None
    for line in driver.stderr:
        if line.startswith(f"[{UNITS - 1}/{UNITS}]"):
            driver.send_signal(signal.SIGINT)
    driver.wait()


def foreground_pixels(folder: Path, run: str) -> dict[str, int]:
    """What `bench predict` makes of the frames."""
    command = [sys.executable, "-m", "hourglass_bench", "predict", run, "data", "--out", "masks", "--device", "cpu"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return {
        mask.stem: int((np.asarray(Image.open(mask)) > 0).sum()) for mask in sorted((folder / "masks").glob("*.png"))
    }


def keep(folder: Path, into: Path) -> None:
    """The databases without the paths of this machine, and the few files of the runs that others read."""
    (into / "runs").mkdir(parents=True)
    shutil.copytree(folder / "data", into / "data")
    for name in (schema.TRACKING_DB, schema.STUDY_DB):
        with sqlite3.connect(folder / "runs" / name) as database:
            database.execute("PRAGMA journal_mode=DELETE")
        shutil.copy(folder / "runs" / name, into / "runs" / name)
    with sqlite3.connect(into / "runs" / schema.TRACKING_DB) as database:
        units = "JOIN tags t ON t.run_uuid = m.run_uuid AND t.key = 'unit' WHERE m.key = '{schema.TEST_IOU.name}'"
        test_iou = dict(database.execute(f"SELECT t.value, m.value FROM latest_metrics m {units}"))
        (run,) = database.execute("SELECT run_uuid FROM runs WHERE name LIKE 'unet d3 w6 r0'").fetchone()
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(folder), PLACEHOLDER))
    for artifacts in (folder / "runs" / schema.ARTIFACT_DIR / STUDY).glob("*/artifacts"):
        target = into / artifacts.relative_to(folder)
        target.mkdir(parents=True)
        for name in KEPT:
            shutil.copy(artifacts / name, target / name)
        if artifacts.parent.name == run:
            shutil.copytree(artifacts / "checkpoint", target / "checkpoint")
            shutil.copy(artifacts / schema.PANEL_DATA, target / schema.PANEL_DATA)
    expected = {
        "study": STUDY,
        "epochs": 1,
        "waiting": UNITS - len(test_iou),
        "checkpoint_run": run,
        "foreground_pixels": foreground_pixels(folder, run),
        "test_iou": test_iou,
    }
    (into / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    name = f"version-{schema.VERSION}"
    with TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve() / "made"
        write_pngs(generate(scenes=6, frames_per_scene=2, size=(64, 64), seed=3), folder / "data")
        run_study(folder)
        keep(folder, Path(scratch) / name)
        with tarfile.open(HERE / f"{name}.tar.xz", "w:xz") as archive:
            archive.add(Path(scratch) / name, name)

"""A study that a user's script ran by the API, once for all tests that look at its results."""

import subprocess
import sys
from pathlib import Path

import pytest

import hourglass_bench as hb

SCRIPT = """
import hourglass_bench as hb

print("the script runs")
study = hb.Factorial(
    name="tiny",
    question="Does a script need a guard?",
    size=16,
    data={"synthetic_scenes": 6, "synthetic_frames": 2, "folds": 3},
    training=hb.TrainingConfig(epochs=2, batch_size=4),
    plan=hb.each(lambda: [*hb.grid(("unet", "hourglass"), depth=(2,), base_width=(4,)), *hb.grid("unet", depth=(6,))]),
    repeats=3,
)
print(repr(hb.sweep(study, runs="runs", device="cpu", workers=1)))
"""
"""Without `if __name__ == "__main__"`. A U-Net of six levels is too deep for 16 pixels: its units end early."""


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of its results, and what the script printed."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "script.py").write_text(SCRIPT)
    ran = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return folder / "runs", ran.stdout


@pytest.fixture(scope="session")
def results(swept: tuple[Path, str]) -> hb.Results:
    return hb.load("tiny", runs=swept[0])

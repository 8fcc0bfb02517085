"""Faults that take minutes: `make storm` runs them one after the other, and each prints its row of docs/reliability.md.

pytest does not find this file by itself, so that neither `make test-all` nor CI waits for them.
"""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.studies.conftest import trial_runs
from tests.studies.once import require_none_lost, require_once
from tests.studies.storm import EPOCHS, LOCAL, STUDY, Driver, log_of, storm

KILLS = 10
"""Of workers, and as many of drivers."""
UNITS = 60
STOPPED_SECONDS = 60
FEW = 4
"""Units of the studies to which one thing happens."""


def drive(runs: Path, *more: str) -> Driver:
    """A driver of few units, one of which has ended."""
    driver = Driver(LOCAL, runs, "--repeats", str(FEW // 2), *more)
    driver.until_ended(1)
    return driver


def statuses(runs: Path) -> Counter[str]:
    """Of the runs of trials."""
    return Counter(run.info.status for run in trial_runs(runs, STUDY))


def require_complete(fault: str, runs: Path) -> None:
    require_once(runs, STUDY, EPOCHS)
    require_none_lost(fault, runs, STUDY, said=log_of(runs).read_text())


def test_workers_and_drivers_are_killed(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    answer = storm(LOCAL, runs, "--repeats", str(UNITS // 2), workers=KILLS, drivers=KILLS, seed=22, apart=2)
    assert (answer["planned"], answer["complete"]) == (UNITS, UNITS)
    require_complete(f"{KILLS} workers and {KILLS} drivers killed with SIGKILL", runs)


def test_a_worker_is_stopped_and_continued(tmp_path: Path) -> None:
    driver = drive(tmp_path / "runs")
    (worker, *_) = driver.workers()
    os.kill(worker, signal.SIGSTOP)
    time.sleep(STOPPED_SECONDS)
    assert worker in driver.workers()
    os.kill(worker, signal.SIGCONT)
    driver.finish()
    assert statuses(driver.runs) == {"FINISHED": FEW}
    require_complete(f"a worker stopped for {STOPPED_SECONDS} s and continued", driver.runs)


def test_a_worker_hangs(tmp_path: Path) -> None:
    driver = drive(tmp_path / "runs", "--trial-timeout", "60")
    os.kill(driver.workers()[0], signal.SIGSTOP)
    driver.finish()
    assert statuses(driver.runs) == {"FINISHED": FEW, "KILLED": 1}
    require_complete("a worker stopped and never continued, `--trial-timeout 60`", driver.runs)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A RUNS folder on a small disk of its own."""
    runs = tmp_path / "runs"
    runs.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", runs], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield runs
    subprocess.run(["umount", "--lazy", runs], check=True)


def test_the_disk_is_full(disk: Path) -> None:
    driver = drive(disk)
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    code, _ = driver.end()
    assert (code, "results must be written" in driver.said()) == (2, True), driver.said()
    filler.unlink()
    Driver(LOCAL, disk, *driver.more).finish()
    require_complete("the disk of RUNS full in mid-study, then the same command with room", disk)

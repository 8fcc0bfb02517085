"""A storm: workers and drivers of a small study are killed with SIGKILL at random moments, and drivers started again.

Run as a script, this file is `python -m studies` with the study of the storm in its catalogue: that is a driver.
"""

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
STUDY = "storm"
UNITS = 12
EPOCHS = 100
PACE = 0.02
"""Seconds that the driver thinks about an epoch, so that on a fast machine too the study outlasts the storm."""
MOST_LOSSES = 2
"""One more, and the driver records a unit as failed: something that keeps killing its worker."""
PATIENCE = 300
"""Seconds after which something that should have happened did not."""


class Executor(NamedTuple):
    """How the processes that train are told apart from others."""

    name: str
    is_worker: Callable[[str], bool]
    """By command line, among the descendants of a driver."""


LOCAL = Executor("local", lambda command: "spawn_main" in command)
RAY = Executor("ray", lambda command: command.startswith("ray::work"))


def storm(
    executor: Executor, runs: Path, *more: str, workers: int, drivers: int, seed: int, apart: int = 0
) -> dict[str, Any]:
    """Kill so many workers and drivers, every other driver while it works, then let a driver finish: its answer.

    Between two kills `apart` units end; `more` are options of each driver.
    """
    moments = random.Random(seed)
    victims = [_kill_worker] * workers + ([_kill_driver, _kill_driver_at_work] * drivers)[:drivers]
    moments.shuffle(victims)
    seen: set[int] = set()
    driver = Driver(executor, runs, *more)
    try:
        for kill in victims:
            driver.until_ended(driver.ended() + apart)
            driver = kill(driver, moments, seen)
        answer = driver.finish()
    finally:
        driver.kill()
    wait(lambda: not any(map(command, seen)), "the workers of killed drivers end")
    return answer


def log_of(runs: Path) -> Path:
    """What all drivers of a RUNS folder told people."""
    return runs.parent / "driver.log"


class Driver:
    """A process that runs or resumes the study."""

    def __init__(self, executor: Executor, runs: Path, *more: str) -> None:
        self.executor = executor
        self.runs = runs
        self.more = more
        options = ["--runs", str(runs), "--executor", executor.name, "--device", "cpu", "--workers", "2", "--json"]
        options += ["--accept-changes", *more]  # of the code, by whoever works on it meanwhile
        environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(runs.parent)}
        self._log = log_of(runs)
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__, "run", STUDY, *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )

    def workers(self) -> list[int]:
        """Process ids of those who train, once the driver has some."""
        return [pid for pid in descendants(self._process.pid) if self.executor.is_worker(command(pid))]

    def check(self) -> None:
        """Fail if the driver has ended by itself."""
        assert self._process.poll() is None, f"driver ended with {self._process.returncode}: {self.said()[-5000:]}"

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self._process.kill()
        self._process.communicate()

    def finish(self) -> dict[str, Any]:
        """Wait for the end of the study; what the driver then prints."""
        code, answer = self.end()
        assert code == 0, self.said()[-5000:]
        result: dict[str, Any] = json.loads(answer)
        return result

    def end(self) -> tuple[int, str]:
        """Wait for the end of the driver: its exit code and what it printed."""
        try:
            answer, _ = self._process.communicate(timeout=2 * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the driver hangs: {self.said()[-5000:]}") from None
        return self._process.returncode, answer

    def said(self) -> str:
        """What it, and those before it, told people."""
        return self._log.read_text()

    def ended(self) -> int:
        """Units that have ended, by what it and those before it told."""
        return max(map(int, re.findall(r"^\[(\d+)/", self.said(), re.MULTILINE)), default=0)

    def until_ended(self, units: int) -> None:
        """Wait until so many units have ended, while the driver goes on."""

        def ended() -> bool:
            self.check()
            return self.ended() >= units

        wait(ended, f"{units} units end")


def _kill_worker(driver: Driver, moments: random.Random, seen: set[int]) -> Driver:
    """Kill one in the middle of a trial, or a little before or after."""
    while True:
        _wait_for_trial(driver, seen)
        time.sleep(moments.uniform(0, 2))
        driver.check()
        workers = driver.workers()
        if workers and _most_losses(driver.runs) < MOST_LOSSES:
            with suppress(ProcessLookupError):
                os.kill(moments.choice(workers), signal.SIGKILL)
                return driver


def _kill_driver_at_work(driver: Driver, moments: random.Random, seen: set[int]) -> Driver:
    """Kill it while trials run, and start the next."""
    _wait_for_trial(driver, seen)
    time.sleep(moments.uniform(0, 2))
    return _restart(driver, seen)


def _kill_driver(driver: Driver, moments: random.Random, seen: set[int]) -> Driver:
    """Kill it in any moment, maybe while it starts, and start the next."""
    time.sleep(moments.uniform(0, 15))
    return _restart(driver, seen)


def _restart(driver: Driver, seen: set[int]) -> Driver:
    driver.check()
    seen.update(driver.workers())
    driver.kill()
    return Driver(driver.executor, driver.runs, *driver.more)


def _wait_for_trial(driver: Driver, seen: set[int]) -> None:
    """Until a worker trains, and no unit has lost as many workers as it may."""

    def is_training() -> bool:
        driver.check()
        seen.update(driver.workers())
        return bool(driver.workers()) and _running(driver.runs) > 0 and _most_losses(driver.runs) < MOST_LOSSES

    wait(is_training, "a trial runs")


def wait(condition: Callable[[], bool], name: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"in {PATIENCE} s it did not happen that {name}"
        time.sleep(0.05)


def descendants(pid: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    open_ends = [pid]
    while open_ends:
        for child in children.get(open_ends.pop(), []):
            yield child
            open_ends.append(child)


def command(pid: int) -> str:
    """Command line; empty for a process that is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def _running(runs: Path) -> int:
    """Trials that run, as far as the study's store knows."""
    return _query(
        runs,
        "SELECT count(*) FROM trials WHERE state = 'RUNNING' AND NOT EXISTS ("
        "SELECT 1 FROM trial_user_attributes a WHERE a.trial_id = trials.trial_id AND a.key IN ('lost', 'state'))",
    )


def _most_losses(runs: Path) -> int:
    """Largest number of workers that a unit without an outcome has lost."""
    unit = "SELECT {} FROM trial_user_attributes u JOIN trial_user_attributes o USING (trial_id) WHERE u.key = 'unit' "
    return _query(
        runs,
        f"SELECT coalesce(max(n), 0) FROM ({unit.format('count(*) AS n')} AND o.key = 'lost' AND u.value_json NOT IN "
        f"({unit.format('u.value_json')} AND o.key = 'state') GROUP BY u.value_json)",
    )


def _query(runs: Path, query: str) -> int:
    database = runs / "optuna.db"
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute(query).fetchone()[0])
        except sqlite3.OperationalError:  # its tables are being made
            return 0


def _drive() -> int:
    """`python -m studies`, with the study of the storm."""
    from hourglass_bench.bench.commands.cli import prepare_process

    prepare_process()
    from hourglass_bench.bench.config import TrainingConfig
    from hourglass_bench.studies.__main__ import main
    from hourglass_bench.studies.catalog import CATALOG
    from hourglass_bench.studies.spaces import grid, to_units
    from hourglass_bench.studies.stages import FixedTrials
    from hourglass_bench.studies.study import Factorial

    FixedTrials.prunes = True  # trials wait for the driver's answer
    FixedTrials.prune = lambda *_: time.sleep(PACE)
    networks = grid(("hourglass", "unet"), depth=(2,), base_width=(8,), norm="batch")
    CATALOG[STUDY] = Factorial(
        name=STUDY,
        question="What is left after a storm?",
        size=16,
        training=TrainingConfig(epochs=EPOCHS, batch_size=4, lr=0.01),
        plan=lambda data, training: to_units(networks, data, training),
        repeats=UNITS // 2,
        data={"synthetic_scenes": 6, "synthetic_frames": 2, "folds": 3},
    )
    return main()


if __name__ == "__main__":
    sys.exit(_drive())

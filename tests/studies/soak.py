"""A thousand trials of about a second on two workers: whether memory, open files, threads or the time per trial grow.

As a script, from the repository's root: `PYTHONPATH=. python tests/studies/soak.py RUNS [TRIALS]`.
"""

import os
import statistics
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.studies.driver import Driver
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.spaces import grid, to_units
from hourglass_bench.studies.study import Factorial
from tests.studies.storm import descendants

WORKERS = 2
WINDOW = 100
"""Trials around which a time is the median of."""


class Use(NamedTuple):
    """What the processes of a study hold: of the driver and of all below it."""

    mebibytes: float
    """Resident."""
    files: int
    threads: int
    processes: int


class Soak:
    """When trials ended, and what was held then."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.uses: dict[int, Use] = {}
        self._end = Driver._end

    def watch(self, driver: Driver, *arguments: Any) -> None:
        """In place of `Driver._end`."""
        self._end(driver, *arguments)
        self.ends.append(time.monotonic())
        if len(self.ends) % WINDOW == 0:
            self.uses[len(self.ends)] = use([os.getpid(), *descendants(os.getpid())])


def use(pids: list[int]) -> Use:
    """Of processes together."""
    found = [Use(0, 0, 0, 0)]
    for pid in pids:
        with suppress(OSError):
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            memory = int(status["VmRSS"].split()[0]) / 1024
            found.append(Use(memory, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"]), 1))
    return Use(*map(sum, zip(*found, strict=True)))


def main(runs: Path, trials: int) -> None:
    """Run, and print what was held and how long a trial took around trial 100, 200, ..."""
    soak = Soak()
    Driver._end = lambda driver, *arguments: soak.watch(driver, *arguments)  # type: ignore[method-assign]
    study = Factorial(
        name="soak",
        question="Does anything grow?",
        size=32,
        training=TrainingConfig(epochs=1, batch_size=8),
        plan=lambda data, training: to_units(grid("unet", depth=(2,), base_width=(8,)), data, training),
        repeats=trials,
        data={"synthetic_scenes": 15, "synthetic_frames": 4, "folds": 3},
    )
    status = run_study(study, Options(runs=runs, device="cpu", workers=str(WORKERS), no_tune=True))
    for end, held in soak.uses.items():
        seconds = statistics.median(
            WORKERS * (later - sooner) / 2
            for sooner, later in zip(soak.ends[end - WINDOW : end], soak.ends[end - WINDOW + 2 : end], strict=False)
        )
        cli.say(
            f"trial {end}: {1000 * seconds:.0f} ms of a worker, {held.mebibytes:.0f} MiB in {held.processes} processes, "
            f"{held.files} open files, {held.threads} threads"
        )
    total = sum(status.time.values())
    cli.say(", ".join(f"{name} {100 * seconds / total:.1f} %" for name, seconds in status.time.items()))
    cli.say(f"planned {len(status.units)}, {status.states}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)

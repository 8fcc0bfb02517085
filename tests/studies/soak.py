"""A thousand trials of about a second on two workers: whether memory, open files, threads or the time per trial grow.

As a script, from the repository's root: `PYTHONPATH=. python tests/studies/soak.py RUNS [TRIALS]`.
"""

import os
import statistics
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.studies import times
from hourglass_bench.studies.driver import Driver, Running
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.spaces import grid, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.worker import Outcome
from tests.studies.once import require_once
from tests.studies.storm import descendants

NAME, WORKERS, EPOCHS = "soak", 2, 1
WINDOW = 100
"""Trials between two looks. The first ones hold the start of the workers, which takes as long as dozens of trials."""


class Use(NamedTuple):
    """What the processes of a study hold: of the driver and of all below it."""

    mebibytes: float
    """Resident."""
    files: int
    threads: int
    processes: int


class Soak:
    """Says after every hundredth trial what is held, and how long a trial took of those since the look before."""

    def __init__(self) -> None:
        self._spent: list[Mapping[str, float]] = []
        self._end = Driver._end

    def end(self, driver: Driver, running: Running, outcome: Outcome, spent: Mapping[str, float]) -> None:
        """In place of `Driver._end`."""
        self._end(driver, running, outcome, spent)
        self._spent.append(spent)
        if len(self._spent) % WINDOW == 0:
            held, newest = use([os.getpid(), *descendants(os.getpid())]), self._spent[-WINDOW:]
            cli.say(
                f"trial {len(self._spent)}: {1000 * statistics.median(sum(trial.values()) for trial in newest):.0f} ms "
                f"of a worker ({shares(newest)}), {held.mebibytes:.0f} MiB in {held.processes} processes, "
                f"{held.files} open files, {held.threads} threads"
            )


def shares(trials: list[Mapping[str, float]]) -> str:
    """What the workers' time went to, in percent."""
    spent = times.total(trials)
    return ", ".join(f"{name} {100 * seconds / sum(spent.values()):.1f}" for name, seconds in spent.items() if seconds)


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
    """Run, and require every trial exactly once."""
    soak = Soak()
    Driver._end = lambda driver, *arguments: soak.end(driver, *arguments)  # type: ignore[method-assign]
    study = Factorial(
        name=NAME,
        question="Does anything grow?",
        size=32,
        training=TrainingConfig(epochs=EPOCHS, batch_size=8),
        plan=lambda data, training: to_units(grid("unet", depth=(2,), base_width=(8,)), data, training),
        repeats=trials,
        data={"synthetic_scenes": 15, "synthetic_frames": 4, "folds": 3},
    )
    status = run_study(study, Options(runs=runs, device="cpu", workers=str(WORKERS), no_tune=True))
    cli.say(f"planned {len(status.units)}, {status.states}")
    require_once(runs, NAME, EPOCHS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)

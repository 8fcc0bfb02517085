"""What the driver itself costs per trial, from the first to the last of many that take no time.

As a script, from the repository's root: `PYTHONPATH=. python tests/studies/overhead.py RUNS [TRIALS]`.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import TrainingConfig
from hourglass_bench.studies import placement
from hourglass_bench.studies.executors import Ending
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.spaces import grid, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.worker import Outcome, Task
from tests.studies.conftest import InlineExecutor

WINDOW = 100


class NoWork(InlineExecutor):
    """An executor whose tasks are over at once."""

    def submit(self, task: Task, done: Callable[[Ending], None]) -> None:
        """Complete, with an invented IoU."""
        TIMES.append(time.perf_counter())
        done(Outcome("complete", "", {schema.BEST_VAL_IOU.name: 0.5}))


TIMES: list[float] = []


def main(runs: Path, trials: int) -> None:
    """Print the median milliseconds per trial around trial 100 and around the last one."""
    placement.LocalExecutor = NoWork  # type: ignore[assignment,misc]
    study = Factorial(
        name="overhead",
        question="What does the driver cost?",
        size=16,
        training=TrainingConfig(epochs=1),
        plan=lambda data, training: to_units(grid("unet", depth=(2,), base_width=(4,)), data, training),
        repeats=trials,
        data={"synthetic_scenes": 6, "synthetic_frames": 1, "folds": 3},
    )
    run_study(study, Options(runs=runs, device="cpu", workers="1"))
    costs = [1000 * (after - before) for before, after in zip(TIMES, TIMES[1:], strict=False)]
    for end in [WINDOW * 3 // 2, *range(1000, trials + 1, 1000)]:
        window = costs[max(0, end - WINDOW) : end]
        cli.say(f"trials {end - len(window)} to {end}: {statistics.median(window):.1f} ms per trial")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000)

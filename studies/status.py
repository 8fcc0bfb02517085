"""How far a study is, counted in planned units: a unit that was retried counts once."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.next_step import next_step
from hourglass_bench.bench.schema import Stage
from hourglass_bench.bench.tracking.open_runs import open_runs
from hourglass_bench.bench.tracking.store import tracking_url
from hourglass_bench.bench.tracking.stored_runs import stored_runs
from hourglass_bench.studies import last_signs, lock, retry, storage, times
from hourglass_bench.studies.agreement import require_new
from hourglass_bench.studies.deleted import Missing, find
from hourglass_bench.studies.own_file import find_study, name_of
from hourglass_bench.studies.stored_study import read_study
from hourglass_bench.studies.unit import Planned, count_planned


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningTrial:
    """A trial that a worker has now."""

    name: str
    architecture: str
    epoch: int
    """Epochs done."""
    epochs: int
    val_iou: float | None
    """Of the last epoch."""
    seconds: float
    """Since its start."""
    silent: float | None = None
    """Seconds since its worker's last sign of life; None: not known."""

    @property
    def seconds_left(self) -> float | None:
        """At its own pace so far."""
        return self.seconds / self.epoch * (self.epochs - self.epoch) if self.epoch else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Best:
    """The best validation IoU of an architecture in a stage so far."""

    val_iou: float
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """A study at one moment, the same whether its driver tells it or another shell reads it from the stores."""

    study: str
    units: Mapping[str, Planned]
    """Every planned unit."""
    outcomes: Mapping[str, "storage.Outcome"]
    """Of the planned units that have one."""
    running: tuple[RunningTrial, ...] = ()
    missing: Missing = Missing()
    """Runs of these outcomes that were deleted."""

    @property
    def waiting(self) -> int:
        """Units without an outcome that do not run now."""
        return len(self.units) - len(self.outcomes) - len(self.running)

    @property
    def states(self) -> dict[str, int]:
        """Units with an outcome, by state."""
        counts = Counter(outcome["state"] for outcome in self.outcomes.values())
        return {state: counts[state] for state in schema.STATES}

    @property
    def failed(self) -> int:
        """Units that failed or ran out of memory, which can be done again."""
        return retry.count(self.states)

    @property
    def planned_units(self) -> dict[Stage, dict[str, tuple[int, int]]]:
        """Stage -> architecture -> (units with an outcome, units planned)."""
        ended = Counter(self.units[unit] for unit in self.outcomes)
        return {
            stage: {name: (ended[Planned(stage, name)], count) for name, count in by.items()}
            for stage, by in count_planned(self.units).items()
        }

    @property
    def best(self) -> dict[Planned, Best]:
        """The complete trial with the best validation IoU, by stage and architecture; other objectives have none."""
        best: dict[Planned, Best] = {}
        for unit, outcome in self.outcomes.items():
            cell = self.units[unit]
            if outcome["values"] is None or schema.OBJECTIVES[cell.stage] != schema.BEST_VAL_IOU:
                continue
            found = Best(val_iou=outcome["values"][0], name=outcome["name"])
            best[cell] = max(best.get(cell, found), found, key=lambda one: one.val_iou)
        return best

    @property
    def time(self) -> dict[str, float]:
        """Seconds of the workers for the trials that ended, by `studies.times.NAMES`."""
        return times.total(outcome["time"] for outcome in self.outcomes.values())

    def answer(self) -> dict[str, Any]:
        """As `hourglass-bench status --json` prints it."""
        best = self.best
        return {
            "study": self.study,
            "planned": len(self.units),
            **self.states,
            "running": len(self.running),
            "waiting": self.waiting,
            "deleted": list(self.missing.deleted),
            "gone": list(self.missing.gone),
            "trials": [asdict(trial) | {"seconds_left": trial.seconds_left} for trial in self.running],
            "planned_units": {
                stage: {name: dict(zip(("ended", "planned"), counts, strict=True)) for name, counts in by.items()}
                for stage, by in self.planned_units.items()
            },
            "best": {
                stage: {cell.architecture: asdict(one) for cell, one in best.items() if cell.stage == stage}
                for stage in self.planned_units
            },
            "time": {name: round(seconds, 3) for name, seconds in self.time.items()},
        }


def status(given: str, runs: Path, storage_url: str = "", tracking: str = "") -> Status:
    """The study of a name or a user's own file, as the stores have it.

    Raises:
        ValueError: it was never started there, or a store cannot be read.
    """
    name, url, place = name_of(given), storage.storage_url(runs, storage_url), tracking_url(runs, tracking)
    found = read_study(url, name)
    if found is None:
        find_study(given)
        require_new(name, url, place, stored_runs(place, name))
        stores: dict[str, Any] = {"runs": runs, "storage": storage_url, "tracking": tracking}
        start = next_step("sweep", given, make=("sweep", f"STUDY={given}"), **stores)
        raise ValueError(f"study {name} must have been started in {runs}, got none there; {start} starts it.")
    root, stages = found  # read before the runs: a driver may be at work
    done = storage.counted(root, stages)
    running = _running(name, place, last_signs.silences(runs, name)) if lock.is_held(url, name) else ()
    return read(root, done, find(done, stored_runs(place, name)), running)


def read(
    study: storage.Study[storage.Trial],
    done: Mapping[str, storage.Trial],
    missing: Missing,
    running: tuple[RunningTrial, ...] = (),
) -> Status:
    """What the storage knows of a study, and what of its runs the tracking store lacks and has open."""
    outcomes = {unit: storage.outcome(trial) for unit, trial in done.items()}
    return Status(
        study=study.study_name, units=storage.planned(study), outcomes=outcomes, running=running, missing=missing
    )


def _running(name: str, place: str, silences: Mapping[str, float]) -> tuple[RunningTrial, ...]:
    return tuple(
        RunningTrial(
            name=run.name,
            architecture=run.params.get("architecture.name", ""),
            epoch=run.step,
            epochs=int(run.params.get("training.epochs", 0)) - int(run.params.get("training.pretrain_epochs", 0)),
            val_iou=run.val_iou,
            seconds=time.time() - run.start_time / 1000,
            silent=silences.get(run.run_id),
        )
        for run in open_runs(place, name)
    )

"""How far a study is, counted in planned units: a unit that was retried counts once."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import schema
from bench.schema import Stage
from studies import lock, storage
from studies.catalog import get_study
from studies.unit import Planned, count_planned

if TYPE_CHECKING:
    import optuna


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
    planned: int
    states: Mapping[str, int]
    """Units with an outcome, by state."""
    running: tuple[RunningTrial, ...]
    planned_units: Mapping[Stage, Mapping[str, tuple[int, int]]]
    """Stage -> architecture -> (units with an outcome, units planned)."""
    best: Mapping[Planned, Best]
    time: Mapping[str, float]
    """Seconds of the workers for the trials that ended, by `studies.times.NAMES`."""

    @property
    def waiting(self) -> int:
        """Units without an outcome that do not run now."""
        return self.planned - sum(self.states.values()) - len(self.running)

    def answer(self) -> dict[str, Any]:
        """As `studies status --json` prints it."""
        return {
            "study": self.study,
            "planned": self.planned,
            **self.states,
            "running": len(self.running),
            "waiting": self.waiting,
            "trials": [asdict(trial) | {"seconds_left": trial.seconds_left} for trial in self.running],
            "planned_units": {
                stage: {name: dict(zip(("ended", "planned"), counts, strict=True)) for name, counts in by.items()}
                for stage, by in self.planned_units.items()
            },
            "best": {
                stage: {cell.architecture: asdict(best) for cell, best in self.best.items() if cell.stage == stage}
                for stage in self.planned_units
            },
            "time": {name: round(seconds, 3) for name, seconds in self.time.items()},
        }


def make_status(
    name: str,
    planned: Mapping[str, Planned],
    outcomes: Mapping[str, str],
    running: tuple[RunningTrial, ...],
    best: Mapping[Planned, Best],
    spent: Mapping[str, float],
) -> Status:
    """Count: `planned` and `outcomes` are by unit."""
    counts = Counter(outcomes.values())
    ended = Counter(planned[unit] for unit in outcomes)
    return Status(
        study=name,
        planned=len(planned),
        states={state: counts[state] for state in schema.STATES},
        running=running,
        planned_units={
            stage: {name: (ended[Planned(stage, name)], count) for name, count in by.items()}
            for stage, by in count_planned(planned).items()
        },
        best=best,
        time=spent,
    )


def status(name: str, runs: Path, storage_url: str = "", tracking: str = "") -> Status:
    """The study as the stores have it.

    Raises:
        ValueError: it was never started there, or a newer version has written a store.
    """
    from bench.tracking.store import refuse_newer, tracking_url

    url = storage.storage_url(runs, storage_url)
    storage.refuse_newer(url)
    refuse_newer(tracking_url(runs, tracking))
    study = storage.find(url, name)
    if study is None:
        get_study(name)
        raise ValueError(f"study {name} must have been started in {runs}, got none there; make sweep STUDY={name}.")
    planned = storage.planned(study)
    running = _running(name, runs, tracking) if lock.is_held(url, name) else ()
    best, spent = read_best(study, planned), storage.time_spent(study)
    return make_status(name, planned, storage.outcomes(study), running, best, spent)


def read_best(study: "optuna.Study", planned: Mapping[str, Planned]) -> dict[Planned, Best]:
    """The complete trial with the best validation IoU, by stage and architecture; losses of several kinds have none."""
    best: dict[Planned, Best] = {}
    for trial in storage.trials(study):
        outcome = trial.user_attrs.get(storage.OUTCOME, {"values": None})
        unit = trial.user_attrs.get(storage.UNIT, "")
        if outcome["values"] is None or unit not in planned:
            continue
        if schema.OBJECTIVES[planned[unit].stage] != schema.BEST_VAL_IOU:
            continue
        found = Best(val_iou=outcome["values"][0], name=outcome["name"])
        cell = planned[unit]
        if cell not in best or found.val_iou > best[cell].val_iou:
            best[cell] = found
    return best


def _running(name: str, runs: Path, tracking: str) -> tuple[RunningTrial, ...]:
    from bench.tracking.store import connect, tracking_url

    client = connect(tracking_url(runs, tracking))
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return ()
    rule = f"attributes.status = 'RUNNING' and tags.{schema.KIND} = 'trial'"
    trials = []
    for run in client.search_runs([experiment.experiment_id], rule, order_by=["attributes.start_time"]):
        params = run.data.params
        history = client.get_metric_history(run.info.run_id, schema.VAL_LOSS.name)
        trials.append(
            RunningTrial(
                name=run.info.run_name or run.info.run_id,
                architecture=params.get("architecture.name", ""),
                epoch=max((point.step for point in history), default=0),
                epochs=int(params.get("training.epochs", 0)) - int(params.get("training.pretrain_epochs", 0)),
                val_iou=run.data.metrics.get(schema.VAL_IOU.name),
                seconds=time.time() - run.info.start_time / 1000,
            )
        )
    return tuple(trials)

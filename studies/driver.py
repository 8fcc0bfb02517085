"""Runs a study: the only writer of the Optuna study and of every MLflow run's life cycle.

A unit is done when one of its trials has an outcome (trial attribute `state`). A trial without one was cut off; its
unit simply stays to be done, so resuming needs no bookkeeping beside the store itself.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import torch
from optuna.trial import TrialState

from architectures.config import InfeasibleArchitecture
from bench import cli, schema
from bench.clock import Stopwatch
from bench.data.dataset import load
from bench.device import choose_device
from bench.run import run
from bench.session import CACHE, run_name
from bench.tracking import PARENT, RunLog, get_experiment, open_store
from studies import store
from studies.status import status
from studies.study import Study, Unit

if TYPE_CHECKING:
    from mlflow import MlflowClient

MAX_ATTEMPTS = 3
"""A unit that is cut off this often is recorded as failed: it probably takes its process down."""


def run_study(study: Study, *, runs: Path, data: str, epochs: int | None, device: str) -> dict[str, Any]:
    """Run or resume `study`; returns its status.

    Raises:
        ValueError: wrong input; nothing has been written then.
        KeyboardInterrupt: stopped; the state is saved and the message says how to resume.
    """
    target = choose_device(device)
    units = {unit.key: unit for unit in study.units(data=data, epochs=epochs)}
    dataset = load(next(iter(units.values())).config.data, runs / CACHE)
    options = {"data": data, "data.digest": dataset.digest, "epochs": epochs}
    with store.exclusive(runs):
        driver = Driver(study, units, runs, options, target)
        driver.recover()
        try:
            driver.work()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped; the same command resumes study {study.name} where it was") from None
    return status(study.name, runs)


class Driver:
    """One session of a study, from the units that are left to the last outcome."""

    def __init__(
        self, study: Study, units: dict[str, Unit], runs: Path, options: dict[str, Any], device: torch.device
    ) -> None:
        self._units = units
        self._runs = runs
        self._device = device
        self._study = store.create(runs, study.name, options, list(units))
        self._client = open_store(runs)
        self._experiment = get_experiment(self._client, study.name, runs)
        self._parent = self._open_parent(study)
        self._choices = _factor_choices(units)

    def _open_parent(self, study: Study) -> RunLog:
        """The study's parent run, created in its first session."""
        run_id = self._study.user_attrs.get(store.PARENT_RUN)
        tags = {
            schema.KIND: "study",
            schema.STUDY: study.name,
            schema.STUDY_DESCRIPTION: study.question,
            schema.STUDY_PLANNED: str(len(self._units)),
        }
        if run_id is None:
            parent = RunLog.create(self._client, self._experiment, study.name, tags)
            self._study.set_user_attr(store.PARENT_RUN, parent.run_id)
            return parent
        parent = RunLog(self._client, run_id)
        parent.tags(tags)
        return parent

    def recover(self) -> None:
        """Close what an earlier session left open: whoever holds the lock knows that nothing is running."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)
        for open_run in _open_trial_runs(self._client, self._experiment):
            RunLog(self._client, open_run).kill("the driver was cut off")

    def work(self) -> None:
        """Run every unit that has no outcome yet."""
        todo = [key for key in self._units if key not in store.outcomes(self._study)]
        attempts = self._attempts()
        clock = Stopwatch(self._device)
        for done, key in enumerate(todo):
            left = f", {clock.seconds() / done * (len(todo) - done) / 60:.0f} min left" if done else ""
            position = len(self._units) - len(todo) + done + 1
            cli.say(f"[{position}/{len(self._units)}] {run_name(self._units[key].config)}{left}")
            self._run_unit(key, attempts[key] + 1)
        self._client.set_terminated(self._parent.run_id, "FINISHED")

    def _attempts(self) -> Counter[str]:
        return Counter(trial.user_attrs[schema.UNIT] for trial in self._study.get_trials(deepcopy=False))

    def _run_unit(self, key: str, attempt: int) -> None:
        """One attempt: trial and run are opened, the unit runs, its outcome is recorded on both."""
        unit = self._units[key]
        trial = self._ask(unit)
        tags = {
            schema.KIND: "trial",
            schema.STUDY: self._study.study_name,
            schema.UNIT: key,
            schema.TRIAL: str(trial.number),
            schema.ATTEMPT: str(attempt),
            PARENT: self._parent.run_id,
        }
        log = RunLog.create(self._client, self._experiment, run_name(unit.config), tags)
        trial.set_user_attr(store.RUN_ID, log.run_id)
        try:
            state, reason, value = self._outcome(unit, log, attempt)
        except KeyboardInterrupt:
            log.kill("interrupted")
            self._study.tell(trial, state=TrialState.FAIL)
            raise
        log.close(state, reason)
        trial.set_user_attr(schema.STATE, state)
        if state == "complete":
            self._study.tell(trial, value)
        else:
            cli.say(f"    {state}: {reason}")
            self._study.tell(trial, state=TrialState.PRUNED if state == "pruned" else TrialState.FAIL)

    def _ask(self, unit: Unit) -> optuna.Trial:
        """A running trial with the unit's factors as its parameters."""
        self._study.enqueue_trial(dict(unit.factors), user_attrs={schema.UNIT: unit.key})
        trial = self._study.ask()
        for name in unit.factors:
            trial.suggest_categorical(name, self._choices[name])
        return trial

    def _outcome(self, unit: Unit, log: RunLog, attempt: int) -> tuple[schema.State, str, float | None]:
        """(state, reason, best validation IoU): every way to end has a name, none is a made-up value."""
        if attempt > MAX_ATTEMPTS:
            return "failed", f"cut off {MAX_ATTEMPTS} times", None
        try:
            result = run(unit.config, log, cache=self._runs / CACHE, device=self._device)
        except InfeasibleArchitecture as error:
            return "infeasible", str(error), None
        except torch.OutOfMemoryError as error:
            return "out_of_memory", str(error).partition("\n")[0], None
        except Exception as error:
            return "failed", f"{type(error).__name__}: {error}", None
        return result.state, result.reason, result.metrics.get(schema.BEST_VAL_IOU.name)


def _factor_choices(units: dict[str, Unit]) -> dict[str, list[Any]]:
    """Every value a factor takes in the plan: Optuna wants one static set of choices per name."""
    values: dict[str, dict[Any, None]] = {}
    for unit in units.values():
        for name, value in unit.factors.items():
            values.setdefault(name, {})[value] = None
    return {name: list(choices) for name, choices in values.items()}


def _open_trial_runs(client: "MlflowClient", experiment: str) -> list[str]:
    rule = f"attributes.status = 'RUNNING' and tags.{schema.KIND} = 'trial'"
    return [run.info.run_id for run in client.search_runs([experiment], rule, max_results=1000)]

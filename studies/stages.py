"""The trials of one Optuna study: which unit comes next, with which configuration, and how its end is recorded.

The driver is the only caller, and the only writer of the Optuna study.
"""

import math
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState, create_trial
from typing_extensions import override

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig, run_name
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.studies import storage
from hourglass_bench.studies.storage import LOST, UNIT, choices, end_trial, ended
from hourglass_bench.studies.unit import Factor, Unit
from hourglass_bench.studies.worker import Outcome

FIGURES = {
    "test IoU": (schema.TEST_IOU, 1),
    "peak memory (MiB)": (schema.TENSOR_PEAK, 2**20),
    "parameters": (schema.PARAMS, 1),
    "best epoch": (schema.BEST_EPOCH, 1),
}
"""What a trial's attributes tell beside its objectives, to whoever looks at the study in Optuna: a metric in a unit."""
OF_EPOCH = {schema.BEST_VAL_IOU.name: schema.VAL_IOU, schema.BEST_VAL_LOSS.name: schema.VAL_LOSS}
"""Objective -> what an epoch measures of it."""
MEMORY = "memory"
"""Name of the constraint that the predicted peak stays within the budget."""


class Opened(NamedTuple):
    """A trial that runs now."""

    number: int
    trial: int
    """The storage's own name of the trial."""
    unit: str
    config: RunConfig
    attempt: int
    """From 1."""
    name: str
    """For people."""


class Trials(ABC):
    """The planned units of one Optuna study."""

    stage: schema.Stage
    objectives: Sequence[schema.Metric] = (schema.BEST_VAL_IOU,)
    prunes = False
    """Whether a trial may be stopped after an epoch; units that are compared train to their end."""
    learns = False
    """Whether the next configuration depends on how the trials before ended."""

    def __init__(self, study: optuna.Study, units: Sequence[str]) -> None:
        self.study = study
        known = study.get_trials(deepcopy=False)
        done = {trial.user_attrs[UNIT] for trial in ended(study)}
        self._attempts = Counter(trial.user_attrs[UNIT] for trial in known if UNIT in trial.user_attrs)
        self._losses = storage.losses(study)
        self._next_number = len(known)
        self._planned = len(units)
        self._todo = deque(unit for unit in units if unit not in done)

    @property
    def waiting(self) -> int:
        """Units that have no outcome and do not run."""
        return len(self._todo)

    @property
    def share_waiting(self) -> float:
        """Of all its units."""
        return self.waiting / max(1, self._planned)

    def open(self) -> Opened:
        """Start a trial of the next unit."""
        unit = self._todo.popleft()
        number, config = self._ask(unit)
        self._next_number = number + 1
        self._attempts[unit] += 1
        # Not by a `Trial`: one that is made for writing would run the sampler once more.
        trial = self.study._storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number)
        rate = f" lr {config.training.lr:g}" if self.stage == "tuning" else ""
        return Opened(number, trial, unit, config, self._attempts[unit], run_name(config) + rate)

    @abstractmethod
    def _ask(self, unit: str) -> tuple[int, RunConfig]:
        """Make a running trial of the unit: its number and configuration."""

    def _add(self, unit: str, params: Mapping[str, Any], distributions: dict[str, BaseDistribution]) -> int:
        """Make a running trial with given parameters, in a single write; `enqueue_trial` and `ask` take a dozen."""
        trial = create_trial(
            state=TrialState.RUNNING,
            params=dict(params),
            distributions=distributions,
            user_attrs={UNIT: unit},
        )
        stored, study, number = self.study._storage, self.study._study_id, self._next_number
        made = stored.create_new_trial(study, trial)
        # If the store was away, an earlier one may have been made and not been answered; `studies.run.recover` ends it.
        while stored.get_trial_id_from_study_id_trial_number(study, number) != made:
            number += 1
        return number

    def attribute(self, opened: Opened, name: str, value: Any) -> None:
        """Write an attribute of a running trial."""
        storage.attribute(self.study, opened.trial, {name: value})

    def tags(self, opened: Opened) -> dict[str, str]:
        """What the trial's run says of it."""
        return {
            schema.STAGE: self.stage,
            schema.UNIT: opened.unit,
            schema.TRIAL: str(opened.number),
            schema.ATTEMPT: str(opened.attempt),
        }

    @abstractmethod
    def constrain(self, opened: Opened, excess: int) -> None:
        """Note how far the predicted peak is above the memory budget, in bytes; negative if it is within."""

    def report(self, opened: Opened, record: EpochRecord) -> None:
        """Note what the objective is after an epoch; Optuna knows no such values of several objectives."""
        if len(self.objectives) == 1:
            value = record.scores[OF_EPOCH[self.objectives[0].name].name]
            self.study._storage.set_trial_intermediate_value(opened.trial, record.epoch, value)

    def prune(self, opened: Opened, record: EpochRecord) -> str | None:
        """Why the trial should stop after this epoch, which was reported, or None; asked where the stage prunes."""
        return None

    def record(self, opened: Opened, outcome: Outcome, spent: Mapping[str, float]) -> storage.Outcome:
        """Write and return the outcome: from here on the unit is done, whatever happens to this process."""
        complete = outcome.state == "complete"
        recorded = storage.Outcome(
            state=outcome.state,
            reason=outcome.reason,
            name=opened.name,
            values=[_value(outcome.metrics, metric) for metric in self.objectives] if complete else None,
            floor=outcome.metrics.get(schema.ALL_FOREGROUND_IOU.name, 0.0),
            time=dict(spent),
        )
        measured = {
            name: outcome.metrics[metric.name] / unit
            for name, (metric, unit) in FIGURES.items()
            if metric.name in outcome.metrics
        }
        storage.record(self.study, opened.trial, recorded, measured)
        return recorded

    def finish(self, opened: Opened, recorded: storage.Outcome) -> None:
        """Give the trial the state in Optuna that its recorded outcome means, last of all."""
        conclude(self.study, opened.trial, recorded["state"], recorded["values"])

    def lose(self, opened: Opened, reason: str) -> int:
        """Note that the attempt's worker died; returns how many attempts of the unit ended so."""
        self.attribute(opened, LOST, reason)
        self._losses[opened.unit] += 1
        return self._losses[opened.unit]

    def again(self, opened: Opened) -> None:
        """Close the attempt without an outcome; its unit is next."""
        end_trial(self.study, opened.trial, TrialState.FAIL)
        self._todo.appendleft(opened.unit)


def _value(metrics: Mapping[str, float], metric: schema.Metric) -> float:
    """Of an objective of a complete trial; of a memory that could not be measured the prediction, as in reports."""
    if metric is schema.TENSOR_PEAK and metric.name not in metrics:
        return metrics.get(schema.PREDICTED_PEAK.name, math.inf)  # one not predicted either needs more than there was
    return metrics[metric.name]


def conclude(study: optuna.Study, trial: int, state: schema.State, values: Sequence[float] | None) -> None:
    """Give a trial the Optuna state that its outcome means.

    Whatever ended short of a result counts as pruned, from which samplers learn; they ignore what failed.
    """
    if state == "complete":
        end_trial(study, trial, TrialState.COMPLETE, values)
    else:
        end_trial(study, trial, TrialState.FAIL if state == "failed" else TrialState.PRUNED)


class FixedTrials(Trials):
    """Units with given configurations, in order."""

    def __init__(self, study: optuna.Study, units: Sequence[Unit], stage: schema.Stage = "comparison") -> None:
        self.stage = stage
        self.objectives = (schema.OBJECTIVES[stage],)
        super().__init__(study, [unit.key for unit in units])
        self._units = {unit.key: unit for unit in units}
        self._distributions = choices(study, _values(units))

    @override
    def _ask(self, unit: str) -> tuple[int, RunConfig]:
        planned = self._units[unit]
        distributions = {name: self._distributions[name] for name in planned.factors}
        return self._add(unit, planned.factors, distributions), planned.config

    @override
    def tags(self, opened: Opened) -> dict[str, str]:
        group = self._units[opened.unit].group
        return super().tags(opened) | ({schema.RATE_GROUP: group} if group else {})

    @override
    def constrain(self, opened: Opened, excess: int) -> None:
        """No sampler would learn from it."""


def _values(units: Sequence[Unit]) -> dict[str, dict[Factor, None]]:
    """Every value that a factor takes in the plan, in its order."""
    values: dict[str, dict[Factor, None]] = {}
    for unit in units:
        for name, value in unit.factors.items():
            values.setdefault(name, {})[value] = None
    return values


class SampledTrials(Trials):
    """Units whose hyperparameters a sampler chooses. A unit whose worker died runs again with the same ones."""

    stage = "search"
    learns = True

    def __init__(
        self,
        study: optuna.Study,
        units: Sequence[str],
        configure: Callable[[Mapping[str, Any]], RunConfig],
        *,
        objectives: Sequence[schema.Metric],
        distributions: dict[str, BaseDistribution],
        sampler_seed: int,
    ) -> None:
        self.objectives = objectives
        self.prunes = len(objectives) == 1  # Optuna prunes by a single value only
        super().__init__(study, units)
        # A sampler that is built again with the same seed would repeat its first samples.
        study.sampler = optuna.samplers.TPESampler(seed=sampler_seed + self._next_number)
        self._distributions = distributions
        self._configure = configure
        self._chosen = {
            trial.user_attrs[UNIT]: trial.params
            for trial in study.get_trials(deepcopy=False)
            if UNIT in trial.user_attrs and trial.params.keys() == self._distributions.keys()
        }

    @override
    def _ask(self, unit: str) -> tuple[int, RunConfig]:
        params = self._chosen.get(unit)
        if params is None:
            trial = self.study.ask(self._distributions)
            trial.set_user_attr(UNIT, unit)
            number, params = trial.number, trial.params
            self._chosen[unit] = params
        else:
            number = self._add(unit, params, self._distributions)
        return number, self._configure(params)

    @override
    def constrain(self, opened: Opened, excess: int) -> None:
        trial = optuna.trial.Trial(self.study, opened.trial)
        trial.set_constraint(MEMORY, excess)

    @override
    def prune(self, opened: Opened, record: EpochRecord) -> str | None:
        if self.study.pruner.prune(self.study, self.study._storage.get_trial(opened.trial)):
            return f"by Hyperband after epoch {record.epoch}, at a validation IoU of {record.val_iou:.3f}"
        return None

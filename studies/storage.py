"""The Optuna side of a study: its storage by URL, and what is kept there beside the trials."""

import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, cast

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.database import (
    POSTGRESQL,
    SQLITE,
    kind,
    make_whole,
    prepare,
    redact,
    sqlite_path,
    store_url,
)
from hourglass_bench.bench.tracking.opening import require_usable
from hourglass_bench.bench.tracking.patience import Patience
from hourglass_bench.bench.tracking.versions import Library
from hourglass_bench.studies.unit import Factor, Planned

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

    from hourglass_bench.studies.patient_storage import PatientStorage

OPTUNA = Library("optuna", "storages/_rdb/alembic/versions", "studies")

# Attributes of the study.
OPTIONS = "options"
"""What the plan depends on beside the study's name: resuming with something else is refused."""
PLANNED = "planned"
"""Unit -> [stage, architecture] of every planned unit, in order."""
STAGES = "stages"
"""Names of the Optuna studies that hold the trials."""
PARENT_RUN = "mlflow.parent_run_id"
SESSION = "session"
"""Which session of a driver works on the study or did last: one that lost its lock sees whether another took over."""
SPEEDS = "speeds"
"""Machine -> workers -> images per second, as `WORKERS=auto` measured it."""

# Attribute of a stage's Optuna study, since that of an ended trial cannot be written.
REDONE = "redone"
"""Numbers of the trials whose outcome no longer counts: their units are done again."""

# Attributes of a trial.
UNIT = schema.UNIT
RUN_ID = "mlflow.run_id"
"""The MLflow run of this attempt."""
STATE = schema.STATE
"""How the trial ended, one of `schema.STATES`. Written once with REASON, NAME, VALUES, FLOOR, TIME and figures for
people, before the run is closed and the trial is told: a trial that has it has an outcome."""
REASON = "reason"
"""Why the state is not `complete`."""
NAME = "run"
"""Name of the MLflow run."""
VALUES = "values"
"""Of the objectives; None where the trial is not complete."""
FLOOR = "floor"
"""The validation IoU of all foreground."""
TIME = "time"
"""Seconds by `studies.times.NAMES`."""
OUTCOME = "outcome"
"""Older trials have these in one attribute, with the keys of `Outcome`; still older ones lack floor and time."""
LOST = "lost"
"""Why the attempt was cut off through no decision of the driver: its worker died."""


class Trial(Protocol):
    """A trial: Optuna's, or one that `studies.stored_study` read."""

    @property
    def number(self) -> int:
        """Its place in the study."""

    @property
    def user_attrs(self) -> Mapping[str, Any]:
        """What is kept beside it."""


AnyTrial = TypeVar("AnyTrial", bound=Trial, covariant=True)


class Study(Protocol[AnyTrial]):
    """A study of either kind."""

    @property
    def study_name(self) -> str:
        """As the storage knows it."""

    @property
    def user_attrs(self) -> Mapping[str, Any]:
        """What is kept beside it."""

    def get_trials(self, deepcopy: bool = True) -> Sequence[AnyTrial]:
        """All of them."""


class Outcome(TypedDict):
    """How a trial ended."""

    state: schema.State
    reason: str
    name: str
    values: list[float] | None
    floor: float
    time: dict[str, float]


def storage_url(runs: Path, url: str = "") -> str:
    """`url`, or the SQLite database in the folder `runs` if it is empty."""
    return store_url(runs / schema.STUDY_DB, url)


def open_storage(url: str, patience: Patience | None = None) -> "PatientStorage":
    """The storage, made with its tables if it is not there.

    Args:
        patience: of what is done with it once it is open; None: none.

    Raises:
        ValueError: nothing answers there, or as `require_storage`.
    """
    require_storage(url)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    from hourglass_bench.studies.patient_storage import PatientStorage

    if kind(url) == SQLITE:
        make_whole(sqlite_path(url), _make_tables)
    prepare("storage", url)
    return PatientStorage(url, patience or Patience(0))


def _make_tables(url: str) -> None:
    import optuna

    optuna.storages.RDBStorage(url).engine.dispose()


def upgrade_tables(url: str) -> None:
    """Bring the tables of a database that an older Optuna made up to date."""
    import optuna

    older = optuna.storages.RDBStorage(url, skip_compatibility_check=True)
    older.upgrade()
    older.engine.dispose()


def require_storage(url: str) -> None:
    """Raise ValueError unless a storage at `url` can be written, or made; nothing is.

    Raises:
        ValueError: it is neither SQLite nor PostgreSQL, or as `opening.require_usable`.
    """
    if kind(url) not in (SQLITE, POSTGRESQL):
        raise ValueError(f"storage must be SQLite or PostgreSQL, got {redact(url)}.")
    require_usable(url, OPTUNA)


def create(
    storage: "optuna.storages.BaseStorage",
    name: str,
    objectives: Sequence[schema.Metric],
    pruner: "optuna.pruners.BasePruner | None" = None,
) -> "optuna.Study":
    """The Optuna study, created if it is new."""
    import optuna

    study = optuna.create_study(
        storage=storage,
        study_name=name,
        directions=["maximize" if metric.better == "higher" else "minimize" for metric in objectives],
        load_if_exists=True,
        pruner=pruner,
    )
    names = [metric.label if metric.unit == "1" else f"{metric.label} ({metric.unit})" for metric in objectives]
    if study.metric_names != names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(names)
    return study


def find(url: str, name: str) -> "optuna.Study | None":
    """The study if it was ever started there."""
    if kind(url) == SQLITE and not sqlite_path(url).is_file():
        return None
    import optuna

    try:
        study = optuna.load_study(study_name=name, storage=open_storage(url))
    except KeyError:
        return None
    return study if PLANNED in study.user_attrs else None


def stages(study: "optuna.Study") -> "list[optuna.Study]":
    """The Optuna studies that hold the trials of a study; a stage that has not begun has none yet."""
    import optuna

    begun = set(optuna.get_all_study_names(storage=study._storage))
    names = [name for name in study.user_attrs[STAGES] if name in begun]
    return [optuna.load_study(study_name=name, storage=study._storage) for name in names]


def ended(stage: Study[AnyTrial]) -> list[AnyTrial]:
    """Trials of a stage whose outcome counts."""
    left_out = set(stage.user_attrs.get(REDONE, ()))
    known = stage.get_trials(deepcopy=False)
    return [trial for trial in known if has_outcome(trial) and trial.number not in left_out]


def has_outcome(trial: Trial) -> bool:
    """Whether the trial ended, and not only its worker or driver."""
    return STATE in trial.user_attrs or OUTCOME in trial.user_attrs


def outcome(trial: Trial) -> Outcome:
    """Of a trial that has one."""
    of = trial.user_attrs
    if OUTCOME in of:
        return cast(Outcome, {FLOOR: 0.0, TIME: {}} | of[OUTCOME])
    return Outcome(state=of[STATE], reason=of[REASON], name=of[NAME], values=of[VALUES], floor=of[FLOOR], time=of[TIME])


def record(study: "optuna.Study", trial: int, outcome: Outcome, figures: Mapping[str, float]) -> None:
    """Write the outcome of a running trial, and figures for people."""
    keys = {"state": STATE, "reason": REASON, "name": NAME, "values": VALUES, "floor": FLOOR, "time": TIME}
    attribute(study, trial, {keys[name]: value for name, value in outcome.items()} | dict(figures))


def attribute(study: "optuna.Study", trial: int, attributes: Mapping[str, Any]) -> None:
    """Write new attributes of a running trial, all or none of them: Optuna has a transaction for each."""
    from sqlalchemy import text

    insert = text("INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (:trial, :key, :value)")
    rows = [{"trial": trial, "key": key, "value": json.dumps(value)} for key, value in attributes.items()]
    _backend(study).transact(lambda connection: connection.execute(insert, rows))


def discount(study: "optuna.Study", which: "Callable[[FrozenTrial], bool]") -> int:
    """Let the outcomes of trials count no longer, so that their units are done again; returns how many."""
    count = 0
    for stage in stages(study):
        if numbers := [trial.number for trial in ended(stage) if which(trial)]:
            stage.set_user_attr(REDONE, [*stage.user_attrs.get(REDONE, ()), *numbers])
            count += len(numbers)
    return count


def losses(stage: Study[Trial]) -> Counter[str]:
    """Unit -> attempts whose worker died, since its last outcome that no longer counts."""
    left_out = set(stage.user_attrs.get(REDONE, ()))
    found: Counter[str] = Counter()
    for trial in stage.get_trials(deepcopy=False):
        if LOST in trial.user_attrs:
            found[trial.user_attrs[UNIT]] += 1
        if trial.number in left_out:
            del found[trial.user_attrs[UNIT]]
    return found


def end_trial(study: "optuna.Study", trial: int, state: "TrialState", values: Sequence[float] | None = None) -> None:
    """As `Study.tell`, which reads the trial twice more and takes as long as everything else of a trial's end."""
    study._storage.set_trial_state_values(trial, state, values)


def choices(study: "optuna.Study", values: Mapping[str, Iterable[Factor]]) -> "dict[str, BaseDistribution]":
    """Distribution of each factor: the choices that the study's trials have, then those of `values` that are new.

    Optuna wants one static set of choices per name, so that of the trials grows with a plan that has more values, such
    as repeats. A trial stores the place of its value among the choices, which stays.
    """
    from optuna.distributions import CategoricalDistribution, distribution_to_json
    from sqlalchemy import text

    stored = {name: of for trial in study.get_trials(deepcopy=False) for name, of in trial.distributions.items()}
    known = {name: of.choices for name, of in stored.items() if isinstance(of, CategoricalDistribution)}
    grown = {name: tuple(dict.fromkeys((*known.get(name, ()), *new))) for name, new in values.items()}
    distributions: dict[str, BaseDistribution] = {name: CategoricalDistribution(of) for name, of in grown.items()}
    update = text(
        "UPDATE trial_params SET distribution_json = :json WHERE param_name = :name "
        "AND trial_id IN (SELECT trial_id FROM trials WHERE study_id = :study)"
    )
    new = [
        {"json": distribution_to_json(distributions[name]), "name": name, "study": study._study_id}
        for name in sorted(grown.keys() & known.keys())
        if grown[name] != known[name]
    ]
    if new:
        _backend(study).transact(lambda connection: connection.execute(update, new))
    return distributions


def _backend(study: "optuna.Study") -> "PatientStorage":
    """Behind Optuna's cache."""
    backend: PatientStorage = study._storage._backend  # type: ignore[attr-defined]
    return backend


def planned(study: Study[Trial]) -> dict[str, Planned]:
    """What each planned unit is."""
    return {unit: Planned(*entry) for unit, entry in study.user_attrs[PLANNED].items()}


def done(study: "optuna.Study") -> "dict[str, FrozenTrial]":
    """Unit -> the trial whose outcome counts, for every planned unit that has one."""
    return counted(study, stages(study))


def counted(study: Study[AnyTrial], begun: Iterable[Study[AnyTrial]]) -> dict[str, AnyTrial]:
    """The same, if it is known which stages have `begun`."""
    expected: Mapping[str, Any] = study.user_attrs[PLANNED]
    trials = {trial.user_attrs[UNIT]: trial for stage in begun for trial in ended(stage)}
    return {unit: trial for unit, trial in trials.items() if unit in expected}

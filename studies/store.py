"""The Optuna study of a study, on SQLite under RUNS, and the lock that makes this process its only writer."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import schema
from bench.tracking import use_write_ahead_log

if TYPE_CHECKING:
    import optuna

LOCK = "driver.lock"
OPTIONS = "options"
"""Study attribute: what the plan depends on beside the study's name."""
PLANNED = "planned"
"""Study attribute: keys of the planned units, in order."""
PARENT_RUN = "mlflow.parent_run_id"
RUN_ID = "mlflow.run_id"
"""Trial attribute: the MLflow run of this attempt."""


@contextmanager
def exclusive(runs: Path) -> Iterator[None]:
    """Hold RUNS alone; the kernel frees the lock when the process ends, however it ends.

    Raises:
        ValueError: another driver holds it.
    """
    with (runs / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ValueError(
                f"{runs} must be free, got a sweep that runs there already (process {file.read().strip()})."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def is_held(runs: Path) -> bool:
    """Whether a driver works in `runs` now."""
    if not (runs / LOCK).exists():
        return False
    with (runs / LOCK).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _storage(runs: Path) -> "optuna.storages.RDBStorage":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.storages.RDBStorage(f"sqlite:///{runs.resolve() / schema.STUDY_DB}")


def create(runs: Path, name: str, options: Mapping[str, Any], planned: list[str]) -> "optuna.Study":
    """The study, created if it is new.

    Raises:
        ValueError: it exists with other options.
    """
    import optuna

    study = optuna.create_study(storage=_storage(runs), study_name=name, direction="maximize", load_if_exists=True)
    use_write_ahead_log(runs / schema.STUDY_DB)
    earlier: Mapping[str, Any] = study.user_attrs.get(OPTIONS, options)
    changed = [key for key in options if earlier.get(key) != options[key]]
    if changed:
        was = ", ".join(f"{key} {earlier.get(key)}" for key in changed)
        now = ", ".join(f"{key} {options[key]}" for key in changed)
        raise ValueError(
            f"study {name} in {runs} must keep the options it was started with ({was}), got {now}; "
            "use another RUNS folder for other options."
        )
    study.set_user_attr(OPTIONS, dict(options))
    study.set_user_attr(PLANNED, planned)
    return study


def find(runs: Path, name: str) -> "optuna.Study | None":
    """The study if it was ever started in `runs`."""
    if not (runs / schema.STUDY_DB).is_file():
        return None
    import optuna

    try:
        return optuna.load_study(study_name=name, storage=_storage(runs))
    except KeyError:
        return None


def outcomes(study: "optuna.Study") -> dict[str, schema.State]:
    """Unit key -> how it ended, for every planned unit that has an outcome."""
    planned = set(study.user_attrs[PLANNED])
    return {
        trial.user_attrs[schema.UNIT]: trial.user_attrs[schema.STATE]
        for trial in study.get_trials(deepcopy=False)
        if schema.STATE in trial.user_attrs and trial.user_attrs[schema.UNIT] in planned
    }

"""The tracking store: MLflow on SQLite under RUNS, written with one call per epoch.

Whoever starts the work (`bench train`, the study driver) opens the store and creates and closes the runs; the training
only logs into a run that it is handed.
"""

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from sqlalchemy import Engine, event

from bench import schema

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT = "mlflow.parentRunId"
NAME = "mlflow.runName"


def open_store(runs: Path) -> "MlflowClient":
    """Client of the store in the folder `runs`, which is made, with its tables, if it is not there."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # not a page of migrations for a new store
    from mlflow import MlflowClient

    runs.mkdir(parents=True, exist_ok=True)
    database = runs.resolve() / schema.TRACKING_DB
    if not event.contains(Engine, "connect", _relax_sync):
        event.listen(Engine, "connect", _relax_sync)
    client = MlflowClient(f"sqlite:///{database}")
    client.search_experiments(max_results=1)
    use_write_ahead_log(database)
    return client


def _relax_sync(connection: Any, _: object) -> None:
    """In WAL mode NORMAL loses nothing to a killed process and saves one disk flush per commit."""
    if isinstance(connection, sqlite3.Connection):
        with suppress(sqlite3.DatabaseError):  # a file that is no database is for its reader to report
            connection.execute("PRAGMA synchronous=NORMAL")


def use_write_ahead_log(database: Path) -> None:
    """Switch a database file to WAL mode, in which readers and one writer do not wait for each other. It stays so."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def get_experiment(client: "MlflowClient", name: str, runs: Path) -> str:
    """Id of the experiment, created with its artifacts under `runs` if it is new."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    location = (runs.resolve() / schema.ARTIFACT_DIR / name).as_uri()
    return client.create_experiment(name, artifact_location=location)


class RunLog:
    """One MLflow run that is being written."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self._client = client
        self.run_id = run_id

    @classmethod
    def create(cls, client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str]) -> "RunLog":
        """Start a run."""
        run = client.create_run(experiment, tags=dict(tags), run_name=name)
        return cls(client, run.info.run_id)

    def params(self, params: Mapping[str, str]) -> None:
        """Log parameters, once."""
        from mlflow.entities import Param

        self._client.log_batch(self.run_id, params=[Param(key, value) for key, value in params.items()])

    def metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log numbers in one call; every name must be in `bench.schema`."""
        from mlflow.entities import Metric

        unknown = metrics.keys() - schema.METRICS.keys()
        if unknown:
            raise KeyError(f"metrics must be declared in bench/schema.py, got {sorted(unknown)}")
        now = int(time.time() * 1000)
        self._client.log_batch(self.run_id, [Metric(name, value, now, step) for name, value in metrics.items()])

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags in one call."""
        from mlflow.entities import RunTag

        self._client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def artifacts(self, folder: Path) -> None:
        """Copy the contents of `folder` into the run's artifacts."""
        self._client.log_artifacts(self.run_id, str(folder))

    def artifact(self, name: str) -> str:
        """Where an artifact lies: a path on this machine, or else a `runs:/` URI."""
        return artifact_location(self._client.get_run(self.run_id).info.artifact_uri, self.run_id, name)

    def close(self, state: schema.State, reason: str) -> None:
        """Record how the run ended."""
        self.tags({schema.STATE: state, schema.STATE_REASON: reason})
        self._client.set_terminated(self.run_id, "FAILED" if state == "failed" else "FINISHED")

    def kill(self, reason: str) -> None:
        """Record that the run was cut off: it has no outcome."""
        self.tags({schema.STATE_REASON: reason})
        self._client.set_terminated(self.run_id, "KILLED")


def artifact_location(artifact_uri: str, run_id: str, name: str) -> str:
    """Local path of a run's artifact where the store is a folder, else its `runs:/` URI."""
    parts = urlparse(artifact_uri)
    if parts.scheme in ("", "file"):
        return str(Path(unquote(parts.path)) / name)
    return f"runs:/{run_id}/{name}"


def find_artifact(runs: Path, run_id: str, name: str) -> Path:
    """Local path of an artifact of a run in `runs`.

    Raises:
        ValueError: there is no such store, run or artifact.
    """
    from mlflow.exceptions import MlflowException

    if not (runs / schema.TRACKING_DB).is_file():
        raise ValueError(f"{run_id!r} must be a checkpoint or a run of {runs}, got neither file nor tracking store.")
    try:
        location = RunLog(open_store(runs), run_id).artifact(name)
    except MlflowException as error:
        raise ValueError(f"{run_id!r} must be a checkpoint or the id of a run in {runs}, got neither.") from error
    if not Path(location).exists():
        raise ValueError(f"run {run_id} must have the artifact {name}, got none; only complete runs store it.")
    return Path(location)

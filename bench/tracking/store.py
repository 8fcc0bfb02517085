"""The tracking store: MLflow, on SQLite under RUNS unless a URL says otherwise, written with one call per epoch.

Whoever starts the work (`bench train`, the study driver) opens the store and creates and closes the runs; the training
only logs into a run that it is handed.
"""

import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from hourglass_bench.bench import schema
from hourglass_bench.bench.files import require_inside
from hourglass_bench.bench.tracking.database import (
    SQLITE,
    kind,
    make_whole,
    prepare,
    redact,
    settle_sqlite,
    shown,
    sqlite_path,
    store_url,
)
from hourglass_bench.bench.tracking.datasets import to_input
from hourglass_bench.bench.tracking.entries import Entries, Log
from hourglass_bench.bench.tracking.locations import artifact_uri, local_path, run_folder, runs_of
from hourglass_bench.bench.tracking.opening import find_file, reading, require_usable
from hourglass_bench.bench.tracking.versions import MLFLOW, newer_than, refuse_newer_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Run

PARENT = "mlflow.parentRunId"
AS_PLANNED: frozenset[schema.State] = frozenset({"complete", "pruned"})
"""States of runs that went as they should: pruning is what a search is for. All others failed."""
HTTP_SETTINGS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
"""Of MLflow's client, where the environment does not say otherwise: else it would repeat a call for four minutes, and
wait for one answer for two. A busy server takes seconds to search a thousand runs."""
ATTEMPTS = 3
"""At datasets, which two runs cannot add to the same experiment at the same moment."""


def run_status(state: schema.State) -> str:
    """MLflow's, of a run that ended so."""
    return "FINISHED" if state in AS_PLANNED else "FAILED"


def tracking_url(runs: Path, url: str = "") -> str:
    """`url`, or the SQLite database in the folder `runs` if it is empty."""
    return store_url(runs / schema.TRACKING_DB, url)


def _quieten() -> None:
    """Before MLflow is imported: no telemetry, no page of migrations for a new store, nothing of its own on stdout."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")


def connect(url: str) -> "MlflowClient":
    """Client of a store that exists."""
    _quieten()
    from mlflow import MlflowClient

    settle_sqlite()
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # prints tracebacks of what it raises as well
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # warns of each connection that a stopped server leaves behind
    return MlflowClient(url)


def ask_once() -> None:
    """From now on MLflow's client in this process says at once that a server does not answer."""
    for name, value in HTTP_SETTINGS.items():
        os.environ.setdefault(name, value)


def open_store(url: str) -> "MlflowClient":
    """Client of the store at `url`, which is made, with its tables, if it is a file that is not there.

    Raises:
        ValueError: nothing answers there, or as `require_store`.
    """
    require_store(url)
    if kind(url) == SQLITE:
        _make_tables(sqlite_path(url))
    prepare("tracking", url)
    client = connect(url)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    if kind(url).startswith("http"):
        known = " and ".join(f"tags.`{schema.SCHEMA_VERSION}` != '{version}'" for version in range(schema.VERSION + 1))
        for run in client.search_runs(experiments, known, max_results=1):
            found = f"runs of version {run.data.tags[schema.SCHEMA_VERSION]} of the schema"
            raise newer_than(redact(url), "hourglass-bench", found)
    return client


def require_store(url: str) -> None:
    """Raise ValueError unless a store at `url` can be written, or made; nothing is. What a server has it knows itself.

    Raises:
        ValueError: it is no URL of a store, as `opening.require_usable`, or a newer version of this code wrote it.
    """
    if kind(url).startswith("http"):
        return
    require_usable(url, MLFLOW)
    with reading(url, MLFLOW) as connection:
        if connection is not None:
            refuse_newer_runs(connection, shown(url))


def _make_tables(path: Path) -> None:
    """Make the database if there is none."""
    make_whole(path, _initialize)


def _initialize(url: str) -> None:
    _quieten()
    from mlflow.store.db.utils import _initialize_tables

    engine = create_engine(url)
    _initialize_tables(engine)  # type: ignore[no-untyped-call]
    engine.dispose()


def upgrade_tables(url: str) -> None:
    """Bring the tables of a database that an older MLflow made up to date."""
    _quieten()
    from mlflow.store.db.utils import _upgrade_db

    engine = create_engine(url)
    _upgrade_db(engine)  # type: ignore[no-untyped-call]
    engine.dispose()


def get_experiment(client: "MlflowClient", name: str, runs: Path) -> str:
    """Id of the experiment; a new one keeps its artifacts under `runs`, or on the server where there is one.

    Raises:
        ValueError: it was deleted, which keeps its name taken.
    """
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            url = str(client.tracking_uri)
            typed = url if kind(url) == SQLITE else redact(url)  # a file's name stays escaped: it is to be used
            raise ValueError(
                f"experiment {name} in {shown(url)} must not be deleted, got one that is; restore it "
                f"(MLFLOW_TRACKING_URI={typed} mlflow experiments restore --experiment-id "
                f"{found.experiment_id}), or use another RUNS folder or store."
            )
        return str(found.experiment_id)
    served = kind(client.tracking_uri).startswith("http")
    location = None if served else (runs.resolve() / schema.ARTIFACT_DIR / name).as_uri()
    return client.create_experiment(name, artifact_location=location)


def search_runs(client: "MlflowClient", experiment: str, rule: str = "", *, deleted: bool = False) -> "Iterator[Run]":
    """All runs of an experiment that a rule selects, newest first; a store hands out so many at a time.

    Args:
        deleted: Those that were deleted as well.
    """
    from mlflow.entities import ViewType

    view, page = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY, None
    while page != "":
        runs = client.search_runs([experiment], rule, view, max_results=1000, page_token=page)
        yield from runs
        page = runs.token or ""


def find_runs(client: "MlflowClient", experiment: str) -> "list[Run]":
    """All runs of the experiment of that name, deleted ones too; none if there is no such experiment."""
    found = client.get_experiment_by_name(experiment)
    return [] if found is None else list(search_runs(client, found.experiment_id, deleted=True))


class RunLog(Log):
    """One MLflow run that is being written."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self._client = client
        self.run_id = run_id

    @property
    def tracking(self) -> str:
        """URL of the run's store."""
        return str(self._client.tracking_uri)

    @classmethod
    def create(cls, client: "MlflowClient", experiment: str, name: str, tags: Mapping[str, str]) -> "RunLog":
        """Start a run, with who started it and by which program."""
        from mlflow.tracking.context.default_context import DefaultRunContext

        own: dict[str, str] = DefaultRunContext().tags()  # type: ignore[no-untyped-call]
        tags = {**own, schema.SCHEMA_VERSION: str(schema.VERSION), **tags}
        run = client.create_run(experiment, tags=tags, run_name=name)
        return cls(client, run.info.run_id)

    def write(self, entries: Sequence[Entries]) -> None:
        """Everything in one call, and one for datasets."""
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            self.run_id,
            metrics=[
                Metric(name, value, entry.milliseconds, entry.step)
                for entry in entries
                for name, value in entry.metrics.items()
            ],
            params=[Param(key, value) for entry in entries for key, value in entry.params.items()],
            tags=[RunTag(key, value) for entry in entries for key, value in entry.tags.items()],
        )
        if datasets := [to_input(dataset) for entry in entries for dataset in entry.datasets]:
            self._write_datasets(datasets)

    def _write_datasets(self, datasets: "list[DatasetInput]") -> None:
        from mlflow.exceptions import MlflowException

        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._client.log_inputs(self.run_id, datasets)
                break
            except MlflowException:  # another run was first to add them; now they are found
                if attempt == ATTEMPTS:
                    raise

    def artifacts(self, folder: Path) -> None:
        """Copy the contents of `folder` into the run's artifacts."""
        self._require_inside(str(path.relative_to(folder)) for path in folder.rglob("*"))
        if place := local_path(self._artifact_uri):  # as MLflow does, which reads the run once more first
            place.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.rglob("*")):  # `copytree` would keep the modes, and hide what the disk says
                copy = place / path.relative_to(folder)
                if path.is_dir():
                    copy.mkdir(exist_ok=True)
                else:
                    shutil.copyfile(path, copy)
        else:
            self._client.log_artifacts(self.run_id, str(folder))

    def replace_artifacts(self, folder: str, files: Sequence[Path]) -> None:
        """Have copies of these files, and nothing else, in a folder of the run's artifacts."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        self._require_inside(f"{folder}/{file.name}" for file in files)
        artifacts = get_artifact_repository(self._artifact_uri, self.tracking)
        before = {artifact.path for artifact in artifacts.list_artifacts(folder)}
        for file in files:
            artifacts.log_artifact(str(file), folder)  # type: ignore[no-untyped-call]
        for path in before - {f"{folder}/{file.name}" for file in files}:
            artifacts.delete_artifacts(path)  # type: ignore[no-untyped-call]

    def text(self, text: str, name: str) -> None:
        """Store a text as an artifact."""
        self._require_inside([name])
        self._client.log_text(self.run_id, text, name)

    def artifact(self, name: str) -> str:
        """Where an artifact lies: a path on this machine, or else a `runs:/` URI."""
        folder = local_path(self._artifact_uri)
        return f"runs:/{self.run_id}/{name}" if folder is None else str(folder / name)

    @cached_property
    def _artifact_uri(self) -> str:
        return str(self._client.get_run(self.run_id).info.artifact_uri)

    def _require_inside(self, names: Iterable[str]) -> None:
        """Raise ValueError if links would lead artifacts of these names out of RUNS."""
        if folder := local_path(self._artifact_uri):
            for name in names:
                require_inside(runs_of(folder) or folder, folder / name)

    def close(self, state: schema.State, reason: str, idle: float | None = None) -> None:
        """Record how the run ended, and how long a study's worker was idle for it."""
        metrics = {} if idle is None else {schema.IDLE_SECONDS.name: idle}
        self.write([Entries(metrics=metrics, tags={schema.STATE: state, schema.STATE_REASON: reason})])
        self._client.set_terminated(self.run_id, run_status(state))

    def kill(self, reason: str) -> None:
        """Record that the run was cut off: it has no outcome."""
        self.tags({schema.STATE_REASON: reason})
        self._client.set_terminated(self.run_id, "KILLED")


def _served_uri(url: str, run_id: str) -> str | None:
    """Where a server keeps the artifacts of a run; None if it has no such run."""
    from mlflow.exceptions import MlflowException

    try:
        return str(open_store(url).get_run(run_id).info.artifact_uri)
    except MlflowException:
        return None


def _fetch(url: str, run_id: str, name: str) -> Path:
    """A copy of an artifact on a server, with what lies beside it."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    location = f"runs:/{run_id}/{name}"
    try:
        folder = download_artifacts(location.rpartition("/")[0], tracking_uri=url)
    except MlflowException as error:
        raise ValueError(f"{location} must be an artifact that {redact(url)} gives, got: {error}.") from error
    return Path(folder) / Path(name).name


def find_artifact(url: str, run_id: str, name: str, runs: Path | None = None) -> Path:
    """Local path of an artifact of a run in the store at `url`; an artifact on a server is fetched.

    A database is only read, so that it may be one that cannot be written.

    Args:
        runs: RUNS, if the store is the one that lies in it.

    Raises:
        ValueError: there is no such store, run or artifact.
    """
    if kind(url) == SQLITE and find_file(url) is None:
        raise ValueError(
            f"{run_id!r} must be a checkpoint or a run of {redact(url)}, got neither file nor tracking store."
        )
    uri = _served_uri(url, run_id) if kind(url).startswith("http") else artifact_uri(url, run_id)
    if uri is None:
        raise ValueError(f"{run_id!r} must be a checkpoint or the id of a run in {redact(url)}, got neither.")
    folder = run_folder(uri, runs)
    place = _fetch(url, run_id, name) if folder is None else folder / name
    if not place.exists():
        raise ValueError(f"run {run_id} must have the artifact {name}, got none; only complete runs store it.")
    return place

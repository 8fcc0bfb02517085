"""Opening a tracking store for reading: the SQLite file under RUNS, or the database or server that a URL names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from sqlalchemy import URL, Connection, inspect, make_url
from sqlalchemy.exc import ArgumentError

from hourglass_bench.bench import schema
from hourglass_bench.bench.files import require_printable
from hourglass_bench.bench.tracking.database import POSTGRESQL, SQLITE, shown, sqlite_url
from hourglass_bench.bench.tracking.opening import explain, find_file, reading
from hourglass_bench.bench.tracking.versions import MLFLOW
from hourglass_bench.reports.store.rest import RestStore
from hourglass_bench.reports.store.sql import SqlStore, Store

SERVERS = ("http://", "https://")

# MLflow's tables are no public interface: name what this report reads, and say so when it is not there.
COLUMNS = {
    "experiments": {"experiment_id", "name", "lifecycle_stage"},
    "runs": {"run_uuid", "experiment_id", "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri"},
    "params": {"run_uuid", "key", "value"},
    "tags": {"run_uuid", "key", "value"},
    "latest_metrics": {"run_uuid", "key", "value", "is_nan"},
    "metrics": {"run_uuid", "key", "step", "timestamp", "value", "is_nan"},
    "alembic_version": {"version_num"},
}


@contextmanager
def open_store(runs: Path, tracking: str = "") -> Iterator[Store]:
    """The tracking store at the URL `tracking`; the database under `runs` if that is empty.

    Raises:
        ValueError: there is no such store or no way in, or it cannot be read as one.
    """
    require_printable("RUNS", runs)
    if tracking.startswith(SERVERS):
        yield RestStore(tracking, runs.resolve())
        return
    url = database(runs, tracking)
    with snapshot(url) as connection:
        yield SqlStore(connection, shown(url), runs.resolve(), own=not tracking)


def database(runs: Path, tracking: str = "") -> URL:
    """The tracking database at the URL `tracking`; under `runs` if that is empty.

    Raises:
        ValueError: it cannot be a tracking database, or is a file that does not exist.
    """
    if not tracking:
        url = make_url(sqlite_url(runs / schema.TRACKING_DB))
        if find_file(url) is None:
            raise ValueError(f"{shown(url)} does not exist: {_lost_or_never_run(runs)}")
        return url
    # No message here repeats the text: what does not parse may hold a password anywhere.
    try:
        url = make_url(tracking)
    except (ArgumentError, ValueError):
        raise ValueError(
            "tracking must be a URL such as sqlite:///path, postgresql://user@host/db or http://host:5000, and cannot "
            "be read as one."
        ) from None
    if url.get_backend_name() not in (SQLITE, POSTGRESQL):
        raise ValueError(
            f"tracking must be a {SQLITE}://, {POSTGRESQL}:// or http(s):// URL, got one that starts with "
            f"{url.drivername}."
        )
    if url.get_backend_name() == SQLITE and (not url.database or find_file(url) is None):
        raise ValueError(f"{shown(url)} names no file that exists.")
    return url


def _lost_or_never_run(runs: Path) -> str:
    if (runs / schema.STUDY_DB).exists():
        return (
            f"{schema.STUDY_DB} beside it knows of studies whose runs it held; put back a copy of it, or do all units "
            "again with `make sweep REDO_DELETED=1`."
        )
    return f"no study ran with RUNS={runs}. Run one first, with `make sweep`."


@contextmanager
def snapshot(url: URL) -> Iterator[Connection]:
    """Read-only connection that sees one moment of a store that others may be writing.

    Raises:
        ValueError: there is no such database or no way in, it lacks a table or column that is read here, or it is of a
            newer MLflow.
    """
    try:
        with reading(url, MLFLOW) as connection:
            if connection is None:
                raise ValueError(f"{shown(url)} holds no study yet: run one first, with `make sweep`.")
            _require_columns(connection, shown(url))
            yield connection
    except pd.errors.DatabaseError as error:  # pandas raises its own error from that of the database
        raise ValueError(explain(url, error.__cause__ if isinstance(error.__cause__, Exception) else error)) from error


def _require_columns(connection: Connection, place: str) -> None:
    inspector = inspect(connection)
    missing = []
    for table, columns in COLUMNS.items():
        if not inspector.has_table(table):
            missing.append(f"the table {table}")
            continue
        present = {column["name"] for column in inspector.get_columns(table)}
        missing += [f"{table}.{column}" for column in sorted(columns - present)]
    if missing:
        raise ValueError(f"{place} lacks {', '.join(missing)}: it is no MLflow 3 store, or one of a newer layout.")

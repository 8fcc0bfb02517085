"""Opening a tracking store for reading: the SQLite file under RUNS, or the database or server that a URL names."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, inspect, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from hourglass_bench.bench import schema
from hourglass_bench.bench.files import require_printable
from hourglass_bench.bench.tracking.database import POSTGRESQL, SQLITE, postgresql_engine, redact
from hourglass_bench.bench.tracking.newer import MLFLOW, refuse_newer_tables
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
        path = runs.resolve() / schema.TRACKING_DB
        if not path.is_file():
            raise ValueError(f"{path} does not exist: no study ran with RUNS={runs}. Run one first, with `make sweep`.")
        return URL.create(SQLITE, database=str(path))
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
    if url.get_backend_name() == SQLITE and not Path(url.database or "").is_file():
        raise ValueError(f"{shown(url)} names no file that exists.")
    return url


def shown(url: URL) -> str:
    """The database as messages name it: a file by its path, a server with its password masked and without options."""
    if url.get_backend_name() == SQLITE:
        return url.database or str(url)
    return redact(url.render_as_string(hide_password=False))


@contextmanager
def snapshot(url: URL) -> Iterator[Connection]:
    """Read-only connection that sees one moment of a store that others may be writing.

    Raises:
        ValueError: there is no such database or no way in, it lacks a table or column that is read here, or it is of a
            newer MLflow.
    """
    try:
        with _engine(url).connect() as connection:
            connection.exec_driver_sql("BEGIN" if url.get_backend_name() == SQLITE else "SET TRANSACTION READ ONLY")
            _require_columns(connection, shown(url))
            refuse_newer_tables(connection, shown(url), *MLFLOW)
            yield connection
    except (DatabaseError, pd.errors.DatabaseError) as error:
        raise ValueError(f"{shown(url)} cannot be read: {_reason(error, url)}") from error


def _engine(url: URL) -> Engine:
    """Both kinds hold one snapshot per transaction, and nothing they are sent can change the store."""
    if url.get_backend_name() == SQLITE:
        file = f"{Path(url.database or '').resolve().as_uri()}?mode=ro"
        return create_engine("sqlite://", creator=lambda: sqlite3.connect(file, uri=True), poolclass=NullPool)
    return postgresql_engine(url, isolation_level="REPEATABLE READ")


def _reason(error: Exception, url: URL) -> str:
    """What the database said, as one sentence without the password."""
    # pandas raises its own error from SQLAlchemy's, which wraps the driver's.
    driver = error if isinstance(error, DatabaseError) else error.__cause__
    said = " ".join(str(getattr(driver, "orig", driver)).split())
    said += "" if said.endswith((".", "?")) else "."
    secrets = [url.password, *url.normalized_query.get("password", ())]
    for secret in filter(None, secrets):
        said = said.replace(str(secret), "***")
    return said


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

"""SQL over the tracking database: a handful of queries instead of one request per run and metric."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, NullPool, create_engine, inspect, text
from sqlalchemy.exc import DatabaseError

from bench import schema

# MLflow's tables are no public interface: name what this report reads, and say so when it is not there.
COLUMNS = {
    "experiments": {"experiment_id", "name", "lifecycle_stage"},
    "runs": {
        "run_uuid",
        "experiment_id",
        "status",
        "start_time",
        "end_time",
        "lifecycle_stage",
        "artifact_uri",
    },
    "params": {"run_uuid", "key", "value"},
    "tags": {"run_uuid", "key", "value"},
    "latest_metrics": {"run_uuid", "key", "value", "is_nan"},
    "metrics": {"run_uuid", "key", "step", "timestamp", "value", "is_nan"},
}

# MLflow has no infinity: it stores the largest double instead.
LARGEST_FINITE = 1e300

STUDIES = "SELECT name FROM experiments WHERE lifecycle_stage = 'active' AND name != 'Default' ORDER BY name"

RUNS = """
SELECT r.run_uuid AS run_id, r.status, r.start_time, r.end_time, r.artifact_uri
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
WHERE e.name = :study AND e.lifecycle_stage = 'active' AND r.lifecycle_stage = 'active'
ORDER BY r.start_time, r.run_uuid
"""

OF_STUDY = """
JOIN runs r ON r.run_uuid = x.run_uuid JOIN experiments e ON e.experiment_id = r.experiment_id
WHERE e.name = :study AND e.lifecycle_stage = 'active' AND r.lifecycle_stage = 'active'
"""

POINTS = f"SELECT x.run_uuid AS run_id, x.key, x.step, x.value, x.is_nan FROM metrics x {OF_STUDY}"
POINTS += " ORDER BY x.run_uuid, x.key, x.step, x.timestamp"


def tracking_database(runs: Path) -> Path:
    """The tracking database under `runs`.

    Raises:
        ValueError: there is none.
    """
    path = runs.resolve() / schema.TRACKING_DB
    if not path.is_file():
        raise ValueError(f"{path} does not exist: no study ran with RUNS={runs}. Run one first, with `make sweep`.")
    return path


@contextmanager
def snapshot(path: Path) -> Iterator[Connection]:
    """Read-only connection that sees one moment of a store that others may be writing.

    Raises:
        ValueError: the file is no database, or lacks a table or column that is read here.
    """
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True),
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql("BEGIN")
            _require_columns(connection, path)
        except DatabaseError as error:
            raise ValueError(f"{path} cannot be read: {error.orig}.") from error
        yield connection


def _require_columns(connection: Connection, path: Path) -> None:
    inspector = inspect(connection)
    present = {
        f"{table}.{column['name']}" for table in inspector.get_table_names() for column in inspector.get_columns(table)
    }
    missing = {f"{table}.{column}" for table, columns in COLUMNS.items() for column in columns} - present
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(sorted(missing))}: it is no MLflow 3 store, or one of a newer layout."
        )


def studies(connection: Connection) -> list[str]:
    """Names of the studies in the store."""
    return [str(name) for name in pd.read_sql(text(STUDIES), connection)["name"]]


def runs(connection: Connection, study: str) -> pd.DataFrame:
    """All runs of the study, oldest first: run_id, status, start_time, end_time, artifact_uri."""
    return pd.read_sql(text(RUNS), connection, params={"study": study})


def wide(connection: Connection, table: str, study: str) -> pd.DataFrame:
    """`params`, `tags` or `latest_metrics` of the study: one row per run, one column per key."""
    flag = "x.is_nan" if table == "latest_metrics" else "0 AS is_nan"
    query = f"SELECT x.run_uuid AS run_id, x.key, x.value, {flag} FROM {table} x {OF_STUDY}"
    long = pd.read_sql(text(query), connection, params={"study": study})
    return _unmasked(long).pivot(index="run_id", columns="key", values="value")


def points(connection: Connection, study: str) -> pd.DataFrame:
    """Every logged metric point of the study: run_id, key, step, value. A step logged twice counts once, the last."""
    long = _unmasked(pd.read_sql(text(POINTS), connection, params={"study": study}))
    return long.drop_duplicates(["run_id", "key", "step"], keep="last").reset_index(drop=True)


def _unmasked(long: pd.DataFrame) -> pd.DataFrame:
    """MLflow's encodings of NaN and infinity as NaN."""
    values = long["value"].mask(long["is_nan"].astype(bool))
    if pd.api.types.is_numeric_dtype(values):
        values = values.mask(values.abs() > LARGEST_FINITE)
    return long.assign(value=values).drop(columns="is_nan")

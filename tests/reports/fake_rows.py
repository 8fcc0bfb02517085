"""Runs as rows of a tracking database, where MLflow's client would put them; a test compares both."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from fake_units import Unit

if TYPE_CHECKING:
    from fake_store import LoggedRun

Row = dict[str, object]


def insert(
    database: Path,
    experiment: str,
    parent: str,
    runs: "list[LoggedRun]",
    folder: Path,
    write: Callable[[Unit, Path], None],
) -> None:
    """Add the runs of an experiment whose artifacts lie in `folder`, where `write` puts those of each run."""
    tables: dict[str, list[Row]] = {}
    for run in runs:
        name = uuid4().hex
        files = folder / name / "artifacts"
        for table, row in _rows(run, name, experiment, parent, files):
            tables.setdefault(table, []).append(row)
        if run.has_artifacts:
            files.mkdir(parents=True)
            write(run.unit, files)
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, rows in tables.items():
            values = ", ".join(f":{column}" for column in rows[0])
            connection.executemany(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({values})", rows)


def _rows(run: "LoggedRun", name: str, experiment: str, parent: str, files: Path) -> Iterator[tuple[str, Row]]:
    """Table and row of all that a run logs."""
    about = {"run_uuid": name, "name": name[:8], "source_type": "UNKNOWN", "user_id": "unknown"}
    where = {"experiment_id": int(experiment), "artifact_uri": files.as_uri(), "lifecycle_stage": "active"}
    times = {"start_time": run.start, "end_time": run.end, "status": run.unit.status}
    yield "runs", {**about, **where, **times}
    for table, pairs in (("params", run.params()), ("tags", run.tags(parent))):
        for key, value in pairs.items():
            yield table, {"run_uuid": name, "key": key, "value": value}
    latest: dict[str, Row] = {}
    for key, value, step in run.points():
        when = {"timestamp": run.start + step, "step": step, "is_nan": 0, "run_uuid": name}
        latest[key] = {"key": key, "value": value, **when}
        yield "metrics", latest[key]
    for row in latest.values():
        yield "latest_metrics", row

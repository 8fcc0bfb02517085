"""What a tracking store is to the report; and the store that is read by SQL, in a handful of queries."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol, get_args

import pandas as pd
from sqlalchemy import Connection, bindparam, text

from hourglass_bench.bench.tracking.locations import run_folder
from hourglass_bench.reports.store.artifacts import local_folder

Table = Literal["params", "tags", "latest_metrics"]
"""What MLflow keeps of a run as pairs of key and value."""
TABLES: tuple[Table, ...] = get_args(Table)
Lifecycle = Literal["active", "deleted"]
"""MLflow deletes by a mark. What has it is no part of a study, but can be restored."""

# MLflow has no infinity: it stores the largest double instead.
LARGEST_FINITE = 1e300

STUDIES = "SELECT name FROM experiments WHERE lifecycle_stage = :lifecycle AND name != 'Default' ORDER BY name"

RUNS = """
SELECT r.run_uuid AS run_id, r.status, r.start_time, r.end_time, r.artifact_uri
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
WHERE e.name = :study AND e.lifecycle_stage = 'active' AND r.lifecycle_stage = :lifecycle
ORDER BY r.start_time, r.run_uuid
"""

OF_STUDY = """
JOIN runs r ON r.run_uuid = x.run_uuid JOIN experiments e ON e.experiment_id = r.experiment_id
WHERE e.name = :study AND e.lifecycle_stage = 'active' AND r.lifecycle_stage = :lifecycle
"""

POINTS = f"SELECT x.run_uuid AS run_id, x.key, x.step, x.value, x.is_nan FROM metrics x {OF_STUDY} AND x.key IN :keys"
POINTS += " ORDER BY x.run_uuid, x.key, x.step, x.timestamp, x.is_nan, x.value"


class Store(Protocol):
    """A tracking store, open for reading. Its methods raise ValueError where it cannot be read."""

    @property
    def place(self) -> str:
        """How messages name it."""

    def studies(self, lifecycle: Lifecycle = "active") -> list[str]:
        """Names of the studies in the store."""

    def runs(self, study: str, lifecycle: Lifecycle = "active") -> pd.DataFrame:
        """All runs of the study, oldest first: run_id, status, start_time, end_time, artifact_uri."""

    def values(self, study: str, table: Table, lifecycle: Lifecycle = "active") -> pd.DataFrame:
        """`params`, `tags` or `latest_metrics` of these runs: run_id, key, value."""

    def points(self, study: str, keys: Sequence[str]) -> pd.DataFrame:
        """Every logged point of these metrics: run_id, key, step, value. A step logged twice counts once, the last."""

    def folders(self, runs: pd.DataFrame) -> list[Path]:
        """The local folder of each run's artifacts; files that the report reads are there, if the run kept them."""


class SqlStore:
    """A database, as one open connection sees it. Artifacts lie in folders."""

    def __init__(self, connection: Connection, place: str, root: Path, *, own: bool) -> None:
        """Database of which RUNS is `root`; its `own` if it lies in RUNS, and so do its artifacts."""
        self.place = place
        self._connection = connection
        self._root = root
        self._own = own

    def studies(self, lifecycle: Lifecycle = "active") -> list[str]:
        """Names of the studies in the store."""
        found = pd.read_sql(text(STUDIES), self._connection, params={"lifecycle": lifecycle})
        return [str(name) for name in found["name"]]

    def runs(self, study: str, lifecycle: Lifecycle = "active") -> pd.DataFrame:
        """All runs of the study, oldest first."""
        return pd.read_sql(text(RUNS), self._connection, params={"study": study, "lifecycle": lifecycle})

    def values(self, study: str, table: Table, lifecycle: Lifecycle = "active") -> pd.DataFrame:
        """Keys and values of the study's runs."""
        flag = "x.is_nan" if table == "latest_metrics" else "0 AS is_nan"
        query = f"SELECT x.run_uuid AS run_id, x.key, x.value, {flag} FROM {table} x {OF_STUDY}"
        return _unmasked(pd.read_sql(text(query), self._connection, params={"study": study, "lifecycle": lifecycle}))

    def points(self, study: str, keys: Sequence[str]) -> pd.DataFrame:
        """Every logged point of these metrics."""
        query = text(POINTS).bindparams(bindparam("keys", list(keys), expanding=True))
        asked = {"study": study, "lifecycle": "active"}
        return last_of_step(_unmasked(pd.read_sql(query, self._connection, params=asked)))

    def folders(self, runs: pd.DataFrame) -> list[Path]:
        """Where each run's artifacts lie."""
        own = self._root if self._own else None
        return [(own and run_folder(uri, own)) or local_folder(uri, self._root) for uri in runs["artifact_uri"]]


def last_of_step(points: pd.DataFrame) -> pd.DataFrame:
    """The last of the points of each step."""
    return points.drop_duplicates(["run_id", "key", "step"], keep="last").reset_index(drop=True)


def finite(values: pd.Series) -> pd.Series:
    """Values of metrics with MLflow's stand-in for infinity as NaN."""
    return values.mask(values.abs() > LARGEST_FINITE)


def _unmasked(long: pd.DataFrame) -> pd.DataFrame:
    """MLflow's encodings of NaN and infinity as NaN."""
    values = long["value"].mask(long["is_nan"].astype(bool))
    if pd.api.types.is_numeric_dtype(values):
        values = finite(values)
    return long.assign(value=values).drop(columns="is_nan")

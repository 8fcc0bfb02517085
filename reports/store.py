"""SQL over the tracking database: a handful of queries instead of one request per run and metric."""

import pandas as pd
from sqlalchemy import Connection, text

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

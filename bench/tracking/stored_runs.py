"""Which runs the tracking store has of an experiment, deleted ones too, in one query.

A run that is deleted, in MLflow's UI or by its client, stays in the store and can be restored; `mlflow gc` removes it.
"""

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, text

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.database import kind, shown
from hourglass_bench.bench.tracking.opening import reading
from hourglass_bench.bench.tracking.versions import MLFLOW, refuse_newer_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Straight from the tables: MLflow's client brings every parameter, metric and tag of every run as well.
RUNS = """
SELECT r.run_uuid, r.lifecycle_stage, r.status, r.artifact_uri, unit.value, state.value, superseded.value
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
LEFT JOIN tags unit ON unit.run_uuid = r.run_uuid AND unit.key = :unit
LEFT JOIN tags state ON state.run_uuid = r.run_uuid AND state.key = :state
LEFT JOIN tags superseded ON superseded.run_uuid = r.run_uuid AND superseded.key = :superseded
WHERE e.name = :experiment
"""


METRICS = """
SELECT m.run_uuid, m.key, m.value, m.is_nan
FROM latest_metrics m JOIN runs r ON r.run_uuid = m.run_uuid JOIN experiments e ON e.experiment_id = r.experiment_id
WHERE e.name = :experiment AND m.key IN :names
"""


class StoredRun(NamedTuple):
    """What of a run says whether it counts."""

    deleted: bool
    unit: str | None
    """None of a study's parent run."""
    superseded: bool
    status: str
    """MLflow's."""
    state: str | None
    """How it ended, one of `schema.STATES`; None if it has not."""
    artifacts: str
    """Where they lie, as MLflow writes it."""


def stored_runs(url: str, experiment: str) -> dict[str, StoredRun]:
    """Every run of an experiment in the store at `url`, by its id; empty if there is no such store or experiment.

    Raises:
        ValueError: the store cannot be read, or a newer version wrote it.
    """
    if kind(url).startswith("http"):
        from hourglass_bench.bench.tracking.store import connect

        return ask_client(connect(url), experiment)
    names = {"unit": schema.UNIT, "state": schema.STATE, "superseded": schema.SUPERSEDED, "experiment": experiment}
    with reading(url, MLFLOW) as connection:
        if connection is None:
            return {}
        refuse_newer_runs(connection, shown(url))
        rows = connection.execute(text(RUNS), names).all()
    return {
        run_id: StoredRun(
            deleted=stage == "deleted",
            unit=unit,
            superseded=superseded is not None,
            status=status,
            state=state,
            artifacts=artifacts or "",
        )
        for run_id, stage, status, artifacts, unit, state, superseded in rows
    }


def stored_metrics(url: str, experiment: str, names: Collection[str]) -> dict[str, dict[str, float]]:
    """The last value of these metrics in each run of an experiment, by run and today's name.

    Raises:
        ValueError: as `stored_runs`.
    """
    today = {
        **{name: name for name in names},
        **{schema.OLD_NAMES[name]: name for name in names if name in schema.OLD_NAMES},
    }
    found: dict[str, dict[str, float]] = {}
    if kind(url).startswith("http"):
        from hourglass_bench.bench.tracking.store import connect, find_runs

        for run in find_runs(connect(url), experiment):
            found[run.info.run_id] = {today[key]: value for key, value in run.data.metrics.items() if key in today}
        return found
    with reading(url, MLFLOW) as connection:
        if connection is not None:
            query = text(METRICS).bindparams(bindparam("names", expanding=True))
            for run_id, key, value, is_nan in connection.execute(
                query, {"experiment": experiment, "names": list(today)}
            ):
                found.setdefault(run_id, {})[today[key]] = math.nan if is_nan else value
    return found


def ask_client(client: "MlflowClient", experiment: str) -> dict[str, StoredRun]:
    """The same through MLflow's client, page after page."""
    from hourglass_bench.bench.tracking.store import find_runs

    return {
        run.info.run_id: StoredRun(
            deleted=run.info.lifecycle_stage == "deleted",
            unit=run.data.tags.get(schema.UNIT),
            superseded=schema.SUPERSEDED in run.data.tags,
            status=run.info.status,
            state=run.data.tags.get(schema.STATE),
            artifacts=run.info.artifact_uri,
        )
        for run in find_runs(client, experiment)
    }

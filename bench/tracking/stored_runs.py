"""Which runs the tracking store has of an experiment, deleted ones too, in one query.

A run that is deleted, in MLflow's UI or by its client, stays in the store and can be restored; `mlflow gc` removes it.
"""

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import inspect, text

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.database import SQLITE, database_engine, kind, sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Straight from the tables: MLflow's client brings every parameter, metric and tag of every run as well.
RUNS = """
SELECT r.run_uuid, r.lifecycle_stage, unit.value, superseded.value
FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
LEFT JOIN tags unit ON unit.run_uuid = r.run_uuid AND unit.key = :unit
LEFT JOIN tags superseded ON superseded.run_uuid = r.run_uuid AND superseded.key = :superseded
WHERE e.name = :experiment
"""


class StoredRun(NamedTuple):
    """What of a run says whether it counts."""

    deleted: bool
    unit: str | None
    """None of a study's parent run."""
    superseded: bool


def stored_runs(url: str, experiment: str) -> dict[str, StoredRun]:
    """Every run of an experiment in the store at `url`, by its id; empty if there is no such store or experiment."""
    if kind(url).startswith("http"):
        from hourglass_bench.bench.tracking.store import connect

        return ask_client(connect(url), experiment)
    if kind(url) == SQLITE and not sqlite_path(url).is_file():
        return {}
    names = {"unit": schema.UNIT, "superseded": schema.SUPERSEDED, "experiment": experiment}
    with database_engine(url).connect() as connection:
        if not inspect(connection).has_table("runs"):
            return {}
        rows = connection.execute(text(RUNS), names).all()
    return {
        run_id: StoredRun(deleted=stage == "deleted", unit=unit, superseded=superseded is not None)
        for run_id, stage, unit, superseded in rows
    }


def ask_client(client: "MlflowClient", experiment: str) -> dict[str, StoredRun]:
    """The same through MLflow's client, page after page."""
    from hourglass_bench.bench.tracking.store import search_runs

    found = client.get_experiment_by_name(experiment)
    if found is None:
        return {}
    return {
        run.info.run_id: StoredRun(
            deleted=run.info.lifecycle_stage == "deleted",
            unit=run.data.tags.get(schema.UNIT),
            superseded=schema.SUPERSEDED in run.data.tags,
        )
        for run in search_runs(client, found.experiment_id, deleted=True)
    }

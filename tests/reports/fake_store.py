"""A store as the bench leaves it, filled with invented runs.

As a script, from the repository's root: `PYTHONPATH=. python tests/reports/fake_store.py RUNS [STUDY [TRACKING_URL]]`,
where STUDY is one of quick, search, memory_budget, generative, tuned and foreign, one of `fake_problems.PROBLEMS`, or a
number: quick with so many long runs.
"""

import json
import os
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import fake_generative
import numpy as np
import pandas as pd
from fake_problems import PROBLEMS, TAGS
from fake_units import LADDER, MEMORY_BUDGET, Unit, blobs, foreign, generative, grid, long_grid, refits, searched, tuned

from hourglass_bench.bench import schema
from hourglass_bench.bench.digest import digest

if TYPE_CHECKING:
    from mlflow import MlflowClient

Row = dict[str, object]
START = 1_760_000_000_000
"""Milliseconds since 1970 at which the first run starts; each takes a minute."""


def plan_of(units: list[Unit]) -> dict[str, str]:
    """Tag of the parent run that says how many units are planned per stage and architecture: these."""
    counts: dict[str, dict[str, int]] = {}
    for unit in {unit.unit(): unit for unit in units if not unit.superseded}.values():
        stage = counts.setdefault(unit.stage, {})
        stage[unit.architecture] = stage.get(unit.architecture, 0) + 1
    return {schema.STUDY_PLANNED_UNITS: json.dumps(counts)}


class LoggedRun:
    """What a run of the bench logs, the number-th of its study."""

    def __init__(self, number: int, unit: Unit) -> None:
        self.unit = unit
        self.start = START + number * 60_000
        """Milliseconds since 1970."""
        self.end = None if unit.status == "RUNNING" else self.start + 55_000

    def tags(self, parent: str) -> dict[str, str]:
        """All of them, with the run id of the study's parent run."""
        unit = self.unit
        tags = {schema.KIND: "trial", schema.UNIT: unit.unit(), "mlflow.parentRunId": parent}
        tags[schema.SCHEMA_VERSION] = str(schema.VERSION)
        if unit.stage != "comparison":
            tags[schema.STAGE] = unit.stage
        if unit.group:
            tags[schema.RATE_GROUP] = unit.group
        if unit.superseded:
            tags[schema.SUPERSEDED] = "the study was changed"
        if unit.logged:
            tags |= _environment(unit)
        if unit.state is not None:
            tags |= {schema.STATE: unit.state, schema.STATE_REASON: unit.reason}
        return tags

    def params(self) -> dict[str, str]:
        """None of a run that ended before it logged them."""
        return self.unit.all_params() if self.unit.logged else {}

    def points(self) -> list[tuple[str, float, int]]:
        """Name, value and step of every point of a metric."""
        unit = self.unit
        if not unit.logged:
            return []
        points = [(name, value, 0) for name, value in unit.values().items() if unit.state is not None]
        share = {"complete": 1.0, "infeasible": 0.0}.get(unit.state or "", 0.5)
        epochs = unit.learnt * int(unit.trained_epochs * share)
        return points + [(name, value, e) for e in range(1, epochs + 1) for name, value in unit.curve(e).items()]

    @property
    def has_artifacts(self) -> bool:
        """Whether it kept tables and pictures of its test frames."""
        return self.unit.logged and self.unit.state == "complete" and self.unit.tested


def fill(
    runs: Path,
    units: list[Unit],
    *,
    study: str = "quick",
    planned: int | None = None,
    tags: dict[str, str] | None = None,
    tracking: str = "",
) -> None:
    """Add a study to the store at the URL `tracking`, or in `runs`, which is made if it is not there.

    `tags` are further tags of the parent run. With a URL all goes through MLflow's client; without one the runs are
    inserted into the database, which is much faster.
    """
    with warnings.catch_warnings():
        # MLflow 3.17 uses what SQLAlchemy 2.1 deprecates.
        warnings.simplefilter("ignore")
        client = _client(runs, tracking)
        # A server keeps the artifacts itself.
        folder = runs.resolve() / schema.ARTIFACT_DIR / study
        location = None if tracking.startswith("http") else folder.as_uri()
        experiment = client.create_experiment(study, artifact_location=location)
        about = {
            schema.KIND: "study",
            schema.STUDY_DESCRIPTION: "Three architectures at equal depth, width and epochs.",
            schema.STUDY_PLANNED: str(planned if planned is not None else len({unit.unit() for unit in units})),
            **(tags or {}),
        }
        parent = client.create_run(experiment, start_time=START, tags=about, run_name=study).info.run_id
        logged = [LoggedRun(number, unit) for number, unit in enumerate(units)]
        for run in logged if tracking else ():
            _log(client, experiment, parent, run)
        _close(client)
    if not tracking:
        _insert(runs / schema.TRACKING_DB, experiment, parent, logged, folder)


def _client(runs: Path, tracking: str = "") -> "MlflowClient":
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    runs.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking or f"sqlite:///{runs.resolve() / schema.TRACKING_DB}")
    client.search_experiments(max_results=1)
    if not tracking:
        with closing(sqlite3.connect(runs / schema.TRACKING_DB)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    return client


def _close(client: Any) -> None:
    if hasattr(client._tracking_client.store, "engine"):
        client._tracking_client.store.engine.dispose()


def _log(client: "MlflowClient", experiment: str, parent: str, run: LoggedRun) -> None:
    from mlflow.entities import Metric, Param, RunTag

    info = client.create_run(experiment, start_time=run.start).info
    client.log_batch(
        info.run_id,
        [Metric(name, value, run.start + step, step) for name, value, step in run.points()],
        [Param(key, value) for key, value in run.params().items()],
        [RunTag(key, value) for key, value in run.tags(parent).items()],
    )
    if run.has_artifacts:
        with tempfile.TemporaryDirectory() as name:
            files = Path(name) / info.run_id / "artifacts"
            _write_artifacts(run.unit, files)
            client.log_artifacts(info.run_id, str(files))
    if run.end is not None:
        client.set_terminated(info.run_id, run.unit.status, end_time=run.end)
    if run.unit.deleted:
        client.delete_run(info.run_id)


def _insert(database: Path, experiment: str, parent: str, runs: list[LoggedRun], folder: Path) -> None:
    """Add runs as rows where MLflow's client would put them (a test compares both), with artifacts in `folder`."""
    tables: dict[str, list[Row]] = {}
    for run in runs:
        name = uuid4().hex
        files = folder / name / "artifacts"
        for table, row in _rows(run, name, experiment, parent, files):
            tables.setdefault(table, []).append(row)
        if run.has_artifacts:
            files.mkdir(parents=True)
            _write_artifacts(run.unit, files)
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, rows in tables.items():
            values = ", ".join(f":{column}" for column in rows[0])
            connection.executemany(f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({values})", rows)


def _rows(run: LoggedRun, name: str, experiment: str, parent: str, files: Path) -> Iterator[tuple[str, Row]]:
    about = {"run_uuid": name, "name": name[:8], "source_type": "UNKNOWN", "user_id": "unknown"}
    lifecycle = "deleted" if run.unit.deleted else "active"
    where = {"experiment_id": int(experiment), "artifact_uri": files.as_uri(), "lifecycle_stage": lifecycle}
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


def _write_artifacts(unit: Unit, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / schema.SPLIT_FILE).write_text(json.dumps(unit.roles()))
    if unit.segments:
        pd.DataFrame(unit.frames()).to_parquet(folder / schema.FRAME_TABLE)
    if unit.reconstructs:
        pd.DataFrame(fake_generative.reconstruction_table(unit)).to_parquet(folder / schema.RECONSTRUCTION_TABLE)
        pd.DataFrame(fake_generative.latent_table(unit)).to_parquet(folder / schema.LATENT_TABLE)
        np.savez_compressed(folder / schema.GENERATED_DATA, allow_pickle=False, **fake_generative.pictures(unit))
        return
    pd.DataFrame(unit.calibration()).to_parquet(folder / schema.CALIBRATION_TABLE)
    panel = folder / schema.PANEL_DATA
    kept = folder.parents[1] / f"{unit.architecture}-{unit.repeat}.npz" if unit.shared_panel else panel
    if unit.panel and not kept.exists():
        np.savez_compressed(kept, allow_pickle=False, **blobs(unit))
    if unit.panel and kept != panel:
        os.link(kept, panel)


READING = {"masks": {"text": "values 0 and 7; 7 is foreground"}, "limits": [12.5, 4000.0, "uint16"], "fit": "letterbox"}


def _environment(unit: Unit) -> dict[str, str]:
    facts = {"python": "3.11.7", "torch": "2.13.0", "processor": "Test CPU @ 2 GHz", "device": "cpu", "cores": "2"}
    tags = {schema.ENVIRONMENT + name: value for name, value in facts.items()}
    tags |= {schema.GIT_COMMIT: "0123456789abcdef" * 2, schema.DATA_DIGEST: unit.data * 4}
    tags[schema.DATA_READING] = json.dumps(READING)
    if unit.options is not None:
        tags[schema.NETWORK_SOURCE] = json.dumps({"files": {"network.py": "0f3c"}, "package": ""})
    if unit.notes:
        tags[schema.NETWORK_NOTES] = unit.notes
    if unit.precision:
        tags[schema.ENVIRONMENT + "precision"] = unit.precision
    tags[schema.SPLIT_DIGEST] = digest(json.dumps(unit.roles()))
    if unit.state == "complete" and unit.tested:
        tags[schema.TEST_OPENED] = "2026-01-01T00:00:00+00:00"
    return tags | ({schema.COLLAPSE: unit.collapse} if unit.architecture == "vae" else {})


def _importance(trials: int, **shares: tuple[float, ...]) -> dict[str, object]:
    names = ("lr", "depth", "base_width", "growth", "norm", "weight_decay")
    return {
        "trials": trials,
        "shares": {name.replace("_", "-"): dict(zip(names, of, strict=True)) for name, of in shares.items()},
    }


IMPORTANCE = {
    "hourglass": _importance(
        24, PED_ANOVA=(0.33, 0.41, 0.15, 0.05, 0.04, 0.02), fANOVA=(0.58, 0.27, 0.08, 0.01, 0.04, 0.02)
    ),
    "unet": _importance(
        27, PED_ANOVA=(0.47, 0.19, 0.22, 0.03, 0.07, 0.02), fANOVA=(0.71, 0.14, 0.09, 0.02, 0.03, 0.01)
    ),
}
SEARCH_TAGS = {
    schema.STUDY_DESCRIPTION: "Hourglass against U-Net, each with the best of its own search.",
    schema.STUDY_MEMORY_BUDGET: str(MEMORY_BUDGET),
    schema.STUDY_IMPORTANCE: json.dumps(IMPORTANCE),
}

TUNED_TAGS = {schema.STUDY_LADDER: json.dumps(LADDER)}


STUDIES: dict[str, Callable[[], list[Unit]]] = {
    "quick": grid,
    "search": lambda: [*searched(), *refits()],
    "memory_budget": lambda: searched(60),
    "generative": generative,
    "tuned": tuned,
    "foreign": foreign,
    **PROBLEMS,
}


def main(runs: str, study: str = "quick", tracking: str = "") -> None:
    """Fill a store with one of the studies."""
    units, study = (STUDIES[study](), study) if study in STUDIES else (long_grid(int(study)), "quick")
    tags = {"search": SEARCH_TAGS, "memory_budget": SEARCH_TAGS, "tuned": TUNED_TAGS}.get(study, TAGS.get(study, {}))
    fill(Path(runs), units, study=study, tags=plan_of(units) | tags, tracking=tracking)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A store as the bench leaves it, filled with invented runs.

As a script, from the repository's root: `PYTHONPATH=. python tests/reports/fake_store.py RUNS [STUDY [TRACKING_URL]]`,
where STUDY is one of quick, search, memory_budget and generative.
"""

import json
import os
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fake_generative
import numpy as np
import pandas as pd
from fake_rows import insert
from fake_units import MEMORY_BUDGET, Unit, blobs, generative, grid, refits, searched

from bench import schema

if TYPE_CHECKING:
    from mlflow import MlflowClient

START = 1_760_000_000_000
"""Milliseconds since 1970 at which the first run starts; each takes a minute."""


def planned_units(units: list[Unit]) -> dict[str, dict[str, int]]:
    """Units per stage and architecture, as the parent run says that they are planned."""
    distinct = {unit.unit(): unit for unit in units if not unit.superseded}.values()
    counts: dict[str, dict[str, int]] = {}
    for unit in distinct:
        stage = counts.setdefault(unit.stage, {})
        stage[unit.architecture] = stage.get(unit.architecture, 0) + 1
    return counts


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
        return self.unit.logged and self.unit.state == "complete" and self.unit.trial is None


def fill(
    runs: Path,
    units: list[Unit],
    *,
    study: str = "quick",
    planned: int | None = None,
    tags: dict[str, str] | None = None,
    tracking: str = "",
    write: Callable[[Unit, Path], None] | None = None,
) -> None:
    """Add a study to the store at the URL `tracking`, or in `runs`, which is made if it is not there.

    `tags` are further tags of the parent run; `write` puts a run's files into its folder. With a URL all goes through
    MLflow's client; without one the runs are inserted into the database, which is much faster.
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
        insert(runs / schema.TRACKING_DB, experiment, parent, logged, folder, write or _write_artifacts)


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
            _write_artifacts(run.unit, Path(name))
            client.log_artifacts(info.run_id, name)
    if run.end is not None:
        client.set_terminated(info.run_id, run.unit.status, end_time=run.end)


def _write_artifacts(unit: Unit, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if unit.segments:
        pd.DataFrame(unit.frames()).to_parquet(folder / schema.FRAME_TABLE)
    if unit.reconstructs:
        pd.DataFrame(fake_generative.reconstruction_table(unit)).to_parquet(folder / schema.RECONSTRUCTION_TABLE)
        pd.DataFrame(fake_generative.latent_table(unit)).to_parquet(folder / schema.LATENT_TABLE)
        np.savez_compressed(folder / schema.GENERATED_DATA, allow_pickle=False, **fake_generative.pictures(unit))
        return
    pd.DataFrame(unit.calibration()).to_parquet(folder / schema.CALIBRATION_TABLE)
    if unit.panel:
        np.savez_compressed(folder / schema.PANEL_DATA, allow_pickle=False, **blobs(unit))


def _environment(unit: Unit) -> dict[str, str]:
    facts = {
        "python": "3.11.7",
        "torch": "2.13.0",
        "processor": "Test CPU @ 2 GHz",
        "device": "cpu",
        "cores": "2",
    }
    tags = {schema.ENVIRONMENT + name: value for name, value in facts.items()}
    digests = {schema.DATA_DIGEST: unit.data * 4, schema.SPLIT_DIGEST: f"{unit.split} {unit.repeat}"}
    opened = (
        {schema.TEST_OPENED: "2026-01-01T00:00:00+00:00"} if unit.state == "complete" and unit.trial is None else {}
    )
    lost = {schema.COLLAPSE: unit.collapse} if unit.architecture == "vae" else {}
    return tags | {schema.GIT_COMMIT: "0123456789abcdef" * 2} | digests | opened | lost


IMPORTANCE = {
    "hourglass": {
        "trials": 24,
        "shares": {
            "PED-ANOVA": {
                "depth": 0.41,
                "lr": 0.33,
                "base_width": 0.15,
                "growth": 0.05,
                "norm": 0.04,
                "weight_decay": 0.02,
            },
            "fANOVA": {
                "lr": 0.58,
                "depth": 0.27,
                "base_width": 0.08,
                "norm": 0.04,
                "weight_decay": 0.02,
                "growth": 0.01,
            },
        },
    },
    "unet": {
        "trials": 27,
        "shares": {
            "PED-ANOVA": {
                "lr": 0.47,
                "base_width": 0.22,
                "depth": 0.19,
                "norm": 0.07,
                "growth": 0.03,
                "weight_decay": 0.02,
            },
            "fANOVA": {
                "lr": 0.71,
                "depth": 0.14,
                "base_width": 0.09,
                "norm": 0.03,
                "growth": 0.02,
                "weight_decay": 0.01,
            },
        },
    },
}
SEARCH_TAGS = {
    schema.STUDY_DESCRIPTION: "Hourglass against U-Net, each with the best of its own search.",
    schema.STUDY_MEMORY_BUDGET: str(MEMORY_BUDGET),
    schema.STUDY_IMPORTANCE: json.dumps(IMPORTANCE),
}


STUDIES: dict[str, Callable[[], list[Unit]]] = {
    "quick": grid,
    "search": lambda: [*searched(), *refits()],
    "memory_budget": lambda: searched(60),
    "generative": generative,
}


def main(runs: str, study: str = "quick", tracking: str = "") -> None:
    """Fill a store with one of the studies."""
    units = STUDIES[study]()
    tags = SEARCH_TAGS if study in ("search", "memory_budget") else {}
    fill(
        Path(runs),
        units,
        study=study,
        tags={**tags, schema.STUDY_PLANNED_UNITS: json.dumps(planned_units(units))},
        tracking=tracking,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A store of thousands of runs, made in minutes: rows go into the tables themselves, without a client call per run.

As a script, from the repository's root: `PYTHONPATH=. python tests/reports/big_store.py RUNS COUNT [STUDY]`.
"""

import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice, product
from pathlib import Path

import numpy as np
import pandas as pd
from fake_store import START, _environment, fill, planned_units
from fake_units import Unit, blobs

from bench import schema

FRAMES = 5
"""Of each test scene."""


@dataclass(frozen=True, kw_only=True)
class LongUnit(Unit):
    """A run as long as real ones: 50 epochs of every curve, 12 test scenes of 5 frames."""

    epochs: int = 50

    def curve(self, epoch: int) -> dict[str, float]:
        """Every metric of one epoch."""
        values = super().curve(epoch)
        iou = values[schema.VAL_IOU.name]
        return values | {schema.VAL_DICE.name: 2 * iou / (1 + iou), schema.LR.name: 0.003 * (1 - epoch / 51)}

    def scenes(self, scenes: int = 12) -> list[str]:
        """The scene of each test frame."""
        return [name for name in dict.fromkeys(super().scenes(scenes)) for _ in range(FRAMES)]

    def frames(self, scenes: int = 12) -> dict[str, list[float] | list[str]]:
        """Columns of the frame table: frames of a scene differ a little."""
        names, frame = self.scenes(scenes), np.arange(scenes * FRAMES)
        hard = np.random.default_rng(self.fold).normal(0, 0.05, scenes)
        own = np.random.default_rng([self.repeat, *self.architecture.encode()]).normal(0, 0.01, scenes)
        level = self.test_iou + hard - hard.mean() + own - own.mean()
        ious = np.clip(level[frame // FRAMES] + 0.02 * np.sin(frame), 0.01, 0.99).tolist()
        columns = {metric.column: [self.test(metric, iou) for iou in ious] for metric in schema.TEST_METRICS}
        columns[schema.FRAME_FOREGROUND] = (0.1 + 0.02 * (frame % 11)).tolist()
        for tolerance in schema.TOLERANCES:
            columns[schema.within_column(tolerance)] = [1 - (1 - iou) / (0.5 + tolerance) for iou in ious]
        return {"stem": [f"{name}_{place:04d}" for place, name in enumerate(names)], "scene": names, **columns}


def long_grid(number: int, repeats: int = 5) -> list[Unit]:
    """So many runs of a grid of widths, depths 2 to 6, three architectures and repeats."""
    cells = (
        (width, *rest)
        for width in count(4, 2)
        for rest in product(range(2, 7), ("simple_conv", "hourglass", "unet"), range(repeats))
    )
    return [_unit(place, *cell) for place, cell in enumerate(islice(cells, number))]


def _unit(place: int, width: int, depth: int, architecture: str, repeat: int) -> Unit:
    """Scores level off with width; of 49 runs one diverges and one is too large."""
    state, reason = "complete", ""
    if place % 49 == 23:
        state, reason = "diverged", f"the training loss was nan in epoch {place % 17 + 1}"
    if place % 49 == 48:
        state, reason = "infeasible", f"a training step is predicted to hold {place} MiB, 900 MiB are free"
    lack = {"simple_conv": 0.1, "hourglass": 0.02, "unet": 0.0}[architecture] + 0.35 / (1 + 0.2 * depth + 0.03 * width)
    iou = 0.9 - lack + np.random.default_rng(place).normal(0, 0.012)
    return LongUnit(
        architecture=architecture, depth=depth, width=width, repeat=repeat, state=state, reason=reason, iou=float(iou)
    )


def fill_fast(runs: Path, units: list[Unit], *, study: str = "quick") -> None:
    """What `fake_store.fill` makes of units that have an outcome and logged their parameters."""
    plan = {schema.STUDY_PLANNED_UNITS: json.dumps(planned_units(units))}
    fill(runs, [], study=study, planned=len({unit.unit() for unit in units}), tags=plan)
    numbered = [_Run(number, unit, study) for number, unit in enumerate(units)]
    with closing(sqlite3.connect(runs / schema.TRACKING_DB)) as connection, connection:
        where = "FROM runs JOIN experiments USING (experiment_id) WHERE experiments.name = ?"
        ((parent, experiment),) = connection.execute(f"SELECT run_uuid, experiment_id {where}", [study])
        root = runs.resolve() / schema.ARTIFACT_DIR / study
        for table, rows in {
            "runs": (run.row(experiment, root) for run in numbered),
            "params": (row for run in numbered for row in run.params()),
            "tags": (row for run in numbered for row in run.tags(parent)),
            "metrics": (row for run in numbered for row in run.points()),
            "latest_metrics": (row for run in numbered for row in run.latest()),
        }.items():
            _insert(connection, table, rows)
    panels: dict[tuple[str, int], Path] = {}
    for run in numbered:
        if run.unit.state == "complete" and run.unit.trial is None:
            _write_artifacts(run.folder(root), run.unit, panels)


Row = dict[str, object]


class _Run:
    """The rows of one run in every table."""

    def __init__(self, number: int, unit: Unit, study: str) -> None:
        self.unit = unit
        self._id = hashlib.md5(f"{study} {number}".encode()).hexdigest()
        self._start = START + 60_000 * number
        self._epochs = int(unit.epochs * {"complete": 1.0, "infeasible": 0.0}.get(str(unit.state), 0.5))

    def folder(self, root: Path) -> Path:
        return root / self._id / "artifacts"

    def row(self, experiment: int, root: Path) -> Row:
        about = {"run_uuid": self._id, "name": self._id[:8], "source_type": "UNKNOWN", "user_id": "unknown"}
        times = {"start_time": self._start, "end_time": self._start + 55_000}
        where = {"experiment_id": experiment, "artifact_uri": self.folder(root).as_uri()}
        return {**about, **times, **where, "status": self.unit.status, "lifecycle_stage": "active"}

    def params(self) -> Iterator[Row]:
        return self._pairs(self.unit.all_params())

    def tags(self, parent: str) -> Iterator[Row]:
        about = {schema.KIND: "trial", schema.UNIT: self.unit.unit(), "mlflow.parentRunId": parent}
        about |= {} if self.unit.stage == "comparison" else {schema.STAGE: self.unit.stage}
        ended = {schema.STATE: str(self.unit.state), schema.STATE_REASON: self.unit.reason}
        return self._pairs({**about, schema.SCHEMA_VERSION: str(schema.VERSION), **_environment(self.unit), **ended})

    def points(self) -> Iterator[Row]:
        yield from self._at(self.unit.values(), 0)
        for epoch in range(1, self._epochs + 1):
            yield from self._at(self.unit.curve(epoch), epoch)

    def latest(self) -> Iterator[Row]:
        yield from self._at(self.unit.values(), 0)
        if self._epochs:
            yield from self._at(self.unit.curve(self._epochs), self._epochs)

    def _pairs(self, values: dict[str, str]) -> Iterator[Row]:
        return ({"run_uuid": self._id, "key": key, "value": value} for key, value in values.items())

    def _at(self, values: dict[str, float], step: int) -> Iterator[Row]:
        when = {"timestamp": self._start + step, "step": step, "is_nan": 0, "run_uuid": self._id}
        return ({**when, "key": key, "value": value} for key, value in values.items())


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    rows = iter(rows)
    first = next(rows)
    values = ", ".join(f":{name}" for name in first)
    connection.execute(f"INSERT INTO {table} ({', '.join(first)}) VALUES ({values})", first)
    connection.executemany(f"INSERT INTO {table} ({', '.join(first)}) VALUES ({values})", rows)


def _write_artifacts(folder: Path, unit: Unit, panels: dict[tuple[str, int], Path]) -> None:
    """Runs of a repeat and architecture share a panel file, by hard links: thousands would take gigabytes."""
    folder.mkdir(parents=True)
    pd.DataFrame(unit.frames()).to_parquet(folder / schema.FRAME_TABLE)
    pd.DataFrame(unit.calibration()).to_parquet(folder / schema.CALIBRATION_TABLE)
    panel = folder / schema.PANEL_DATA
    first = panels.setdefault((unit.architecture, unit.repeat), panel)
    if first == panel:
        arrays = blobs(unit)
        places = np.unique(arrays["scenes"], return_index=True)[1]
        np.savez_compressed(panel, **{name: values[places] for name, values in arrays.items()})
    else:
        os.link(first, panel)


def main(runs: str, number: str, study: str = "quick") -> None:
    """Fill a store with so many runs."""
    fill_fast(Path(runs), long_grid(int(number)), study=study)


if __name__ == "__main__":
    main(*sys.argv[1:])

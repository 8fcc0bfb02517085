"""A store of thousands of runs, made in minutes.

As a script, from the repository's root: `PYTHONPATH=. python tests/reports/big_store.py RUNS COUNT [STUDY]`.
"""

import json
import os
import sys
from dataclasses import dataclass
from itertools import count, islice, product
from pathlib import Path

import numpy as np
import pandas as pd
from fake_store import fill, planned_units
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


def fill_big(runs: Path, units: list[Unit], *, study: str = "quick") -> None:
    """A store with these units, whose panel files share their bytes."""
    plan = {schema.STUDY_PLANNED_UNITS: json.dumps(planned_units(units))}
    fill(runs, units, study=study, tags=plan, write=_SharedPanels())


class _SharedPanels:
    """Runs of a repeat and architecture share a panel file, by hard links: thousands would take gigabytes."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, int], Path] = {}

    def __call__(self, unit: Unit, folder: Path) -> None:
        pd.DataFrame(unit.frames()).to_parquet(folder / schema.FRAME_TABLE)
        pd.DataFrame(unit.calibration()).to_parquet(folder / schema.CALIBRATION_TABLE)
        panel = folder / schema.PANEL_DATA
        first = self._first.setdefault((unit.architecture, unit.repeat), panel)
        if first == panel:
            arrays = blobs(unit)
            places = np.unique(arrays["scenes"], return_index=True)[1]
            np.savez_compressed(panel, **{name: values[places] for name, values in arrays.items()})
        else:
            os.link(first, panel)


def main(runs: str, number: str, study: str = "quick") -> None:
    """Fill a store with so many runs."""
    fill_big(Path(runs), long_grid(int(number)), study=study)


if __name__ == "__main__":
    main(*sys.argv[1:])

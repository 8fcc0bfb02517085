"""How much paired differences spread, and from what: the run, the scene, and the scene in that run."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from hourglass_bench.reports.analysis.statistics import sums_of_squares, two_way_tables


class Components(NamedTuple):
    """Standard deviations of the difference of two configurations, in the metric's unit.

    The defaults, in IoU, are assumptions for planning; the scenes' is a worst case.
    """

    run: float = 0.010
    """Between trainings: initialisation, order and training scenes."""
    scene: float = 0.040
    """Between scenes."""
    residual: float = 0.008
    """Of a scene between trainings, apart from what a training does to all scenes."""


def estimate(a: pd.DataFrame, b: pd.DataFrame) -> Components:
    """Components of a - b by the method of moments, from the repeats that both tables have.

    Runs and scenes are crossed inside a fold. With one repeat per fold, scene and residual cannot be told apart: the
    residual is then 0 and the scene takes both; so it does with one scene of one repeat per fold, where nothing can be.
    What chance makes negative is 0.

    Raises:
        ValueError: fewer than two repeats in common.
    """
    tables = two_way_tables(a, b)
    levels = np.concatenate([table.mean(axis=1) for table in tables]) if tables else np.empty(0)
    if len(levels) < 2:
        raise ValueError(f"Components need at least 2 repeats that both configurations have, got {len(levels)}.")
    if all(table.size == 1 for table in tables):
        return Components(0.0, float(np.std(levels, ddof=1)), 0.0)
    runs, scenes = (np.array([table.shape[axis] for table in tables]) for axis in (0, 1))
    _, of_scenes, rest = np.transpose([sums_of_squares(table) for table in tables])
    residual = _ratio(rest.sum(), float(np.sum((runs - 1) * (scenes - 1))))
    between = _ratio(np.sum(of_scenes / runs), float(np.sum(scenes - 1)))
    scene = max(0.0, between - residual * _ratio(float(np.sum((scenes - 1) / runs)), float(np.sum(scenes - 1))))
    # Two runs differ by their scenes only if they were tested on different folds: this share of all pairs of runs.
    apart = 1 - float(np.sum(runs * (runs - 1))) / (len(levels) * (len(levels) - 1))
    per_scene = float(np.sum(runs / scenes)) / len(levels)
    run = max(0.0, float(np.var(levels, ddof=1)) - per_scene * (residual + apart * scene))
    return Components(math.sqrt(run), math.sqrt(scene), math.sqrt(residual))


def _ratio(total: float, count: float) -> float:
    return total / count if count else 0.0

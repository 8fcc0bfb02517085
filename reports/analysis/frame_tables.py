"""Tables that runs keep of their test frames, beside the metrics of `analysis.scenes`, and means of their columns."""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.statistics import Estimate, estimate_means
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.analysis.verified import SCENE, STEM, read_columns
from hourglass_bench.reports.store.load import ARCHITECTURE, ARTIFACTS, REPEAT, RUN
from hourglass_bench.reports.text import counted_range

KEYS = ["repeat", "fold", "scene"]
"""What `reports.analysis.statistics` calls a cell."""


def best_tables(summary: Summary, file: str, columns: list[str]) -> pd.DataFrame:
    """The rows of a file of the complete runs of each architecture's best configuration, where the run kept it.

    Runs whose frame table was refused are left out. Columns architecture, repeat, fold, scene and those asked for;
    empty if no run is left.

    Raises:
        ValueError: as `read_columns`, or a row has no value.
    """
    chosen = summary.runs[
        summary.runs[CONFIGURATION].isin(summary.best[CONFIGURATION]) & (summary.runs[schema.STATE] == "complete")
    ]
    parts = []
    for _, run in chosen[~chosen[RUN].isin(list(summary.refused))].iterrows():
        path = Path(run[ARTIFACTS]) / file
        if path.is_file():
            table = read_columns(path, [SCENE, *columns]).to_pandas()
            if lacking := table.columns[table.isna().any()].to_list():
                raise ValueError(f"{path} must have a value in every row, got none in {', '.join(lacking)}.")
            parts.append(table.assign(architecture=run[ARCHITECTURE], repeat=run[REPEAT], fold=run[schema.FOLD]))
    names = list(dict.fromkeys(["architecture", *KEYS, *columns]))
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)


def run_frames(summary: Summary) -> pd.DataFrame:
    """Every column of the frame tables that the runs of all stages kept, after the run's id.

    Raises:
        ValueError: a table was refused.
    """
    for run, why in summary.refused.items():
        raise ValueError(f"{schema.FRAME_TABLE} of run {run} {why}")
    runs = summary.logged
    parts = [
        read_columns(path, [STEM, SCENE], None).to_pandas().assign(**{RUN: run})
        for run, folder in zip(runs[RUN], runs[ARTIFACTS], strict=True)
        if (path := Path(folder) / schema.FRAME_TABLE).is_file()
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[RUN, STEM, SCENE])
    return table[[RUN, *table.columns.drop(RUN)]]


def scene_estimates(table: pd.DataFrame, column: str, by: str) -> pd.DataFrame:
    """Mean, low and high of a column of one configuration for each value of `by`: a scene's rows are averaged first.

    The bounds are NaN where a single unit has no interval.
    """
    cells = table.groupby([by, *KEYS])[column].mean().rename("value").reset_index()
    return bounded(estimate_means(cells, by))


def bounded(estimates: Mapping[int, Estimate], lower: float | None = 0.0, upper: float | None = 1.0) -> pd.DataFrame:
    """Mean, low and high by the key, of shares if no bounds are given; what Student's t adds beyond them is cut off."""
    rows = {key: (found.mean, *found.interval) for key, found in estimates.items()}
    table = pd.DataFrame(rows, index=["mean", "low", "high"], dtype="float64").T
    return table.replace([math.inf, -math.inf], math.nan).clip(lower, upper)


def sizes(table: pd.DataFrame) -> dict[str, int]:
    """Repeats and scenes behind a table of one configuration."""
    return {"repeats": table["repeat"].nunique(), "scenes": len(table[["fold", "scene"]].drop_duplicates())}


def sample(points: pd.DataFrame) -> str:
    """`3 repeats, 36 test scenes` of points with the columns repeats and scenes: how much stands behind them."""
    return f"{counted_range(points['repeats'], 'repeat')}, {counted_range(points['scenes'], 'test scene')}"

"""Scene means of every run: what differences, intervals and verdicts are computed from."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from hourglass_bench.bench import schema
from hourglass_bench.reports.store.load import ARTIFACTS, REPEAT, RUN

SCENE = "scene"
STEM = "stem"
PROTOCOL = [REPEAT, schema.FOLD, schema.SPLIT_DIGEST, schema.DATA_DIGEST]
"""Runs that agree in all of it were tested on the same frames after training on the same frames."""
COLUMNS = [metric.column for metric in schema.TEST_METRICS]
SINCE = [metric.since for metric in schema.TEST_METRICS]
"""Runs of an earlier version lack the column."""
BASELINES = {schema.baseline_metric(name, "iou").name: schema.baseline_column(name) for name in schema.BASELINES}
"""What a run logs of a baseline's IoU, the mean over its scenes -> column of what its frames have."""


def scene_means(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per tested scene of every run that kept its frame table: run_id, protocol, scene, metrics and baselines.

    Of each baseline there is the IoU, in `schema.baseline_column`. Frame tables of before version 6 lack the column:
    then every scene of the run has the mean that the run logged. Means over all scenes of a run, and so of a fold, are
    right, only the scenes do not differ. NaN if the run logged none, as auto-encoders.

    Raises:
        ValueError: as `read_columns`.
    """
    frames = _frames(runs)
    if frames.empty:
        return pd.DataFrame(columns=[*frames, RUN, *PROTOCOL])
    means = frames.groupby([frames.index, SCENE]).mean().reset_index(SCENE)
    about = runs.rename(columns=BASELINES).reindex(columns=[RUN, *PROTOCOL, *BASELINES.values()])
    about = about.iloc[means.index].reset_index(drop=True)
    means = means.reset_index(drop=True).fillna(about[[*BASELINES.values()]])
    return means.join(about[[RUN, *PROTOCOL]])


def _frames(runs: pd.DataFrame) -> pd.DataFrame:
    """Scene, metrics and baselines of every frame of the tables that were kept; the index is the run's place."""
    names = [*COLUMNS, *BASELINES.values()]
    paths = [Path(folder) / schema.FRAME_TABLE for folder in runs[ARTIFACTS]]
    kept = [place for place, path in enumerate(paths) if path.is_file()]
    if not kept:
        return pd.DataFrame(columns=[SCENE, *names])
    logged = runs[schema.SCHEMA_VERSION].astype("int64").to_numpy()[:, None] >= SINCE
    tables = [
        read_columns(paths[place], [SCENE, *np.array(COLUMNS)[logged[place]]], BASELINES.values()) for place in kept
    ]
    of_table = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
    frames: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    frames = frames.reindex(columns=[SCENE, *names]).set_axis(np.array(kept)[of_table])
    broken = frames[names].isna() & np.array([np.isin(names, table.column_names) for table in tables])[of_table]
    if broken.any(axis=None):
        path = paths[frames.index[broken.any(axis=1)][0]]
        lacking = ", ".join(broken.columns[broken.any()])
        raise ValueError(f"{path} must have a number for every frame, metric and baseline, got none in {lacking}.")
    return frames


def read_columns(path: Path, names: list[str], optional: Iterable[str] | None = ()) -> pa.Table:
    """These columns of a parquet file, and the optional ones that it has; None: all that it has.

    There are thousands of files, and pandas takes ten times as long for each.

    Raises:
        ValueError: it lacks one of `names`, or cannot be read.
    """
    try:
        with ParquetFile(path) as file:
            table = file.read(columns=None if optional is None else [*names, *optional], use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(
            f"{path} must be a parquet table with the columns {', '.join(names)}, and cannot be read: {error}."
        ) from error
    there = table.column_names
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError(f"{path} must have the columns {', '.join(names)}, got none for {', '.join(missing)}.")
    more = (name for name in (there if optional is None else optional) if name in there and name not in names)
    return table.select([*names, *more])

"""Scene means of every test metric of every run: what differences, intervals and verdicts are computed from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from bench import schema
from reports.store.load import ARTIFACTS, REPEAT, RUN

SCENE = "scene"
PROTOCOL = [REPEAT, schema.FOLD, schema.SPLIT_DIGEST, schema.DATA_DIGEST]
"""Runs that agree in all of it were tested on the same frames after training on the same frames."""
COLUMNS = [metric.column for metric in schema.TEST_METRICS]
SINCE = [metric.since for metric in schema.TEST_METRICS]
"""Runs of an earlier version lack the column."""


def scene_means(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per tested scene of every run that kept its frame table: run_id, protocol, scene and the metrics.

    Raises:
        ValueError: as `read_columns`.
    """
    paths = [Path(folder) / schema.FRAME_TABLE for folder in runs[ARTIFACTS]]
    kept = [place for place, path in enumerate(paths) if path.is_file()]
    if not kept:
        return pd.DataFrame(columns=[SCENE, *COLUMNS, RUN, *PROTOCOL])
    logged = runs[schema.SCHEMA_VERSION].astype("int64").to_numpy()[:, None] >= SINCE
    tables = [read_columns(paths[place], [SCENE, *np.array(COLUMNS)[logged[place]]]) for place in kept]
    frames: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    frames = frames.reindex(columns=[SCENE, *COLUMNS])
    place = np.repeat(kept, [table.num_rows for table in tables])
    broken = frames[COLUMNS].isna() & logged[place]
    if broken.any(axis=None):
        path = paths[place[int(broken.any(axis=1).argmax())]]
        names = ", ".join(broken.columns[broken.any()])
        raise ValueError(f"{path} must have a number for every frame and test metric, got none in {names}.")
    means = frames.groupby([place, SCENE])[COLUMNS].mean().reset_index(SCENE)
    about = runs[[RUN, *PROTOCOL]].iloc[means.index].reset_index(drop=True)
    return means.reset_index(drop=True).join(about)


def read_columns(path: Path, names: list[str]) -> pa.Table:
    """These columns of a parquet file. There are thousands of files, and pandas takes ten times as long for each.

    Raises:
        ValueError: it lacks one, or cannot be read.
    """
    try:
        with ParquetFile(path) as file:
            table = file.read(columns=names, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(
            f"{path} must be a parquet table with the columns {', '.join(names)}, and cannot be read: {error}."
        ) from error
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise ValueError(f"{path} must have the columns {', '.join(names)}, got none for {', '.join(missing)}.")
    return table.select(names)

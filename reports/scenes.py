"""Scene means of every test metric of every run: what differences, intervals and verdicts are computed from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from bench import schema
from reports.load import ARTIFACTS, RUN, SEED

SCENE = "scene"
PROTOCOL = [SEED, schema.FOLD, schema.SPLIT_DIGEST, schema.DATA_DIGEST]
"""Runs that agree in all of it were tested on the same frames after training on the same frames."""
COLUMNS = [metric.column for metric in schema.TEST_METRICS]


def scene_means(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per tested scene of every run that kept its frame table: run_id, protocol, scene and the metrics.

    Raises:
        ValueError: a frame table lacks a column.
    """
    paths = [Path(folder) / schema.FRAME_TABLE for folder in runs[ARTIFACTS]]
    kept = [place for place, path in enumerate(paths) if path.is_file()]
    if not kept:
        return pd.DataFrame(columns=[SCENE, *COLUMNS, RUN, *PROTOCOL])
    tables = [_read(paths[place]) for place in kept]
    frames: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    place = np.repeat(kept, [table.num_rows for table in tables])
    means = frames.groupby([place, SCENE])[COLUMNS].mean().reset_index(SCENE)
    about = runs[[RUN, *PROTOCOL]].iloc[means.index].reset_index(drop=True)
    return means.reset_index(drop=True).join(about)


def _read(path: Path) -> pa.Table:
    """Scene and metrics of every frame. There are thousands of files, and pandas takes ten times as long for each."""
    names = [SCENE, *COLUMNS]
    with ParquetFile(path) as file:
        table = file.read(columns=names, use_threads=False)
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise ValueError(f"{path} must have a column for every test metric, got none for {', '.join(missing)}.")
    return table.select(names)

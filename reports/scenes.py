"""Scene means of every test metric of every run: what differences, intervals and verdicts are computed from."""

from pathlib import Path

import pandas as pd

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
    parts = [
        _means(Path(run[ARTIFACTS]) / schema.FRAME_TABLE).assign(**run[[RUN, *PROTOCOL]])
        for _, run in runs.iterrows()
        if (Path(run[ARTIFACTS]) / schema.FRAME_TABLE).is_file()
    ]
    empty = pd.DataFrame(columns=[SCENE, *COLUMNS, RUN, *PROTOCOL])
    return pd.concat(parts, ignore_index=True) if parts else empty


def _means(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    missing = [name for name in (SCENE, *COLUMNS) if name not in table]
    if missing:
        raise ValueError(f"{path} must have a column for every test metric, got none for {', '.join(missing)}.")
    return table.groupby(SCENE)[COLUMNS].mean().reset_index()

"""The frame tables of runs, each held against what its run logged: one that says something else is used nowhere.

Means over frames and scenes come from these tables alone, and whoever reads one could not tell that it was cut short,
mixed up or of another run.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from hourglass_bench.bench import schema
from hourglass_bench.bench.digest import digest
from hourglass_bench.reports.store.load import ARTIFACTS, RUN
from hourglass_bench.reports.text import printable

SCENE = "scene"
STEM = "stem"
COLUMNS = {metric.column: metric for metric in schema.TEST_METRICS}
BASELINES = {schema.baseline_column(name): schema.baseline_metric(name, "iou") for name in schema.BASELINES}
"""Column of what the frames have of a baseline's IoU -> what the run logged, the mean over its scenes."""
LOGGED = {**COLUMNS, **BASELINES, schema.FRAME_LAST_IOU: schema.LAST_IOU}
"""Columns of which the run logged the mean over its scenes of the means over their frames."""
TOLERANCE = 1e-6
"""Of these means, relative above 1. They have been equal in all digits but the last."""
MOST_ROWS = 2_000_000
"""Of a table that is read: a compressed file of a few bytes can have any number of equal rows."""


class Verified(NamedTuple):
    """Of the frame tables of runs."""

    frames: pd.DataFrame
    """Scene, metrics, baselines and `last_iou` of every frame of the tables that are used; the index is the run's
    place. What a table lacks is NaN."""
    refused: dict[str, str]
    """Run -> what its table must be and is not."""


def verify(runs: pd.DataFrame) -> Verified:
    """Read the frame tables that these runs kept.

    A table must have each test frame of its run's split once and in order, a number for each of them, and the means
    that the run logged.
    """
    splits, tables, refused = _test_frames(runs), {}, {}
    about = runs[[RUN, ARTIFACTS, schema.SCHEMA_VERSION, schema.SPLIT_DIGEST]]
    for place, (run, folder, version, split) in enumerate(about.itertuples(index=False)):
        path = Path(folder) / schema.FRAME_TABLE
        if not path.is_file():
            continue
        names = [STEM, SCENE, *(name for name, metric in COLUMNS.items() if metric.since <= int(version))]
        try:
            tables[place] = read_columns(path, names, [*BASELINES, schema.FRAME_LAST_IOU])
            _require_types(tables[place])
            _require_frames(tables[place], splits.get(split))
        except ValueError as error:
            tables.pop(place, None)
            refused[run] = printable(str(error)).removeprefix(f"{path} ")
    frames = _stacked(tables)
    wrong = _disagreeing(frames, tables, runs)
    refused |= {runs[RUN].iloc[place]: why for place, why in wrong.items()}
    return Verified(frames[~frames.index.isin(list(wrong))], refused)


def _test_frames(runs: pd.DataFrame) -> dict[str, pa.Array]:
    """The stems that are tested, by the digest of the split; of a split whose file no run has left there are none."""
    found: dict[str, pa.Array] = {}
    for split, folder in runs[[schema.SPLIT_DIGEST, ARTIFACTS]].itertuples(index=False):
        if split in found:
            continue
        with suppress(OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            roles = json.loads((Path(folder) / schema.SPLIT_FILE).read_text(encoding="utf-8"))
            if digest(json.dumps(roles)) == split:
                found[split] = pa.array(printable(roles["test"]), pa.string())
    return found


def _require_types(table: pa.Table) -> None:
    types = pa.types
    for name, of in zip(table.schema.names, table.schema.types, strict=True):
        if name in LOGGED and not (types.is_floating(of) or types.is_integer(of)):
            raise ValueError(f"must have numbers in {name}, got {of}.")
        if name not in LOGGED and not (types.is_string(of) or types.is_large_string(of)):
            raise ValueError(f"must have texts in {name}, got {of}.")
    if table[SCENE].null_count:
        raise ValueError("must have a scene for every frame.")


def _require_frames(table: pa.Table, tested: pa.Array | None) -> None:
    stems = table[STEM].cast(pa.string()).combine_chunks()
    if tested is not None and not stems.equals(tested):
        raise ValueError(
            f"must have the {len(tested)} test frames of the run's split in their order, got "
            f"{len(stems) if len(stems) != len(tested) else 'others'}."
        )
    if len(stems.unique()) < len(stems) or not len(stems):
        raise ValueError(f"must have each test frame once, got {len(stems)} rows for {len(stems.unique())} frames.")


def _stacked(tables: dict[int, pa.Table]) -> pd.DataFrame:
    names = [SCENE, *LOGGED]
    if not tables:
        return pd.DataFrame(columns=names)
    frames: pd.DataFrame = pa.concat_tables(tables.values(), promote_options="permissive").to_pandas()
    return frames.reindex(columns=names).set_axis(np.repeat(list(tables), [one.num_rows for one in tables.values()]))


def _disagreeing(frames: pd.DataFrame, tables: dict[int, pa.Table], runs: pd.DataFrame) -> dict[int, str]:
    """What is wrong with the numbers of a table, by the run's place."""
    if frames.empty:
        return {}
    names, places = list(LOGGED), list(tables)
    has = pd.DataFrame([[name in tables[place].column_names for name in names] for place in places], places, names)
    lacks = frames[names].isna().groupby(frames.index).any() & has
    means = frames.groupby([frames.index, SCENE])[names].mean().groupby(level=0).mean()
    logged = runs.reindex(columns=[metric.name for metric in LOGGED.values()]).iloc[places].set_axis(names, axis=1)
    logged = logged.set_axis(places).astype("float64")
    apart = (means - logged).abs() > TOLERANCE * logged.abs().clip(lower=1)
    apart |= logged.isna() & np.isin(names, list(COLUMNS))  # an older run may have logged no baselines
    apart &= has
    wrong = {}
    for place in places:
        lacking, other = ([name for name in names if table.at[place, name]] for table in (lacks, apart))
        if lacking:
            wrong[place] = f"must have a number for every frame, metric and baseline, got none in {', '.join(lacking)}."
        elif other:
            label = LOGGED[other[0]].label
            was, found = (float(table[other[0]][place]) for table in (logged, means))
            wrong[place] = f"must have the mean {label} that was logged, {was:.6g}, got {found:.6g}."
    return wrong


def read_columns(path: Path, names: list[str], optional: Iterable[str] | None = ()) -> pa.Table:
    """These columns of a parquet file, and the optional ones that it has; None: all that it has.

    There are thousands of files, and pandas takes ten times as long for each.

    Raises:
        ValueError: it lacks one of `names`, has too many rows, or cannot be read.
    """
    try:
        with ParquetFile(path) as file:
            rows = file.metadata.num_rows
            if rows > MOST_ROWS:
                raise ValueError(f"{path} must have at most {MOST_ROWS:,} rows, got {rows:,}.")
            table = file.read(columns=None if optional is None else [*names, *optional], use_threads=False)
    except (OSError, MemoryError, pa.ArrowException) as error:
        raise ValueError(
            f"{path} must be a parquet table with the columns {', '.join(names)}, and cannot be read: {error}."
        ) from error
    there = table.column_names
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError(f"{path} must have the columns {', '.join(names)}, got none for {', '.join(missing)}.")
    more = (name for name in (there if optional is None else optional) if name in there and name not in names)
    return _printable(table.select([*names, *more]))


def _printable(table: pa.Table) -> pa.Table:
    """With names of scenes and frames that can be shown, which are those of people's files."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            names = table.column(place).unique().to_pylist()
            if names != (shown := printable(names)):
                known = dict(zip(names, shown, strict=True))
                texts = [known[name] for name in table.column(place).to_pylist()]
                table = table.set_column(place, field.name, pa.array(texts, field.type))
    return table

"""What stands behind a report and is gone: files and curves that complete runs had, and runs deleted by hand."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.plan import endings
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.store.load import ARCHITECTURE, ARTIFACTS, RUN, STAGES

KINDS = {"frame_table": "frame tables", "panel": "panels", "curves": "curves", "deleted": "deleted runs"}
"""Kinds of evidence, as keys of a report's values and as headings."""
COLUMNS = [schema.STAGE, ARCHITECTURE, "kind", "units", "gone"]


@lru_cache(maxsize=1)
def evidence(summary: Summary) -> pd.DataFrame:
    """A row per stage, architecture (empty if unknown) and kind of evidence: how many units have it or had it, and of
    how many of them it is gone.

    Frame tables, panels and curves are those of the complete runs that were tested; a frame table that was refused is
    gone. `deleted` is of all units that
    ended, and gone are those whose outcome was deleted by hand.
    """
    ended = endings(summary.study)
    deleted = ended[[schema.STAGE, ARCHITECTURE]].assign(kind="deleted", gone=ended[schema.STATE] == "deleted")
    rows = pd.concat([_of_tested(summary), deleted], ignore_index=True)
    # As categories, so that rows come in the order of the report's tables.
    orders = {schema.STAGE: STAGES, ARCHITECTURE: style.in_order(rows[ARCHITECTURE]), "kind": KINDS}
    ordered = rows.astype({name: pd.CategoricalDtype(list(order)) for name, order in orders.items()})
    counts = ordered.groupby(COLUMNS[:3], observed=True)["gone"].agg(units="size", gone="sum").reset_index()
    return counts.astype(dict.fromkeys(orders, "str"))


def _of_tested(summary: Summary) -> pd.DataFrame:
    """Stage, architecture, kind and whether it is gone, of what each complete run that was tested should have."""
    trials, curves = summary.study.trials, summary.study.curves
    runs = trials[(trials[schema.STATE] == "complete") & ~trials[schema.STAGE].isin(schema.CHOOSING)]
    generative = runs[schema.STAGE] == "generative"
    # What makes images has neither masks to score nor a validation IoU; no generative run keeps a panel.
    curve = np.where(generative, schema.EPOCH_SECONDS.name, schema.VAL_IOU.name)
    logged = pd.MultiIndex.from_frame(curves[[RUN, "metric"]])
    lacks = ~pd.MultiIndex.from_arrays([runs[RUN], curve]).isin(logged)
    gone: dict[str, pd.Series] = {
        "frame_table": (_gone(runs, schema.FRAME_TABLE) | runs[RUN].isin(list(summary.refused))).where(
            runs[schema.TARGET] == "mask"
        ),
        "panel": _gone(runs, schema.PANEL_DATA).where(~generative),
        "curves": pd.Series(lacks, index=runs.index),
    }
    long = runs[[schema.STAGE, ARCHITECTURE]].assign(**gone).melt([schema.STAGE, ARCHITECTURE], None, "kind", "gone")
    return long.dropna(subset="gone").astype({"gone": "bool"})


def _gone(runs: pd.DataFrame, file: str) -> pd.Series:
    kept = [(Path(folder) / file).is_file() for folder in runs[ARTIFACTS]]
    return ~pd.Series(kept, index=runs.index, dtype="bool")

"""Learning rates that were tuned before the comparison: what each group of networks was tried at, and what it took."""

from functools import lru_cache
from typing import Literal, NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.store.load import ARCHITECTURE, EPOCHS, LR

Edge = Literal["smallest", "largest", ""]
"""Of the ladder, at which the best rate was found, so that it may lie beyond; empty within."""


class Tuning(NamedTuple):
    """Empty tables where no rate was tuned."""

    rates: pd.DataFrame
    """A row per run that chose: group, architecture, epochs, rate, state, val_iou (NaN unless complete)."""
    groups: pd.DataFrame
    """A row per group, in the fixed order of architectures: group, architecture, configurations (trained at its rate),
    rate (chosen; NaN while nothing is trained at it), edge."""


@lru_cache(maxsize=1)
def tuning(summary: Summary) -> Tuning:
    """Every run of the stage, and what the runs of the comparison say was chosen."""
    logged = [schema.RATE_GROUP, ARCHITECTURE, EPOCHS, LR, schema.STATE, schema.BEST_VAL_IOU.name]
    names = ["group", "architecture", "epochs", "rate", "state", "val_iou"]
    rates = summary.tuning[logged].set_axis(names, axis=1).astype({"epochs": "int64", "rate": "float64"})
    rates = rates.assign(val_iou=rates["val_iou"].where(rates["state"] == "complete").astype("float64"))
    rates = rates.sort_values(["group", "epochs", "rate"], ignore_index=True)
    places = {name: place for place, name in enumerate(style.in_order(rates["architecture"]))}
    groups = rates[["group", "architecture"]].drop_duplicates("group")
    groups = groups.sort_values("architecture", key=lambda names: names.map(places), kind="stable", ignore_index=True)
    trained = summary.runs.groupby(schema.RATE_GROUP)
    groups = groups.assign(
        configurations=groups["group"].map(trained[CONFIGURATION].nunique()).fillna(0).astype("int64"),
        rate=groups["group"].map(trained[LR].first()).astype("float64"),
    )
    return Tuning(rates, groups.assign(edge=groups["rate"].map(lambda rate: edge(rate, summary.study.ladder))))


def own_part(group: str, architecture: str) -> str:
    """What a group's name says beside its architecture: `depth 3, width 6 to 12`, or nothing."""
    return group.removeprefix(architecture.rpartition(":")[2]).lstrip(" ,")


def edge(rate: float, ladder: list[float]) -> Edge:
    """At which end of the ladder a chosen rate lies."""
    if len(ladder) < 2 or rate not in (min(ladder), max(ladder)):
        return ""
    return "smallest" if rate == min(ladder) else "largest"

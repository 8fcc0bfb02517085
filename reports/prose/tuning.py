"""Values of the learning rates: whether they were tuned, by which ladder, and which lie at its edge."""

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.recommendation import recommend
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.analysis.tuning import own_part, tuning
from hourglass_bench.reports.store.load import ARCHITECTURE, LR


def gather(summary: Summary) -> dict[str, object]:
    """Every group whose rate lies at the edge."""
    groups = tuning(summary).groups
    return {"rates": {**_ladder(summary), "groups": len(groups), "edges": _edges(groups)}}


def of_first_page(summary: Summary) -> dict[str, object]:
    """Of a comparison: the ladder and the edges that concern what is compared first; or the rate that was not tuned,
    where architectures are compared at it.

    The winners of a search have rates of their own.
    """
    study = summary.study
    if "comparison" not in study.stages or "search" in study.stages:
        return {"rates": None}
    if not study.ladder and summary.runs[ARCHITECTURE].nunique() < 2:
        return {"rates": None}
    if not study.ladder:
        rates = summary.runs[LR].unique()
        return {"rates": {"ladder": {}, "fixed": float(rates[0]) if len(rates) == 1 else None, "edges": {}}}
    groups, found = tuning(summary).groups, recommend(summary)
    rows = [] if found is None else [found.first, *(one.claim.b for one in found.rivals)]
    compared = summary.runs[CONFIGURATION].isin([row[CONFIGURATION] for row in rows])
    own = groups["group"].isin(summary.runs.loc[compared, schema.RATE_GROUP])
    return {"rates": {**_ladder(summary), "fixed": None, "edges": _edges(groups[own])}}


def _ladder(summary: Summary) -> dict[str, object]:
    return {"ladder": {f"{rate:g}": rate for rate in summary.study.ladder}}


def _edges(groups: pd.DataFrame) -> dict[str, object]:
    """By the place of the group among all of them."""
    own = groups[groups["edge"] != ""].to_dict("index")
    return {str(place): {**row, "group": labelled(row["group"], row["architecture"])} for place, row in own.items()}


def labelled(group: str, architecture: str) -> str:
    """A group's name with the architecture as it is called: `U-Net depth 3, width 6 to 12`."""
    return f"{style.look(architecture).label} {own_part(group, architecture)}".rstrip()

"""Values of searches: what was searched, and how far validation went."""

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.search import fronts, search_points
from hourglass_bench.reports.analysis.summary import Summary, precision
from hourglass_bench.reports.store.load import ARCHITECTURE
from hourglass_bench.reports.text import MEGABYTE

FRONT = ["val_iou", "memory_mb"]
"""What is told of both ends of a front."""


def gather(summary: Summary) -> dict[str, object]:
    """Trials and best trial of each architecture, and whether its learning rate is the smallest or largest tried."""
    study = summary.study
    if "search" not in study.stages:
        return {"search": None}
    ended, points = study.ended[study.ended[schema.STAGE] == "search"], search_points(summary)
    tried = ended.loc[ended[ARCHITECTURE] != "", ARCHITECTURE]
    networks: dict[str, dict[str, object]] = {}
    for name in style.in_order([*tried, *study.planned_units.get("search", {})]):
        own, done = ended[ended[ARCHITECTURE] == name], points[points["architecture"] == name]
        networks[name] = {"trials": len(own), "complete": (own[schema.STATE] == "complete").sum(), "best": None}
        if len(done):
            best = done.loc[done["val_iou"] == done["val_iou"].max()].iloc[0]
            rates = {"smallest": done["lr"].min(), "largest": done["lr"].max(), "several": done["lr"].nunique() > 1}
            networks[name] |= {"best": best[["val_iou", "label", "lr"]].to_dict(), "rates": rates}
    budget = None if study.memory_budget is None else study.memory_budget / MEGABYTE
    return {"search": {"budget_mb": budget, "precision": precision(summary), "networks": networks}}


def front_ends(summary: Summary) -> dict[str, object]:
    """The Pareto front of each architecture that has one: its number of trials, the cheapest and the best of them."""
    return {
        name: {"trials": len(front), "ends": front.iloc[sorted({0, len(front) - 1})][FRONT].to_dict("records")}
        for name, front in fronts(search_points(summary)).items()
    }

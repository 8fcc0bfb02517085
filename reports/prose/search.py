"""Facts of searches: what was searched, and how far validation went."""

from bench import schema
from reports import style
from reports.analysis.search import fronts, search_points
from reports.analysis.summary import Summary
from reports.prose.facts import Facts, counter
from reports.store.load import ARCHITECTURE
from reports.text import MEGABYTE, digits, significant


def gather(summary: Summary, facts: Facts) -> dict[str, object]:
    """Trials and best trial of each architecture, and whether its learning rate is the smallest or largest tried."""
    study = summary.study
    if "search" not in study.stages:
        return {"searched": False}
    if study.memory_budget is not None:
        facts.add("search.budget_mb", study.memory_budget / MEGABYTE, significant)
    ended, points = study.ended[study.ended[schema.STAGE] == "search"], search_points(summary)
    tried = ended.loc[ended[ARCHITECTURE] != "", ARCHITECTURE]
    edges = {}
    for name in style.in_order([*tried, *study.planned_units.get("search", {})]):
        own, done = ended[ended[ARCHITECTURE] == name], points[points["architecture"] == name]
        facts.add(f"search.{name}.trials", len(own), counter("trial"))
        facts.add(f"search.{name}.complete", int((own[schema.STATE] == "complete").sum()))
        edges[name] = ""
        if done.empty:
            continue
        best = done.loc[done["val_iou"] == done["val_iou"].max()].iloc[0]
        facts.add(f"search.{name}.val_iou", best["val_iou"], digits)
        facts.add(f"search.{name}.label", best["label"])
        if done["lr"].nunique() > 1 and best["lr"] in (done["lr"].min(), done["lr"].max()):
            facts.add(f"search.{name}.lr", best["lr"], significant)
            edges[name] = "smallest" if best["lr"] == done["lr"].min() else "largest"
    return {"searched": True, "edges": edges}


def add_fronts(summary: Summary, facts: Facts) -> list[str]:
    """The architectures with a Pareto front, of which the cheapest and the best point are facts."""
    found = fronts(search_points(summary))
    for name, front in found.items():
        facts.add(f"front.{name}.trials", len(front), counter("trial"))
        ends = {"cheapest": front.iloc[0], "best": front.iloc[-1]} if len(front) > 1 else {"best": front.iloc[-1]}
        for end, point in ends.items():
            facts.add(f"front.{name}.{end}.val_iou", point["val_iou"], digits)
            facts.add(f"front.{name}.{end}.memory_mb", point["memory_mb"], significant)
    return list(found)

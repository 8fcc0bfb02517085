"""What a search found: its trials, the Pareto front of each architecture, and both in words."""

import pandas as pd

from bench import schema
from reports import style
from reports.load import ARCHITECTURE, CHANNELS, LR, NORM
from reports.summary import LABEL, Summary
from reports.text import counted, digits, significant


def with_front(points: pd.DataFrame, value: str) -> pd.DataFrame:
    """Points by architecture, cheapest first, with the column `front`: none as cheap or cheaper reaches that value.

    Of points that are equal in both, the first is on the front.
    """
    points = points.sort_values(
        ["architecture", "memory_mb", value], ascending=[True, True, False], ignore_index=True, kind="stable"
    )
    best_so_far = points.groupby("architecture")[value].cummax()
    before = best_so_far.groupby(points["architecture"]).shift(fill_value=float("-inf"))
    return points.assign(front=points[value] > before)


def search_points(of: Summary) -> pd.DataFrame:
    """The complete search trials that measured both, by architecture, cheapest first."""
    done = of.search[of.search[schema.STATE] == "complete"]
    points = pd.DataFrame(
        {
            "architecture": done[ARCHITECTURE],
            "trial": done[schema.UNIT],
            "label": done[LABEL],
            "val_iou": done[schema.BEST_VAL_IOU.name],
            "memory_mb": done[schema.TENSOR_PEAK.name] / 1e6,
            "depth": done[schema.DEPTH],
            "channels": done[CHANNELS],
            "norm": done[NORM],
            "lr": done[LR].astype("float64"),
        }
    )
    return with_front(points.dropna(subset=["val_iou", "memory_mb"]), "val_iou")


def fronts(points: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The front of each architecture, in the fixed order."""
    front = points[points["front"]]
    return {name: front[front["architecture"] == name] for name in style.in_order(front["architecture"])}


def apart(of: Summary) -> list[str]:
    """What the first page says of a study that searches and compares: that its comparison leaves the trials out."""
    if "search" not in of.study.stages:
        return []
    trials = int((of.study.ended[schema.STAGE] == "search").sum())
    runs = of.study.outcomes - trials
    return [f"{counted(trials, 'search trial')} chose on validation scenes; compared here: {counted(runs, 'run')}."]


def answer(of: Summary) -> list[str]:
    """What the first page says of a study that only searches."""
    found = fronts(search_points(of))
    if not found:
        return ["No search trial is complete yet, so there is no Pareto front."]
    ends = "; ".join(
        f"{style.look(name).label} {counted(len(front), 'trial')}, {_ends(front)}" for name, front in found.items()
    )
    return [
        "This study only searches and looks at no test scene: its result is the Pareto front of each architecture, "
        f"best validation IoU against tensor peak memory, on validation scenes. On the fronts: {ends}."
    ]


def _ends(front: pd.DataFrame) -> str:
    """`0.412 at 3.10 MB to 0.701 at 40.2 MB`, the cheapest and the best point of a front."""
    ends = front.iloc[[0, -1]].drop_duplicates("trial")
    return " to ".join(
        f"{digits(point['val_iou'])} at {significant(point['memory_mb'])} MB" for _, point in ends.iterrows()
    )


def prose(of: Summary) -> list[str]:
    """What was searched, and how far validation went."""
    if "search" not in of.study.stages:
        return []
    sentences = [
        "Search trials choose hyperparameters, with one run each. They are compared on validation scenes only, never "
        "on test; the highest validation IoU of many trials is an optimistic figure."
    ]
    if of.study.memory_budget is not None:
        limit = significant(of.study.memory_budget / 1e6)
        sentences.append(f"A trial may be predicted to have a tensor peak of {limit} MB at most, the memory budget.")
    ended = of.study.ended[of.study.ended[schema.STAGE] == "search"]
    tried = ended.loc[ended[ARCHITECTURE] != "", ARCHITECTURE]
    names = style.in_order([*tried, *of.study.budget.get("search", {})])
    points = search_points(of)
    sentences += [_found(name, ended[ended[ARCHITECTURE] == name], points) for name in names]
    return [" ".join(sentences)]


def _found(name: str, ended: pd.DataFrame, points: pd.DataFrame) -> str:
    """`U-Net: 30 trials, 28 complete, best validation IoU 0.701 (unet-017, depth 3, width 16).`"""
    complete = int((ended[schema.STATE] == "complete").sum())
    counts = f"{style.look(name).label}: {counted(len(ended), 'trial')}, {complete} complete"
    own = points[points["architecture"] == name]
    if own.empty:
        return f"{counts}."
    best = own.loc[own["val_iou"] == own["val_iou"].max()].iloc[0]
    found = f"{counts}, best validation IoU {digits(best['val_iou'])} ({best['label']})."
    return found + _edge(best["lr"], own["lr"])


def _edge(best: float, tried: pd.Series) -> str:
    """A warning if the best learning rate is the smallest or largest that was tried."""
    if tried.nunique() == 1 or tried.min() < best < tried.max():
        return ""
    end = "smallest" if best == tried.min() else "largest"
    return f" Its learning rate, {significant(best)}, is the {end} tried: beyond it there may be a better one."

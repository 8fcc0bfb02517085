"""What a search found: its trials, the Pareto front of each architecture, and both in words."""

import pandas as pd

from bench import schema
from reports import style
from reports.analysis.summary import LABEL, Summary
from reports.prose.said import Say
from reports.store.load import ARCHITECTURE, CHANNELS, LR, NORM
from reports.text import MEGABYTE, counted, digits, significant


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
            "memory_mb": done[schema.TENSOR_PEAK.name] / MEGABYTE,
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


def apart(of: Summary, say: Say) -> list[str]:
    """What the first page says of a study that searches and compares: that its comparison leaves the trials out."""
    if "search" not in of.study.stages:
        return []
    trials, runs = (int((of.study.ended[schema.STAGE] == stage).sum()) for stage in ("search", "comparison"))
    tried = say("search.trials", trials, lambda count: counted(count, "search trial"))
    compared = say("search.compared", runs, lambda count: counted(count, "run"))
    return [f"{tried} chose on validation scenes; compared here: {compared}."]


def answer(of: Summary, say: Say) -> list[str]:
    """What the first page says of a study that only searches."""
    found = fronts(search_points(of))
    if not found:
        return ["No search trial is complete yet, so there is no Pareto front."]
    ends = "; ".join(
        f"{style.look(name).label} {say(f'front.{name}.trials', len(front), _trials)}, {_ends(say, name, front)}"
        for name, front in found.items()
    )
    return [
        "This study only searches and looks at no test scene: its result is the Pareto front of each architecture, "
        f"best validation IoU against tensor peak memory, on validation scenes, of one run each. On the fronts: {ends}."
    ]


def _trials(count: int) -> str:
    return counted(count, "trial")


def _ends(say: Say, name: str, front: pd.DataFrame) -> str:
    """`0.412 at 3.10 MB to 0.701 at 40.2 MB`, the cheapest and the best point of a front."""
    ends = {"cheapest": front.iloc[0], "best": front.iloc[-1]} if len(front) > 1 else {"best": front.iloc[-1]}
    return " to ".join(
        f"{say(f'front.{name}.{end}.val_iou', point['val_iou'], digits)} at "
        f"{say(f'front.{name}.{end}.memory_mb', point['memory_mb'], significant)} MB"
        for end, point in ends.items()
    )


def prose(of: Summary, say: Say) -> list[str]:
    """What was searched, and how far validation went."""
    if "search" not in of.study.stages:
        return []
    sentences = [
        "Search trials choose hyperparameters, with one run each. They are compared on validation scenes only, never "
        "on test; the highest validation IoU of many trials is an optimistic figure."
    ]
    if of.study.memory_budget is not None:
        limit = say("search.budget_mb", of.study.memory_budget / MEGABYTE, significant)
        sentences.append(f"A trial may be predicted to have a tensor peak of {limit} MB at most, the memory budget.")
    ended = of.study.ended[of.study.ended[schema.STAGE] == "search"]
    tried = ended.loc[ended[ARCHITECTURE] != "", ARCHITECTURE]
    names = style.in_order([*tried, *of.study.planned_units.get("search", {})])
    points = search_points(of)
    sentences += [_found(say, name, ended[ended[ARCHITECTURE] == name], points) for name in names]
    return [" ".join(sentences)]


def _found(say: Say, name: str, ended: pd.DataFrame, points: pd.DataFrame) -> str:
    """`U-Net: 30 trials, 28 complete, best validation IoU 0.701 (unet-017, depth 3, width 16).`"""
    complete = say(f"search.{name}.complete", int((ended[schema.STATE] == "complete").sum()))
    counts = f"{style.look(name).label}: {say(f'search.{name}.trials', len(ended), _trials)}, {complete} complete"
    own = points[points["architecture"] == name]
    if own.empty:
        return f"{counts}."
    best = own.loc[own["val_iou"] == own["val_iou"].max()].iloc[0]
    iou, label = (say(f"search.{name}.{key}", best[key], show) for key, show in (("val_iou", digits), ("label", str)))
    found = f"{counts}, best validation IoU {iou} ({label})."
    return found + _edge(say, name, best["lr"], own["lr"])


def _edge(say: Say, name: str, best: float, tried: pd.Series) -> str:
    """A warning if the best learning rate is the smallest or largest that was tried."""
    if tried.nunique() == 1 or tried.min() < best < tried.max():
        return ""
    end, rate = "smallest" if best == tried.min() else "largest", say(f"search.{name}.lr", best, significant)
    return f" Its learning rate, {rate}, is the {end} tried: the best may lie beyond it."

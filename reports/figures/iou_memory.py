"""Test IoU against tensor peak memory: what a memory budget buys, and what no network costs."""

import math
from collections.abc import Hashable, Mapping
from functools import lru_cache
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.baselines import baseline_scores
from hourglass_bench.reports.analysis.choices import choices
from hourglass_bench.reports.analysis.recommendation import recommend, within_budgets
from hourglass_bench.reports.analysis.search import fronts, with_front
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, precision
from hourglass_bench.reports.figures.base import (
    NoDataError,
    Plot,
    cut_by,
    draw_scores,
    marks_are,
    measured_points,
    ranges,
    score_limits,
)

MOST_LABELS = 16
MOST_LETTERS = 14
"""Of a mark's label."""
REACH = 1.0
"""A rule below the marks and the best rule is drawn if it is no farther off than these from each other, times this."""
NAME_WIDTH, NAME_HEIGHT = 15, 0.05
"""Of the rules' names at the right end: letters in a line, and its share of the axis."""
WORTHLESS = "#F3F3F3"
"""Behind scores that a rule without a network has as well."""


class IouMemory(NamedTuple):
    """One row per configuration, the rules without a network, and what to take."""

    points: pd.DataFrame
    """Columns as `measured_points`, and `front`: no cheaper configuration of its architecture has a higher mean."""
    baselines: pd.DataFrame
    """baseline, mean (test IoU, of whole scenes), best and drawn; the highest first."""
    choices: pd.DataFrame
    """budget_mb, number of the configuration that validation puts first within it."""
    taken: pd.DataFrame
    """number of each configuration that the first page says to take."""
    precision: str
    """Arithmetic in which the memory was measured."""


@lru_cache(maxsize=1)
def record(summary: Summary) -> IouMemory:
    """Configurations with a test IoU and a tensor peak, cheapest first within their architecture."""
    points = measured_points(summary).dropna(subset="memory_mb")
    if points.empty:
        raise NoDataError("no complete run logged its tensor peak memory.")
    made = [(choice.budget_mb, int(choice.row[CONFIGURATION])) for choice in choices(summary)]
    chosen = pd.DataFrame(made, columns=["budget_mb", "number"])
    taken = pd.DataFrame({"number": _taken(summary)}, dtype="int64")
    return IouMemory(with_front(points, "mean"), _baselines(summary, points["mean"]), chosen, taken, precision(summary))


def _taken(summary: Summary) -> list[int]:
    """What is recommended over all, and within the budgets that this exceeds; nothing that is not shown to learn."""
    found = recommend(summary)
    if found is None:
        return []
    rows = [found.taken, *(one.taken for one in within_budgets(summary, found))]
    return [int(row[CONFIGURATION]) for row in rows if row is not None]


def _baselines(summary: Summary, means: pd.Series) -> pd.DataFrame:
    """Those that were measured; one that is far below everything else would squeeze the marks, and is not drawn."""
    table = baseline_scores(summary)
    column = f"{schema.TEST_IOU.column} mean"
    whole = table[table["split"] != "random_frames"].rename(columns={column: "mean"})[["baseline", "mean"]]
    found = whole.groupby("baseline").mean().dropna().sort_values("mean", ascending=False).reset_index()
    low, high = min([means.min(), *found["mean"][:1]]), max([means.max(), *found["mean"][:1]])
    return found.assign(best=found.index == 0, drawn=found["mean"] >= low - REACH * (high - low))


def draw(shown: IouMemory) -> Figure:
    """Marks with whiskers, the front of each architecture as a step line, the rules and the budgets."""
    figure, ((axis,),) = style.panels(1, height=2.9)
    for name, front in fronts(shown.points).items():
        axis.step(front["memory_mb"], front["mean"], where="post", **style.look(name).lined, linewidth=0.9)
    drawn = _drawn(shown)
    draw_scores(axis, shown.points, "memory_mb", drawn["mean"].to_list())
    _draw_baselines(axis, drawn)
    taken = shown.points[shown.points["number"].isin(shown.taken["number"])]
    axis.plot(taken["memory_mb"], taken["mean"], "o", markersize=10, markerfacecolor="none", color="black", zorder=4)
    budgets = {f"{text.round_number(budget)} MB": budget for budget in shown.choices["budget_mb"]}
    style.memory_axis(axis, budgets, shown.precision)
    _draw_labels(figure, axis, shown)
    axis.set_ylabel("test IoU")
    style.architecture_legend(figure, shown.points["architecture"])
    return figure


def _drawn(shown: IouMemory) -> pd.DataFrame:
    return shown.baselines[shown.baselines["drawn"]]


def _draw_baselines(axis: Axes, rules: pd.DataFrame) -> None:
    """A line for each, named at its right end; comes after the limits."""
    low, high = axis.get_ylim()
    for best in rules.loc[rules["best"], "mean"]:
        axis.axhspan(low, best, color=WORTHLESS, linewidth=0, zorder=0)
    names = [fill(schema.BASELINES[name], NAME_WIDTH) for name in rules["baseline"]]
    places = _apart((rules["mean"].to_numpy() - low) / (high - low), [name.count("\n") + 1 for name in names])
    beside: dict[str, Any] = {"transform": axis.transAxes, "va": "center", "fontsize": 6}
    for mean, best, name, place in zip(rules["mean"], rules["best"], names, places, strict=True):
        axis.axhline(mean, color=style.GREY, linewidth=0.9 if best else 0.6, zorder=1)
        axis.text(1.005, place, name, color="black" if best else style.TEXT, **beside)


def _apart(places: np.ndarray, lines: list[int]) -> list[float]:
    """The middles of names, in parts of the axis, as near to their falling places as their lines of text allow."""
    found: list[float] = []
    for place, count, before in zip(places, lines, [0, *lines], strict=False):
        least = found[-1] - NAME_HEIGHT * (count + before) / 2 if found else math.inf
        found.append(min(float(place), least))
    return found


def _draw_labels(figure: Figure, axis: Axes, shown: IouMemory) -> None:
    """A name beside each mark; one that would lie on another is left out, those on a front last."""
    figure.canvas.draw()  # so that places are known
    taken: list[Bbox] = []
    for point in named(shown).to_dict("records"):
        if not (words := name(point)):
            continue
        for offset in ((5, -9), (5, 4), (-16, 4), (-16, -9)):
            label = style.name_mark(axis, words, point["memory_mb"], point["mean"], offset, bbox=style.PAPER)
            box = label.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            label.remove()


def name(point: Mapping[Hashable, Any]) -> str:
    """Depth/base width, or what else tells a configuration from others of its architecture, if that is short."""
    if not pd.isna(point["depth"]):
        return f"{point['depth']}/{point['width']}"
    return str(point["configuration"]) if len(point["configuration"]) <= MOST_LETTERS else ""


def named(shown: IouMemory) -> pd.DataFrame:
    """The marks with labels, the most important first; of too many those to take, and some of the front."""
    points = shown.points.sort_values("front", ascending=False, kind="stable")
    if len(points) <= MOST_LABELS:
        return points
    ringed = points["number"].isin(shown.taken["number"])
    front = points[points["front"] & ~ringed]
    return pd.concat([points[ringed], front.iloc[:: math.ceil(len(front) / MOST_LABELS) or 1]])


def caption(shown: IouMemory) -> str:
    """What the marks, lines and labels are."""
    drawn = _drawn(shown)
    cut = cut_by(shown.points, *score_limits(shown.points, drawn["mean"].to_list()))
    rules = " Grey lines: rules without a network; shaded: no higher than the best of them." if len(drawn) else ""
    ring = (
        "Ring: what to take, over all and within dotted memory budgets"
        if len(shown.taken)
        else "No ring: nothing to take"
    )
    unsized = shown.points["depth"].isna()
    kinds = {"depth/width": not unsized.all(), "what else differs, if that is short": unsized.any()}
    label = " or ".join(kind for kind, present in kinds.items() if present)
    return (
        f"Test IoU against tensor peak memory. {marks_are(shown.points, cut=cut)}; label: {label}; "
        f"step line: highest mean up to that memory. {ring}.{rules}"
    )


def alt(shown: IouMemory) -> str:
    """Ranges of IoU and memory, and the rules without a network."""
    memory = shown.points["memory_mb"]
    rules = [
        f"{schema.BASELINES[name]} {text.digits(mean)}{'' if drawn else ' (below the axis)'}"
        for name, mean, drawn in shown.baselines[["baseline", "mean", "drawn"]].itertuples(index=False)
    ]
    return (
        f"Scatter plot of mean test IoU against tensor peak memory between {memory.min():.3g} and "
        f"{memory.max():.3g} MB. Mean test IoU: {ranges(shown.points)}."
        + (f" Without a network: {', '.join(rules)}." if rules else "")
    )


PLOT = Plot(section="answer", record=record, draw=draw, caption=caption, alt=alt)

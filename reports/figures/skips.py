"""Test IoU against the number of skip connections: from none to all of them."""

import json
from itertools import zip_longest
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.skips import with_and_without, without_option
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, highest, listed_labels, varying
from hourglass_bench.reports.figures.base import (
    NoDataError,
    NotVariedError,
    Plot,
    cut_scores,
    draw_scores,
    lack,
    marks_are,
    measured_points,
    ranges,
)
from hourglass_bench.reports.store.load import ARCHITECTURE, LATENT, SKIPS

MOST_SIZES = 4
"""Of more, only the best of each depth is drawn."""
LINES: tuple[style.LineStyle, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
GREYS = ("#202020", "#505050", "#808080")
OFFSET, STEP = 0.06, 0.16
"""Shift along x between sizes, and between the subsets of one size and dose."""


class Skips(NamedTuple):
    """One row per configuration of the architectures of `with_and_without`."""

    points: pd.DataFrame
    """Columns as `measured_points`, `size` (depth/base width, and the flat latent if there are several), `dose` (number
    of skip connections) and `levels`."""
    chosen: bool
    """Whether only the best size of each depth is there, by validation."""
    others: list[str]
    """Architectures without an option for skip connections."""


def record(summary: Summary) -> Skips:
    """The sizes (everything equal but the skip connections) that were tested with two numbers of them at least."""
    measured, compared = measured_points(summary), with_and_without(summary)
    if not compared:
        raise NotVariedError("no complete run is of a network of which skip connections can be asked.")
    points = measured.join(_networks(summary), on="number", how="inner")
    points = points[points.groupby("group")["dose"].transform("nunique") > 1]
    if points.empty:
        names = " or ".join(style.look(name).label for name in reversed(compared))
        raise NoDataError(f"no complete runs of {names} differ in nothing but their skip connections.")
    latents = ", latent " + points["latent"].astype("str") if points["latent"].nunique() > 1 else ""
    points = points.assign(size=points["depth"].astype("str") + "/" + points["width"].astype("str") + latents)
    groups = points.drop_duplicates("group")["size"]
    chosen = len(groups) > MOST_SIZES or groups.duplicated().any()
    if chosen:
        points = points[points["group"].isin(_best_groups(summary, points))]
    shown = points.sort_values(["depth", "width", "dose", "levels"], ignore_index=True)
    return Skips(shown.drop(columns=["group", "latent"]), bool(chosen), without_option(summary))


def _networks(summary: Summary) -> pd.DataFrame:
    """Columns group, latent, dose and levels of every configuration, by its number."""
    runs = summary.runs[summary.runs[ARCHITECTURE].isin(with_and_without(summary))]
    equal = [name for name in varying(runs) if name not in (ARCHITECTURE, SKIPS)]
    networks = runs.drop_duplicates(CONFIGURATION).set_index(CONFIGURATION)
    levels = networks[SKIPS].map(json.loads)
    return pd.DataFrame(
        {
            "group": networks.groupby(equal, dropna=False).ngroup() if equal else 0,
            "latent": networks[LATENT],
            "dose": levels.map(len),
            "levels": levels.map(lambda summary: ",".join(map(str, summary))),
        }
    )


def _best_groups(summary: Summary, points: pd.DataFrame) -> pd.Series:
    """Of each depth the group that has its best configuration by validation."""
    table = summary.configurations[summary.configurations[CONFIGURATION].isin(points["number"])]
    best = [highest(rows)[CONFIGURATION] for _, rows in table.groupby(schema.DEPTH)]
    groups: pd.Series = points.loc[points["number"].isin(best), "group"]
    return groups


def draw(shown: Skips) -> Figure:
    """Marks with whiskers, and a line through the mean at each dose for every size."""
    figure, ((axis,),) = style.panels(1, height=2.0)
    sizes = list(dict.fromkeys(shown.points["size"]))
    offsets = {size: OFFSET * (place - (len(sizes) - 1) / 2) for place, size in enumerate(sizes)}
    for place, (size, offset) in enumerate(offsets.items()):
        means = shown.points[shown.points["size"] == size].groupby("dose")["mean"].mean()
        axis.plot(means.index + offset, means, zorder=1, **_line(place))
    subsets = shown.points.groupby(["size", "dose"])["levels"]
    rank, count = subsets.cumcount(), subsets.transform("size")
    middle = shown.points["dose"] + shown.points["size"].map(offsets)
    points = shown.points.assign(x=middle + STEP * (rank - (count - 1) / 2))
    draw_scores(axis, points, "x")
    for point in points[count > 1].itertuples():
        style.name_mark(axis, str(point.levels), point.x, point.mean, (4, 3))
    axis.set(xlabel="skip connections", ylabel="test IoU", xticks=range(shown.points["dose"].max() + 1))
    axis.margins(x=0.08)
    _draw_legend(figure, shown, sizes)
    return figure


def _line(place: int) -> dict[str, Any]:
    """Greys, since the colours belong to the architectures."""
    return {"color": GREYS[place % len(GREYS)], "linestyle": LINES[place % len(LINES)], "linewidth": 0.9}


def _draw_legend(figure: Figure, shown: Skips, sizes: list[str]) -> None:
    """A row for the architectures, and one for the sizes if they are several."""
    looks = map(style.look, style.in_order(shown.points["architecture"]))
    marks = [Line2D([], [], **look.marked, label=look.label) for look in looks]
    lines = [Line2D([], [], label=size, **_line(place)) for place, size in enumerate(sizes)]
    # A line per depth needs no name: it ends where that depth has all its skip connections.
    if len(sizes) > 1 and not shown.chosen:
        # Legends fill their columns first.
        pairs = zip_longest(marks, lines, fillvalue=Line2D([], [], linestyle="none", label=" "))
        marks = [handle for pair in pairs for handle in pair]
    style.legend(figure, marks, 2 if shown.chosen else max(2, len(sizes)), handlelength=2.5)


def caption(shown: Skips) -> str:
    """What marks, lines and labels are."""
    sizes = text.listed(list(dict.fromkeys(shown.points["size"])))
    best = ", of each depth the size with the best validation IoU" if shown.chosen else ""
    several = shown.points.duplicated(["size", "dose"]).any()
    labels = " Label: the levels that are connected, of which 1 is the outermost." if several else ""
    most = shown.points.groupby("architecture")["dose"].max()
    return (
        "Test IoU against the number of skip connections, of networks that are equal otherwise"
        f"{_none(list(most.index[most == 0]))}.{lack(shown.others, 'such option')} "
        f"{marks_are(shown.points, cut=cut_scores(shown.points))}. Line: mean at each number for depth/width "
        f"{sizes}{best}.{labels}"
    )


def _none(architectures: list[str]) -> str:
    """Which architectures have no skip connections."""
    verb = "has" if len(architectures) == 1 else "have"
    return f"; {listed_labels(architectures)} {verb} none" if architectures else ""


def alt(shown: Skips) -> str:
    """The mean IoU at each number of skip connections."""
    means = shown.points.groupby("dose")["mean"].mean()
    each = ", ".join(f"{text.digits(mean)} with {dose}" for dose, mean in means.items())
    return (
        f"Plot of mean test IoU against the number of skip connections: {each}. Mean test IoU: {ranges(shown.points)}."
    )


PLOT = Plot(section="depth", record=record, draw=draw, caption=caption, alt=alt)

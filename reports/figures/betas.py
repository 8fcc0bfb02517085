"""How VAEs of several betas, depths and widths are told apart: by the filling of their marks, and by their lines."""

from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.generative import STAGE, latent_points
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures.base import NoDataError, by_architecture

SHADES = (1.0, 0.0, 0.4, 0.7)
"""How much of its architecture's colour a mark is filled with, the rest is white: from the lowest beta on."""
LINES: tuple[style.LineStyle, ...] = ("-", "--", ":", "-.")


class Series(NamedTuple):
    """Points that share an architecture and, of VAEs, a beta."""

    architecture: str
    label: str
    points: pd.DataFrame
    filling: dict[str, Any]
    """How its marks differ from those of the architecture, as matplotlib calls it."""


def series(points: pd.DataFrame, among: pd.DataFrame | None = None) -> list[Series]:
    """All of them, architectures in their fixed order; points as `latent_points`.

    A beta has the shade that it has `among` all points of a figure; these are all if None.
    """
    betas = sorted((points if among is None else among)["beta"].dropna().unique())
    found = []
    for name, own in by_architecture(points):
        look = style.look(name)
        if own["beta"].isna().all():
            found.append(Series(name, look.label, own, {}))
            continue
        for beta in sorted(own["beta"].unique()):
            share = SHADES[betas.index(beta) % len(SHADES)]
            face = tuple(1 - share * (1 - part) for part in to_rgb(look.colour))
            # With an edge of their own colour marks of all shades are as large.
            filling = {"markerfacecolor": face, "markeredgecolor": look.colour, "markeredgewidth": 0.8}
            label = f"{look.label} (beta {beta:g})"
            found.append(Series(name, label, own[own["beta"] == beta], filling))
    return found


def mask_vaes(summary: Summary, metric: schema.Metric) -> pd.DataFrame:
    """The points of VAEs of masks, with their `size`: depth, and the base width if there are several.

    Raises:
        NoDataError: there are none.
    """
    points = latent_points(summary.others.get(STAGE), metric)
    points = points[points["beta"].notna() & (points["target"] == "mask")]
    if points.empty:
        raise NoDataError("no complete run of a VAE of masks was tested on whole scenes.")
    width = "/" + points["width"].astype("str") if points["width"].nunique() > 1 else ""
    points = points.assign(size="depth " + points["depth"].astype("str") + width)
    return points.sort_values(["depth", "width", "beta", "latent", "number"], ignore_index=True)


def lines(points: pd.DataFrame) -> dict[str, Any]:
    """The line style of each size, from shallow to deep."""
    sizes = points.sort_values(["depth", "width"])["size"].unique()
    return {size: LINES[place % len(LINES)] for place, size in enumerate(sizes)}


def draw_lines(axis: Axes, points: pd.DataFrame, x: str, y: str, *, marked: bool = False, **options: Any) -> None:
    """For each beta and size a line through the means at each latent size, with marks if asked; as `mask_vaes`."""
    sizes = lines(points)
    for one in series(points):
        look = style.look(one.architecture)
        marks = {"marker": look.marker} if marked else {}
        for size, own in one.points.groupby("size"):
            means_of, line = own.groupby("latent")[[x, y]].mean(), sizes[str(size)]
            drawn = {"color": look.colour, "linestyle": line, "linewidth": 0.8, **marks, **one.filling, **options}
            axis.plot(means_of[x], means_of[y], **drawn)


def line_handles(points: pd.DataFrame) -> list[Line2D]:
    """For a legend: a mark for each beta, and a line for each size if there are several; points as `mask_vaes`."""
    sizes, every = lines(points), series(points)
    looks = [style.look(one.architecture) for one in every]
    marks = [
        Line2D([], [], **look.marked, label=one.label, **one.filling) for look, one in zip(looks, every, strict=True)
    ]
    if len(sizes) == 1:
        return marks
    alike: dict[str, Any] = {"color": looks[0].colour, "linewidth": 0.8}
    return marks + [Line2D([], [], **alike, linestyle=line, label=size) for size, line in sizes.items()]


def latent_axis(axis: Axes, points: pd.DataFrame) -> None:
    """The x axis of latent sizes, two octaves long or longer; comes after the drawing."""
    low, high = points["latent"].min(), points["latent"].max()
    if high < 4 * low:
        middle = (low * high) ** 0.5
        axis.set_xlim(middle / 2.2, middle * 2.2)
    style.binary_axis(axis)
    axis.set_xlabel("latent numbers")

"""Test IoU against depth, a panel for each base width."""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import style
from reports.figures.base import (
    CROPPED,
    WHISKERS,
    Plot,
    Whiskers,
    by_architecture,
    draw_whiskers,
    measured_points,
    ranges,
    seeds,
)
from reports.summary import Summary

MOST_PANELS = 4
OFFSET = 0.09
"""Shift along x between architectures, so that whiskers at the same depth do not hide each other."""


class Depth(NamedTuple):
    """One row per configuration."""

    points: pd.DataFrame
    """Columns as `measured_points`, and `panel`, its title."""


def record(of: Summary) -> Depth:
    """A panel per base width; a single one where widths are too many to be told apart."""
    points = measured_points(of)
    if points["width"].nunique() > MOST_PANELS:
        return Depth(points.assign(panel="all base widths"))
    points = points.sort_values("width", kind="stable", ignore_index=True)
    return Depth(points.assign(panel=[f"base width {width}" for width in points["width"]]))


def draw(shown: Depth) -> Figure:
    """Marks with whiskers; lines join the means at each depth."""
    names = style.in_order(shown.points["architecture"])
    panels = list(shown.points.groupby("panel", sort=False))
    figure, (axes,) = style.panels(len(panels), height=2.1, sharey=True)
    for axis, (title, points) in zip(axes, panels, strict=True):
        for marks in by_architecture(points):
            _draw_line(axis, marks, OFFSET * (names.index(marks.architecture) - (len(names) - 1) / 2))
        axis.set(title=title, xlabel="depth", xticks=sorted(set(shown.points["depth"])))
        axis.margins(x=0.15)
    axes[0].set_ylabel("test IoU")
    style.architecture_legend(figure, axes[0], names)
    return figure


def _draw_line(axis: Axes, marks: Whiskers, offset: float) -> None:
    look = style.look(marks.architecture)
    means = marks.points.groupby("depth")["mean"].mean()
    axis.plot(means.index + offset, means, color=look.colour, linestyle=look.line)
    shifted = marks.points.assign(depth=marks.points["depth"] + offset)
    draw_whiskers(axis, Whiskers(marks.architecture, shifted), "depth")


def caption(shown: Depth) -> str:
    """What marks and lines are."""
    return (
        f"Test IoU against depth, by base width (the width of the outermost level). {WHISKERS} "
        f"({seeds(shown.points)}); line: mean of the configurations at a depth. " + CROPPED
    )


def alt(shown: Depth) -> str:
    """Ranges of depth and IoU."""
    depth = shown.points["depth"]
    return f"Plot of mean test IoU against depth {depth.min()} to {depth.max()}. Mean test IoU: {ranges(shown.points)}."


PLOT = Plot(section="depth", record=record, draw=draw, caption=caption, alt=alt)

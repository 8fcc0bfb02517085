"""Test IoU against the size of the bottleneck: its elements, and the side of its map."""

from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from reports import style
from reports.figures.base import (
    CROPPED,
    WHISKERS,
    NoDataError,
    Plot,
    by_architecture,
    draw_whiskers,
    measured_points,
    ranges,
    seeds,
)
from reports.summary import Summary

AXES = {
    "elements": "bottleneck elements (channels × height × width)",
    "side": "shorter side of the bottleneck map",
}


class Bottleneck(NamedTuple):
    """One row per configuration."""

    points: pd.DataFrame
    """Columns as `measured_points`, and the measured bottleneck's `elements` and `side`."""


def record(of: Summary) -> Bottleneck:
    """Configurations whose runs agree on one measured bottleneck."""
    points = measured_points(of)
    shape = points["bottleneck"].str.extract(r"^(?P<channels>\d+)x(?P<height>\d+)x(?P<width>\d+)$").astype("float64")
    points = points.assign(elements=shape.prod(axis=1, skipna=False), side=shape[["height", "width"]].min(axis=1))
    if points["elements"].isna().all():
        raise NoDataError("no complete run logged its measured bottleneck.")
    return Bottleneck(points.dropna(subset="elements").reset_index(drop=True))


def draw(shown: Bottleneck) -> Figure:
    """Two panels with a common IoU axis."""
    figure, (axes,) = style.panels(2, height=2.1, sharey=True)
    for axis, (column, label) in zip(axes, AXES.items(), strict=True):
        for marks in by_architecture(shown.points):
            draw_whiskers(axis, marks, column)
        style.binary_axis(axis)
        axis.set_xlabel(label)
    axes[0].set_ylabel("test IoU")
    style.architecture_legend(figure, axes[0], style.in_order(shown.points["architecture"]), lines=False)
    return figure


def caption(shown: Bottleneck) -> str:
    """What the marks are."""
    return (
        "Test IoU against the measured bottleneck, on the left its number of elements, on the right the side of its "
        f"map in pixels. {WHISKERS} ({seeds(shown.points)}). {CROPPED}"
    )


def alt(shown: Bottleneck) -> str:
    """Ranges of size and IoU."""
    elements = shown.points["elements"]
    return (
        f"Scatter plots of mean test IoU against bottleneck size, {elements.min():,.0f} to {elements.max():,.0f} "
        f"elements. Mean test IoU: {ranges(shown.points)}."
    )


PLOT = Plot(section="depth", record=record, draw=draw, caption=caption, alt=alt)

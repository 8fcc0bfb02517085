"""Test IoU against the size of the person: where the errors are."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench import schema
from reports import style, text
from reports.analysis.frame_tables import best_tables, sample, scene_estimates, sizes
from reports.analysis.summary import Summary
from reports.figures.base import (
    INTERVAL,
    NoDataError,
    Plot,
    Whiskers,
    by_architecture,
    cropped,
    draw_whiskers,
    score_limits,
)

BINS = 5
OFFSET = 0.015
"""Shift along x between architectures, as a share of the axis, so that whiskers do not hide each other."""


class PersonSize(NamedTuple):
    """The best configuration of each architecture."""

    points: pd.DataFrame
    """architecture, bin, size (median, % of the frame), mean, low, high, repeats, scenes."""
    bins: pd.DataFrame
    """bin, low and high (% of the frame), median, frames: the same for every architecture."""


def record(summary: Summary) -> PersonSize:
    """Bins with equally many of the test frames."""
    table = best_tables(summary, schema.FRAME_TABLE, ["stem", schema.FRAME_FOREGROUND, schema.TEST_IOU.column])
    if table.empty:
        raise NoDataError("no complete run of the best configurations kept its table of test frames.")
    table["size"] = 100 * table[schema.FRAME_FOREGROUND]
    # Each frame once, however many runs were tested on it.
    frames = table.drop_duplicates("stem")["size"]
    edges = np.unique(np.quantile(frames, np.linspace(0, 1, BINS + 1)))
    bins = _described(frames, edges)
    table["bin"] = _places(table["size"], edges)
    found = [
        scene_estimates(own, schema.TEST_IOU.column, "bin").rename_axis("bin").reset_index().assign(architecture=name)
        for name, own in table.groupby("architecture")
    ]
    counts = [
        {"architecture": name, "bin": place, **sizes(own)}
        for (name, place), own in table.groupby(["architecture", "bin"])
    ]
    points = pd.concat(found).merge(pd.DataFrame(counts), on=["architecture", "bin"])
    medians = bins.set_index("bin")["median"].rename("size")
    return PersonSize(points.join(medians, on="bin"), bins)


def _places(values: pd.Series, edges: np.ndarray) -> np.ndarray:
    """Number of the bin of each value, from 0; a bin holds its upper edge, the first one both."""
    places: np.ndarray = np.clip(np.searchsorted(edges, values) - 1, 0, max(0, len(edges) - 2))
    return places


def _described(frames: pd.Series, edges: np.ndarray) -> pd.DataFrame:
    groups = frames.groupby(_places(frames, edges))
    return groups.agg(low="min", high="max", median="median", frames="size").rename_axis("bin").reset_index()


def draw(shown: PersonSize) -> Figure:
    """Lines join the bins."""
    names = style.in_order(shown.points["architecture"])
    figure, ((axis,),) = style.panels(1, height=2.1, width=style.HALF_WIDTH)
    step = OFFSET * np.ptp(shown.points["size"])
    for name, points in by_architecture(shown.points):
        _draw_line(axis, name, points, step * (names.index(name) - (len(names) - 1) / 2))
    axis.set(xlabel="size of the person (% of the frame)", ylabel="test IoU", ylim=score_limits(shown.points))
    style.architecture_legend(figure, axis, names)
    return figure


def _draw_line(axis: Axes, name: str, points: pd.DataFrame, shift: float) -> None:
    look, shifted = style.look(name), points.assign(size=points["size"] + shift)
    axis.plot(shifted["size"], shifted["mean"], color=look.colour, linestyle=look.line)
    draw_whiskers(axis, Whiskers(name, shifted), "size")


def caption(shown: PersonSize) -> str:
    """What bins, marks and whiskers are."""
    frames = text.counted_range(shown.bins["frames"], "frame")
    return (
        "Test IoU against the share of the frame that is foreground, for each architecture at its "
        f"best by validation. Mark: mean in a bin of test frames by quantiles of this share ({frames} each), at "
        f"its median; a scene's frames in a bin are averaged first. Whisker: its {INTERVAL} "
        f"({sample(shown.points)} per bin). {cropped(shown.points)}"
    )


def alt(shown: PersonSize) -> str:
    """IoU of the smallest and the largest persons."""
    each = [
        f"{style.look(name).label} {text.digits(points['mean'].iloc[0])} to {text.digits(points['mean'].iloc[-1])}"
        for name, points in by_architecture(shown.points)
    ]
    medians = shown.bins["median"]
    return (
        f"Lines of mean test IoU against the size of the person, {medians.iloc[0]:.1f} to "
        f"{medians.iloc[-1]:.1f} % of the frame. Mean test IoU of the smallest and the largest: {'; '.join(each)}."
    )


PLOT = Plot(section="boundary", width="half", record=record, draw=draw, caption=caption, alt=alt)

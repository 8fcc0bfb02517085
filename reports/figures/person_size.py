"""Test IoU against the size of the person: where the errors are."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.frame_tables import best_tables, sample, scene_estimates, sizes
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures.base import (
    NoDataError,
    Plot,
    by_architecture,
    cut_scores,
    draw_scores,
    ends,
    interval,
    readable,
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
    with readable():
        table = best_tables(summary, schema.FRAME_TABLE, ["stem", schema.FRAME_FOREGROUND, schema.TEST_IOU.column])
    if table.empty:
        raise NoDataError("no complete run of the best configurations kept its table of test frames.")
    table["size"] = 100 * table[schema.FRAME_FOREGROUND]
    # Each frame once, however many runs were tested on it.
    frames = table.drop_duplicates("stem")["size"]
    edges = np.unique(np.quantile(frames, np.linspace(0, 1, BINS + 1)))
    groups = frames.groupby(_places(frames, edges))
    bins = groups.agg(low="min", high="max", median="median", frames="size").rename_axis("bin").reset_index()
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


def draw(shown: PersonSize) -> Figure:
    """Lines join the bins."""
    figure, ((axis,),) = style.panels(1, height=2.1, width=style.HALF_WIDTH)
    names, step = style.in_order(shown.points["architecture"]), OFFSET * np.ptp(shown.points["size"])
    places = shown.points["architecture"].map(names.index) - (len(names) - 1) / 2
    points = shown.points.assign(size=shown.points["size"] + step * places)
    for name, own in by_architecture(points):
        axis.plot(own["size"], own["mean"], **style.look(name).lined)
    draw_scores(axis, points, "size")
    axis.set(xlabel="size of the person (% of the frame)", ylabel="test IoU")
    style.architecture_legend(figure, names)
    return figure


def caption(shown: PersonSize) -> str:
    """What marks and whiskers are."""
    whisker = interval(sample(shown.points), cut=cut_scores(shown.points))
    return f"Test IoU by size of the foreground, in bins, each architecture at its best. Whisker: {whisker}."


def alt(shown: PersonSize) -> str:
    """IoU of the smallest and the largest persons."""
    medians = shown.bins["median"]
    return (
        f"Lines of mean test IoU against the size of the person, {medians.iloc[0]:.1f} to "
        f"{medians.iloc[-1]:.1f} % of the frame. Mean test IoU of the smallest and the largest: {ends(shown.points)}."
    )


PLOT = Plot(section="boundary", width="half", record=record, draw=draw, caption=caption, alt=alt)

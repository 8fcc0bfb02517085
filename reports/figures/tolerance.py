"""How much of the boundaries agrees, against the distance that is still called agreement."""

import pandas as pd
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.frame_tables import KEYS, best_tables, sample, scene_estimates, sizes
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures.base import (
    NoDataError,
    Plot,
    Points,
    cut_scores,
    draw_arrows,
    draw_bands,
    ends,
    interval,
    readable,
    score_limits,
)

COLUMNS = [schema.within_column(tolerance) for tolerance in schema.TOLERANCES]
APART = 1.04
"""Factor along x from the arrows of one architecture to those of the next, which would hide each other."""


def record(summary: Summary) -> Points:
    """Mean share at each tolerance, with its interval, of the best configuration of each architecture.

    Columns architecture, tolerance, mean, low, high, repeats, scenes.
    """
    with readable():
        table = best_tables(summary, schema.FRAME_TABLE, COLUMNS)
    if table.empty:
        raise NoDataError("no complete run of the best configurations kept its table of test frames.")
    parts = [_estimates(own).assign(architecture=name, **sizes(own)) for name, own in table.groupby("architecture")]
    return Points(pd.concat(parts, ignore_index=True))


def _estimates(table: pd.DataFrame) -> pd.DataFrame:
    long = table.melt(KEYS, COLUMNS, "column", "share")
    found = scene_estimates(long.assign(place=long["column"].map(COLUMNS.index)), "share", "place")
    return found.assign(tolerance=[schema.TOLERANCES[place] for place in found.index])


def draw(shown: Points) -> Figure:
    """A line with a band for each architecture."""
    figure, ((axis,),) = style.panels(1, height=2.2, width=style.HALF_WIDTH)
    draw_bands(axis, shown.points, "tolerance")
    style.binary_axis(axis)
    axis.set(xlabel="tolerance (pixels of the original frames)", ylabel="share of the boundaries (NSD)")
    axis.set_ylim(*score_limits(shown.points))
    names = style.in_order(shown.points["architecture"])
    steps = shown.points["architecture"].map(names.index) - (len(names) - 1) / 2
    draw_arrows(axis, shown.points.assign(x=shown.points["tolerance"] * APART**steps), "x")
    style.architecture_legend(figure, names)
    return figure


def caption(shown: Points) -> str:
    """What lines and bands are."""
    return (
        "Share of the boundaries within a tolerance of each other (NSD), each architecture at its best. "
        f"Band: {interval(sample(shown.points), cut=cut_scores(shown.points))}."
    )


def alt(shown: Points) -> str:
    """The ends of each line."""
    low, high = schema.TOLERANCES[0], schema.TOLERANCES[-1]
    return (
        f"Rising lines: share of the boundaries within a tolerance of {low:g} to {high:g} pixels. Mean share at these "
        f"ends: {ends(shown.points)}."
    )


PLOT = Plot(section="boundary", width="half", record=record, draw=draw, caption=caption, alt=alt)

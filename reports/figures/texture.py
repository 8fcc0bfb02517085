"""What skip connections are worth at each difficulty of the drawn dancers: the difference from none, and its trend."""

from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.skips import with_and_without, without_option
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.analysis.texture import texture
from hourglass_bench.reports.figures.base import NotVariedError, Plot, interval, lack
from hourglass_bench.reports.figures.skips import GREYS, LINES

APART = 0.012
"""Along x between the marks of one blend."""
MARKERS = "o^sDvPX"


class Shown(NamedTuple):
    """See `reports.analysis.texture.Texture`."""

    differences: pd.DataFrame
    trends: pd.DataFrame
    architecture: str
    """Of the networks with the most skip connections."""
    others: list[str]
    """Architectures without an option for skip connections."""


def record(summary: Summary) -> Shown:
    """Of networks that are equal but for their skip connections, at several difficulties."""
    found = texture(summary)
    if found is None:
        raise NotVariedError("no complete runs differ in their difficulty and skip connections alone.")
    return Shown(found.differences, found.trends, with_and_without(summary)[0], without_option(summary))


def draw(shown: Shown) -> Figure:
    """A panel for IoU and one for Boundary IoU, in each a line with whiskers for every set of skip connections."""
    figure, (axes,) = style.panels(shown.trends["metric"].nunique(), height=2.3)
    sets = _sets(shown)
    for axis, (column, own) in zip(axes, shown.differences.groupby("metric", sort=False), strict=True):
        for place, (levels, look) in enumerate(sets.items()):
            points = own[own["levels"] == levels].dropna(subset="difference").sort_values("blend")
            x = points["blend"] + APART * (place - (len(sets) - 1) / 2)
            whiskers = [points["difference"] - points["low"], points["high"] - points["difference"]]
            axis.errorbar(x, points["difference"], yerr=whiskers, elinewidth=0.7, **look)
        axis.axhline(0, color="black", linewidth=0.6)
        label = schema.TEST_COLUMNS[str(column)].label
        axis.set(xlabel="blend of the dancers with what is behind them", ylabel=f"Δ {label}")
        axis.set_xticks(sorted(set(own["blend"])))
    handles = [Line2D([], [], label=f"skips at {levels}", **look) for levels, look in sets.items()]
    style.legend(figure, handles, len(handles))
    return figure


def _sets(shown: Shown) -> dict[str, dict[str, Any]]:
    """How each set of skip connections is drawn: greys, and all of them as their architecture is elsewhere."""
    every = shown.trends.drop_duplicates("levels")["levels"]
    looks: dict[str, dict[str, Any]] = {
        levels: {
            "color": GREYS[-1 - place % len(GREYS)],
            "linestyle": LINES[1 + place % (len(LINES) - 1)],
            "marker": MARKERS[1 + place % (len(MARKERS) - 1)],
            "linewidth": 0.9,
        }
        for place, levels in enumerate(every)
    }
    full = style.look(shown.architecture)
    return looks | {every.iloc[-1]: {**full.lined, "marker": full.marker}}


def caption(shown: Shown) -> str:
    """What marks, whiskers and slopes are."""
    slopes = [f"{_label(row.metric)} {text.signed(row.slope)} {text.bounds(row.low, row.high)}" for row in _full(shown)]
    return (
        "Δ: test score less that of the network without skip connections, at each blend of the dancers' colours with "
        f"what is behind them. Mark: mean of {text.counted_range(shown.trends['repeats'], 'repeat')}; whisker: "
        f"{interval(cut=False)}. Label: the levels that are connected, of which 1 is the outermost. Slope of all "
        f"connections per unit of blend, each with its own 95 % interval over folds: {text.listed(slopes)}."
        f"{lack(shown.others, 'option for skip connections')}"
    )


def alt(shown: Shown) -> str:
    """The ends of the line of all skip connections in each panel."""
    parts = []
    for row in _full(shown):
        own = shown.differences[
            (shown.differences["metric"] == row.metric) & (shown.differences["levels"] == row.levels)
        ].dropna(subset="difference")
        first, last = own.iloc[0], own.iloc[-1]
        parts.append(
            f"{_label(row.metric)} {text.signed(first['difference'])} at a blend of {first['blend']:g} and "
            f"{text.signed(last['difference'])} at {last['blend']:g}"
        )
    return f"Lines of differences from no skip connections against the blend. All connections: {'; '.join(parts)}."


def _full(shown: Shown) -> list[Any]:
    """Rows of the trends of all skip connections."""
    return list(shown.trends[shown.trends["dose"] == shown.trends["dose"].max()].itertuples())


def _label(column: str) -> str:
    return schema.TEST_COLUMNS[column].label


PLOT = Plot(section="depth", record=record, draw=draw, caption=caption, alt=alt)

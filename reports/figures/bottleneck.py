"""Test IoU and Boundary IoU against the side of the bottleneck map, beside what masks stored at that side score."""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.ceiling import ceiling
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, comparable, map_shape
from hourglass_bench.reports.figures.base import (
    NoDataError,
    Plot,
    by_architecture,
    cut_scores,
    draw_scores,
    lack,
    left_out,
    marks_are,
    measured_points,
    ranges,
    readable,
)
from hourglass_bench.reports.store.load import ARCHITECTURE, LATENT

STEP, SPREAD = 0.13, 0.7
"""Octaves between neighbouring marks at one side, and from the first of them to the last at most."""


class Bottleneck(NamedTuple):
    """One row per configuration in the first two."""

    points: pd.DataFrame
    """IoU: columns as `measured_points`, and the measured bottleneck's `elements` and `side`, the shorter one."""
    boundary: pd.DataFrame
    """Boundary IoU: the same columns."""
    ceiling: pd.DataFrame
    """side, iou, boundary_iou, frames: as `reports.analysis.ceiling`; empty if no run kept its masks."""
    named: dict[str, list[str]]
    """Of the architectures whose submodules have names of their own, those of the bottleneck."""
    others: tuple[str, ...]
    """Architectures without depth and width that have no bottleneck map either."""


def record(summary: Summary) -> Bottleneck:
    """Configurations whose runs agree on one measured bottleneck; a flat latent is no map, and has no side."""
    complete = comparable(summary.runs[summary.runs[schema.STATE] == "complete"])
    maps = summary.configurations.loc[summary.configurations[LATENT] == 0, CONFIGURATION]
    points, boundary = (
        _sized(measured_points(summary, metric), maps) for metric in (schema.TEST_IOU, schema.TEST_BOUNDARY_IOU)
    )
    without = complete[complete[schema.DEPTH].isna()].rename(columns={ARCHITECTURE: "architecture"})
    shown = without[without["architecture"].isin(points["architecture"]) & (without[schema.BOTTLENECK_NAME] != "")]
    names = {name: list(own[schema.BOTTLENECK_NAME].unique()) for name, own in by_architecture(shown)}
    with readable():
        return Bottleneck(points, boundary, ceiling(complete), names, left_out(without, points))


def _sized(points: pd.DataFrame, maps: pd.Series) -> pd.DataFrame:
    points = points[points["number"].isin(maps)]
    if points.empty:
        raise NoDataError("no complete run of the comparison has a bottleneck map.")
    shape = map_shape(points["bottleneck"])
    points = points.assign(elements=shape.prod(axis=1, skipna=False), side=shape[["height", "width"]].min(axis=1))
    if points["elements"].isna().all():
        raise NoDataError("no complete run logged its measured bottleneck.")
    return points.dropna(subset="elements").reset_index(drop=True)


def draw(shown: Bottleneck) -> Figure:
    """A panel per metric; the ceiling as a line, with its values along the upper edge."""
    figure, (axes,) = style.panels(2, height=2.4)
    panels = ((schema.TEST_IOU, shown.points), (schema.TEST_BOUNDARY_IOU, shown.boundary))
    for axis, (metric, points) in zip(axes, panels, strict=True):
        draw_scores(axis, spread(points), "x")
        _draw_ceiling(axis, shown.ceiling, metric.column)
        axis.set(xlabel="shorter side of the bottleneck map (pixels)", ylabel=f"test {metric.label}")
    style.architecture_legend(figure, shown.points["architecture"], lines=False)
    return figure


def spread(points: pd.DataFrame) -> pd.DataFrame:
    """With `x`: marks at one side stand next to each other, by architecture, then from few to many elements."""
    order = {name: place for place, name in enumerate(style.in_order(points["architecture"]))}
    ranked = points.assign(place=points["architecture"].map(order)).sort_values(["side", "place", "elements"])
    groups = ranked.groupby("side")["place"]
    rank, count = groups.cumcount(), groups.transform("size")
    step = (SPREAD / (count - 1).clip(lower=1)).clip(upper=STEP)
    return ranked.assign(x=ranked["side"] * 2 ** (step * (rank - (count - 1) / 2)))


def _draw_ceiling(axis: Axes, ceiling: pd.DataFrame, column: str) -> None:
    """Within the limits that the marks set, which it does not widen upwards or downwards."""
    limits = axis.get_ylim()
    axis.plot(ceiling["side"], ceiling[column], color=style.GREY, linewidth=1.4, zorder=1)
    axis.set_ylim(limits)
    style.binary_axis(axis)
    if ceiling.empty:
        return
    edge = axis.secondary_xaxis("top")
    edge.set_xticks(ceiling["side"].to_list(), [f"{value:.2f}" for value in ceiling[column]])
    edge.minorticks_off()
    edge.spines["top"].set_visible(False)
    edge.tick_params(length=0, pad=1, labelcolor=style.TEXT)
    edge.set_xlabel("stored-mask ceiling", color=style.TEXT, labelpad=2)


def caption(shown: Bottleneck) -> str:
    """What the marks and the ceiling are."""
    return (
        "Test IoU and Boundary IoU against the shorter side of the bottleneck map. "
        f"{marks_are(shown.points, cut=cut_scores(shown.points, shown.boundary))}; marks at one side stand next to "
        f"each other.{_about_names(shown.named)}{lack(shown.others, 'bottleneck map')}{_about_ceiling(shown.ceiling)}"
    )


def _about_names(named: dict[str, list[str]]) -> str:
    """Where the bottleneck of networks from elsewhere is, whose authors call nothing so."""
    each = [f"{text.listed(own)} in {style.look(name).label}" for name, own in named.items()]
    return f" Bottleneck: the output of {'; '.join(each)}." if each else ""


def _about_ceiling(ceiling: pd.DataFrame) -> str:
    if ceiling.empty:
        return ""
    masks = text.counted_range(ceiling["frames"], "test mask")
    return (
        f" Grey line (cut by the axis) and figures above: the stored-mask ceiling, what {masks}, one per scene, score "
        "after they were stored at that side; it is no bound for networks."
    )


def alt(shown: Bottleneck) -> str:
    """Ranges of side, scores and ceiling."""
    sides, ceiling = shown.points["side"], shown.ceiling
    stored = ", ".join(f"{row.iou:.2f} at {row.side}" for row in ceiling.itertuples())
    return (
        f"Scatter plots of mean test IoU and Boundary IoU against the side of the bottleneck map, {sides.min():.0f} to "
        f"{sides.max():.0f} pixels. Mean test IoU: {ranges(shown.points)}. Boundary IoU: {ranges(shown.boundary)}."
        + (f" IoU of the stored masks by side: {stored}." if stored else "")
    )


PLOT = Plot(section="depth", record=record, draw=draw, caption=caption, alt=alt)

"""Quality against the size of the latent: of reconstructed masks and images, beside that of segmented masks."""

from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.generative import STAGE, latent_points
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, listed_labels
from hourglass_bench.reports.figures.base import (
    NoDataError,
    Plot,
    crowded,
    cut_by,
    draw_arrows,
    draw_whiskers,
    marks_are,
    score_limits,
)
from hourglass_bench.reports.figures.betas import Series, latent_axis, series
from hourglass_bench.reports.figures.bottleneck import spread
from hourglass_bench.reports.store.load import LATENT

LEAST_DECIBELS = 4.0
"""From end to end of the axis of PSNR."""


class Reconstruction(NamedTuple):
    """One row per configuration, columns as `latent_points`."""

    masks: pd.DataFrame
    """Test IoU of what gives back masks."""
    segmented: pd.DataFrame
    """Test IoU of what turns images into masks through a flat latent."""
    images: pd.DataFrame
    """PSNR of what gives back images."""


def record(summary: Summary) -> Reconstruction:
    """What was tested."""
    stage = summary.others.get(STAGE)
    masks, images = latent_points(stage, schema.TEST_IOU), latent_points(stage, schema.TEST_PSNR)
    images = images[images["target"] == "image"].reset_index(drop=True)
    if masks.empty and images.empty:
        raise NoDataError("no complete run of an auto-encoder or VAE was tested on whole scenes.")
    flat = summary.configurations.loc[summary.configurations[LATENT] > 0, CONFIGURATION]
    segmented = latent_points(summary, schema.TEST_IOU)
    return Reconstruction(masks, segmented[segmented["number"].isin(flat)].reset_index(drop=True), images)


class _Panel(NamedTuple):
    title: str
    metric: schema.Metric
    points: pd.DataFrame


def _panels(shown: Reconstruction) -> list[_Panel]:
    """Of masks the smallest and the largest depth; of images all, whose maps have a size of their own at each depth."""
    every = pd.concat([part for part in (shown.masks, shown.segmented) if len(part)] or [shown.masks])
    found = [
        _Panel(f"masks, depth {depth}", schema.TEST_IOU, every[every["depth"] == depth])
        for depth in sorted({shown.masks["depth"].min(), shown.masks["depth"].max()} if len(shown.masks) else ())
    ]
    if len(shown.images):
        low, high = shown.images["depth"].min(), shown.images["depth"].max()
        depths = f"depth {high}" if low == high else f"depths {low} to {high}"
        found.append(_Panel(f"images, {depths}", schema.TEST_PSNR, shown.images))
    return found


def draw(shown: Reconstruction) -> Figure:
    """Marks with whiskers, and a line through the means of each architecture and beta."""
    panels = _panels(shown)
    figure, (axes,) = style.panels(len(panels), height=2.4)
    every = pd.concat([panel.points for panel in panels])
    for axis, panel, limits in zip(axes, panels, _limits(panels), strict=True):
        _draw_panel(axis, panel, every, limits)
        axis.set_title(panel.title)
        axis.set_ylabel(_label(panel.metric))
    handles = [
        Line2D([], [], label=one.label, marker=style.look(one.architecture).marker, **_line(one), **one.filling)
        for one in series(every)
    ]
    style.legend(figure, handles, len(handles), handlelength=2.6)
    return figure


def _limits(panels: list[_Panel]) -> list[tuple[float, float]]:
    """Ends of each panel's y axis; panels of masks share theirs."""
    masks = [panel.points for panel in panels if panel.metric == schema.TEST_IOU]
    shared = score_limits(pd.concat(masks)) if masks else (0.0, 1.0)
    return [shared if panel.metric == schema.TEST_IOU else _decibel_limits(panel.points) for panel in panels]


def _decibel_limits(points: pd.DataFrame) -> tuple[float, float]:
    """Ends of an axis that does not blow up differences which nobody sees."""
    low, high = score_limits(points)
    room = max(0.0, LEAST_DECIBELS - (high - low)) / 2
    return low - room, high + room


def _draw_panel(axis: Axes, panel: _Panel, every: pd.DataFrame, limits: tuple[float, float]) -> None:
    points = spread(panel.points.assign(side=panel.points["latent"], elements=panel.points["beta"]))
    axis.set_ylim(*limits)
    for one in series(points, every):
        means = one.points.groupby("latent")[["x", "mean"]].mean()
        axis.plot(means["x"], means["mean"], zorder=1, **_line(one))
        draw_whiskers(axis, one.points, "x", bare=crowded(points), **one.filling)
    if not crowded(points):
        draw_arrows(axis, points, "x")
    latent_axis(axis, points)


def _line(one: Series) -> dict[str, Any]:
    return {**style.look(one.architecture).lined, "linewidth": 0.9, "alpha": 0.8}


def _label(metric: schema.Metric) -> str:
    return f"test {metric.label}" + (f" ({metric.unit})" if metric.unit != "1" else "")


def caption(shown: Reconstruction) -> str:
    """What went in and came out, and what the marks are."""
    panels = _panels(shown)
    tested, parts = {panel.metric for panel in panels}, []
    if schema.TEST_IOU in tested:
        drawn = pd.concat([panel.points for panel in panels if panel.metric == schema.TEST_IOU])
        segmented = drawn.loc[drawn["number"].isin(shown.segmented["number"]), "architecture"]
        names = listed_labels(segmented)
        beside = f", beside masks segmented from images through as many ({names})" if names else ""
        parts.append(f"test IoU of masks given back{beside}")
    if schema.TEST_PSNR in tested:
        parts.append(f"PSNR of images given back, on an axis of {LEAST_DECIBELS:g} dB at least")
    cut = any(cut_by(panel.points, *limits) for panel, limits in zip(panels, _limits(panels), strict=True))
    return (
        f"Quality against the numbers of the latent: {'; '.join(parts)}. {_depths(shown)}"
        f"{marks_are(pd.concat([panel.points for panel in panels]), cut=cut)}; marks at one size stand next to each "
        "other, the line joins their means."
    )


def _depths(shown: Reconstruction) -> str:
    depths = [str(depth) for depth in sorted(shown.masks["depth"].unique())]
    return f"Of depths {text.listed(depths)} the outermost are drawn. " if len(depths) > 2 else ""


def alt(shown: Reconstruction) -> str:
    """The ends of each line."""
    return " ".join(
        f"{panel.title.capitalize()}, mean {_label(panel.metric)} by latent numbers: "
        + "; ".join(f"{one.label} {_by_latent(one.points)}" for one in series(panel.points))
        + "."
        for panel in _panels(shown)
    )


def _by_latent(points: pd.DataFrame) -> str:
    means = points.groupby("latent")["mean"].mean()
    return ", ".join(f"{text.significant(mean)} at {latent:g}" for latent, mean in means.items())


PLOT = Plot(section="generative", stage=STAGE, record=record, draw=draw, caption=caption, alt=alt)

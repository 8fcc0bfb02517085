"""How many of a VAE's latent numbers are active, and how much they say, against how many there are."""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.generative import STAGE
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures.base import Plot, crowded, draw_whiskers, interval, repeats, span
from hourglass_bench.reports.figures.betas import draw_lines, latent_axis, line_handles, mask_vaes, series
from hourglass_bench.reports.figures.bottleneck import spread


class ActiveUnits(NamedTuple):
    """One row per configuration of VAEs of masks, columns as `latent_points` and size, in both."""

    active: pd.DataFrame
    """Share of the latent numbers that is active, and `units`, the mean number of these."""
    rate: pd.DataFrame
    """Rate in nats per latent number."""


def record(summary: Summary) -> ActiveUnits:
    """Both for every configuration."""
    units, rate = (mask_vaes(summary, metric) for metric in (schema.ACTIVE_UNITS, schema.TEST_RATE))
    return ActiveUnits(_per_number(units, most=1).assign(units=units["mean"]), _per_number(rate))


def _per_number(points: pd.DataFrame, most: float | None = None) -> pd.DataFrame:
    ends = ["mean", "low", "high"]
    return points.assign(**{end: (points[end] / points["latent"]).clip(upper=most) for end in ends})


def draw(shown: ActiveUnits) -> Figure:
    """A panel each."""
    figure, (axes,) = style.panels(2, height=2.5, width=style.HALF_WIDTH)
    for axis, points in zip(axes, shown, strict=True):
        _draw_panel(axis, points)
        # With room for whole marks at 0.
        axis.set_ylim(-0.05 * axis.get_ylim()[1], axis.get_ylim()[1])
    axes[0].set_ylabel("share of active units")
    axes[0].set_ylim(-0.05, 1.05)
    axes[1].set_ylabel("rate per latent number (nats)")
    style.legend(figure, line_handles(shown.active), 2, handlelength=2.4)
    return figure


def _draw_panel(axis: Axes, points: pd.DataFrame) -> None:
    order = points.groupby(["depth", "width", "beta"]).ngroup()
    points = spread(points.assign(side=points["latent"], elements=order))
    draw_lines(axis, points, "x", "mean", zorder=1)
    for one in series(points):
        draw_whiskers(axis, one.points, "x", bare=crowded(points), **one.filling)
    latent_axis(axis, points)


def caption(shown: ActiveUnits) -> str:
    """What both panels count."""
    return (
        "VAEs of masks: active units as a share of the latent numbers (left), and the rate per latent number (right). "
        f"Whisker: {interval(repeats(shown.active), cut=False)}."
    )


def alt(shown: ActiveUnits) -> str:
    """Both by latent size."""
    each = [f"{span(rows['units'])} of {latent:g}" for latent, rows in shown.active.groupby("latent")]
    return (
        f"Two plots against the latent numbers of VAEs. Mean active units: {', '.join(each)}. Rate per latent number: "
        f"{span(shown.rate['mean'])} nats."
    )


PLOT = Plot(section="generative", stage=STAGE, width="half", record=record, draw=draw, caption=caption, alt=alt)

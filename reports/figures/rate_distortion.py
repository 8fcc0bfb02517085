"""What a VAE's masks cost: distortion against rate, the two parts of the evidence lower bound."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench import schema
from reports import style, text
from reports.analysis.generative import STAGE, means
from reports.analysis.summary import Summary
from reports.figures.base import Plot, repeats
from reports.figures.betas import line_handles, lines, mask_vaes, series

CONTOURS = 8
"""Lines of equal ELBO, about."""


class RateDistortion(NamedTuple):
    """One row per configuration of VAEs of masks."""

    points: pd.DataFrame
    """Columns as `latent_points`, whose mean, low and high are the rate's, size, distortion and elbo (means)."""


def record(summary: Summary) -> RateDistortion:
    """Rate and distortion of every configuration."""
    points = mask_vaes(summary, schema.TEST_RATE)
    stage = summary.others[STAGE]
    for metric in (schema.TEST_DISTORTION, schema.TEST_ELBO):
        points = points.assign(**{metric.column: points["number"].map(means(stage, metric)["mean"])})
    return RateDistortion(points)


def draw(shown: RateDistortion) -> Figure:
    """A line over the latent sizes for each depth and beta, on lines of equal ELBO."""
    figure, ((axis,),) = style.panels(1, height=2.5, width=style.HALF_WIDTH)
    sizes, every = lines(shown.points), series(shown.points)
    for one in every:
        look = style.look(one.architecture)
        for size, own in one.points.groupby("size"):
            axis.plot(
                *(own.groupby("latent")[name].mean() for name in ("mean", "distortion")),
                color=look.colour,
                linestyle=sizes[str(size)],
                marker=look.marker,
                linewidth=0.8,
                clip_on=False,  # marks without a rate stand on the edge
                **one.filling,
            )
    _label_latents(axis, shown.points)
    axis.set_xlim(left=0)
    _draw_contours(axis, shown.points)
    axis.set(xlabel="rate: KL divergence (nats per frame)", ylabel="distortion (nats per frame)")
    figure.legend(handles=line_handles(shown.points), loc="outside upper center", ncols=2, handlelength=2.4)
    return figure


def _label_latents(axis: Axes, points: pd.DataFrame) -> None:
    """The latent size beside each mark of the lowest beta."""
    for row in points[points["beta"] == points["beta"].min()].itertuples():
        axis.annotate(
            f"{row.latent:g}",
            (row.mean, row.distortion),
            xytext=(5, 2),
            textcoords="offset points",
            fontsize=6,
            color="#404040",
        )


def _draw_contours(axis: Axes, points: pd.DataFrame) -> None:
    """Lines of equal ELBO instead of a grid; where the rate is 0, the distortion is minus the ELBO."""
    limits = axis.get_ylim()
    axis.grid(visible=False)
    rates = np.array(axis.get_xlim())
    for level in MaxNLocator(CONTOURS).tick_values(limits[0], limits[1] + rates[1]):
        axis.plot(rates, level - rates, color=style.GREY, linewidth=0.4, alpha=0.7, zorder=0)
    axis.set(xlim=rates, ylim=limits)


def caption(shown: RateDistortion) -> str:
    """What the marks and the lines are."""
    return (
        "Distortion (cross-entropy of a sampled reconstruction) against rate (KL divergence from the prior) of masks "
        "under VAEs, Bernoulli likelihood, in nats per test frame. Mark: mean over folds "
        f"({repeats(shown.points)}); number: latent numbers, the same along each line in this order. Grey lines: equal "
        "ELBO with beta = 1, whatever beta was trained with; it is minus the distortion at which they meet the left "
        "axis."
    )


def alt(shown: RateDistortion) -> str:
    """Where the marks are, and the highest ELBO."""
    best = shown.points.sort_values("elbo").iloc[-1]
    each = "; ".join(
        f"{one.label} rate {_range(one.points['mean'])}, distortion {_range(one.points['distortion'])}"
        for one in series(shown.points)
    )
    return (
        f"Plot of distortion against rate in nats per frame: {each}. The highest ELBO is "
        f"{text.significant(best['elbo'])} nats, of {best['configuration']}."
    )


def _range(values: pd.Series) -> str:
    return f"{text.significant(values.min())} to {text.significant(values.max())}"


PLOT = Plot(section="generative", stage=STAGE, width="half", record=record, draw=draw, caption=caption, alt=alt)

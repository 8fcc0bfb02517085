"""What a VAE's masks cost: distortion against rate, the two parts of the evidence lower bound."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.generative import STAGE, means
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures.base import Plot, Points, repeats, span
from hourglass_bench.reports.figures.betas import draw_lines, line_handles, mask_vaes, series

CONTOURS = 8
"""Lines of equal ELBO, about."""


def record(summary: Summary) -> Points:
    """Rate and distortion of every configuration of VAEs of masks.

    Columns as `latent_points`, whose mean, low and high are the rate's, size, distortion and elbo (means).
    """
    points = mask_vaes(summary, schema.TEST_RATE)
    stage = summary.others[STAGE]
    for metric in (schema.TEST_DISTORTION, schema.TEST_ELBO):
        points = points.assign(**{metric.column: points["number"].map(means(stage, metric)["mean"])})
    return Points(points)


def draw(shown: Points) -> Figure:
    """A line over the latent sizes for each depth and beta, on lines of equal ELBO."""
    figure, ((axis,),) = style.panels(1, height=2.5, width=style.HALF_WIDTH)
    # Marks without a rate stand on the edge.
    draw_lines(axis, shown.points, "mean", "distortion", marked=True, clip_on=False)
    # The latent size beside each mark of the lowest beta.
    for row in shown.points[shown.points["beta"] == shown.points["beta"].min()].itertuples():
        style.name_mark(axis, f"{row.latent:g}", row.mean, row.distortion, (5, 2))
    axis.set_xlim(left=0)
    _draw_contours(axis)
    axis.set(xlabel="rate: KL divergence (nats per frame)", ylabel="distortion (nats per frame)")
    style.legend(figure, line_handles(shown.points), 2, handlelength=2.4)
    return figure


def _draw_contours(axis: Axes) -> None:
    """Lines of equal ELBO instead of a grid; where the rate is 0, the distortion is minus the ELBO."""
    limits = axis.get_ylim()
    axis.grid(visible=False)
    rates = np.array(axis.get_xlim())
    for level in MaxNLocator(CONTOURS).tick_values(limits[0], limits[1] + rates[1]):
        axis.plot(rates, level - rates, color=style.GREY, linewidth=0.4, alpha=0.7, zorder=0)
    axis.set(xlim=rates, ylim=limits)


def caption(shown: Points) -> str:
    """What the marks and the lines are."""
    return (
        f"Distortion against rate of masks under VAEs, means over {repeats(shown.points)}. Number: latent numbers, in "
        "this order along each line. Grey: equal ELBO at beta = 1."
    )


def alt(shown: Points) -> str:
    """Where the marks are, and the highest ELBO."""
    best = shown.points.sort_values("elbo").iloc[-1]
    each = "; ".join(
        f"{one.label} rate {span(one.points['mean'])}, distortion {span(one.points['distortion'])}"
        for one in series(shown.points)
    )
    return (
        f"Plot of distortion against rate in nats per frame: {each}. The highest ELBO is "
        f"{text.significant(best['elbo'])} nats, of {best['configuration']}."
    )


PLOT = Plot(section="generative", stage=STAGE, width="half", record=record, draw=draw, caption=caption, alt=alt)

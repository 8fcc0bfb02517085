"""Performance profiles: on what share of the test scenes an architecture exceeds each IoU."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.statistics import profile
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.analysis.verified import SCENE
from hourglass_bench.reports.figures.base import NoDataError, Plot, Points, by_architecture, told
from hourglass_bench.reports.store.load import ARCHITECTURE

THRESHOLDS = np.linspace(0, 1, 101)


def record(summary: Summary) -> Points:
    """Of the best configuration of each architecture, by its scenes' IoU, averaged over repeats.

    Columns architecture, iou (threshold), share, and scenes: how many stand behind the share.
    """
    best = summary.best.set_index(CONFIGURATION)[ARCHITECTURE].rename("architecture")
    scenes = summary.scenes.join(best, on=CONFIGURATION, how="inner")
    parts = []
    for name, cells in by_architecture(scenes):
        values = cells.groupby(SCENE)[schema.TEST_IOU.column].mean()
        shares = pd.DataFrame({"iou": THRESHOLDS, "share": profile(values, THRESHOLDS)})
        parts.append(shares.assign(architecture=name, scenes=len(values)))
    if not parts:
        raise NoDataError("no complete run kept its table of test frames.")
    return Points(pd.concat(parts, ignore_index=True))


def draw(shown: Points) -> Figure:
    """A falling step line for each architecture."""
    figure, ((axis,),) = style.panels(1, height=2.1, width=style.HALF_WIDTH)
    for name, points in by_architecture(shown.points):
        axis.step(points["iou"], points["share"], where="post", **style.look(name).lined)
    axis.set(xlabel="test IoU", ylabel="share of scenes", xlim=(0, 1), ylim=(0, 1.02))
    style.architecture_legend(figure, shown.points["architecture"])
    return figure


def caption(shown: Points) -> str:
    """What the lines are."""
    count = text.counted_range(shown.points["scenes"], "scene")
    return (
        f"Performance profiles: share of the test scenes ({count}) whose IoU, a mean over repeats, is above the value "
        "on the axis, each architecture at its best."
    )


def alt(shown: Points) -> str:
    """The share of scenes above an IoU of one half."""
    half = shown.points[np.isclose(shown.points["iou"], 0.5)]
    each = told(half, lambda own: f"{own['share'].iloc[0]:.0%}", ", ")
    return f"Falling step lines: share of test scenes above each IoU. Above 0.5: {each}."


PLOT = Plot(section="boundary", width="half", record=record, draw=draw, caption=caption, alt=alt)

"""Reliability diagram: how often the pixels of each predicted probability are foreground."""

import math
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.frame_tables import KEYS, best_tables, bounded, sample, sizes
from hourglass_bench.reports.analysis.statistics import estimate_means
from hourglass_bench.reports.analysis.summary import Summary, statistic
from hourglass_bench.reports.figures.base import NoDataError, Plot, draw_bands, interval, readable, told
from hourglass_bench.reports.store.load import ARCHITECTURE

COLUMNS = ["bin", "pixels", "probability", "foreground"]
SUMS = ["share", "chance", "hits"]
LEAST_SHARE = 0.001
"""Of the pixels; a bin with less is not drawn, and one with less in a fold has no band."""


class Calibration(NamedTuple):
    """The best configuration of each architecture."""

    points: pd.DataFrame
    """architecture, bin, share (of the pixels), probability, mean (observed), low, high, repeats, scenes, drawn."""
    errors: pd.DataFrame
    """architecture, ece: the mean that tables show."""


def record(summary: Summary) -> Calibration:
    """Every bin that has a pixel."""
    with readable():
        table = best_tables(summary, schema.CALIBRATION_TABLE, COLUMNS)
    if table.empty:
        raise NoDataError("no complete run of the best configurations kept its calibration table.")
    parts = [_bins(str(name), own) for name, own in table.groupby("architecture")]
    points = pd.concat(parts, ignore_index=True)
    best = summary.best[[ARCHITECTURE, statistic(schema.TEST_ECE, "mean")]].set_axis(["architecture", "ece"], axis=1)
    errors = best[best["architecture"].isin(points["architecture"])].reset_index(drop=True)
    return Calibration(points.assign(drawn=points["share"] >= LEAST_SHARE), errors)


def _bins(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Each bin's share of foreground, pooled over scenes that all weigh the same, however many pixels they have."""
    weight = table["pixels"] / table.groupby(KEYS)["pixels"].transform("sum")
    weighted = table.assign(share=weight, chance=weight * table["probability"], hits=weight * table["foreground"])
    # A scene without a pixel in a bin has a share of zero there, and is not left out.
    every = table[KEYS].drop_duplicates().merge(weighted[["bin"]].drop_duplicates(), how="cross")
    cells = every.merge(weighted[["bin", *KEYS, *SUMS]], on=["bin", *KEYS], how="left").fillna(0)
    folds = cells.groupby(["bin", "fold", "scene"])[SUMS].mean().groupby(["bin", "fold"]).mean()
    of_bin = folds.groupby("bin").mean()
    # The interval of a ratio of means is that of the mean of these values, which is the ratio (the delta method).
    observed = (of_bin["hits"] / of_bin["share"]).loc[cells["bin"]].to_numpy()
    share = of_bin["share"].loc[cells["bin"]].to_numpy()
    linear = cells.assign(value=observed + (cells["hits"] - observed * cells["share"]) / share)
    points = of_bin[["share"]].assign(
        architecture=name,
        probability=of_bin["chance"] / of_bin["share"],
        **bounded(estimate_means(linear, "bin")),
        **sizes(table),
    )
    # A fold without pixels there would seem to agree with the others.
    unsure = folds["share"].groupby("bin").min() < LEAST_SHARE
    points.loc[unsure, ["low", "high"]] = math.nan
    return points.reset_index()


def draw(shown: Calibration) -> Figure:
    """A line with a band for each architecture, and the diagonal of perfect calibration."""
    figure, ((axis,),) = style.panels(1, height=2.2, width=style.HALF_WIDTH)
    axis.plot([0, 1], [0, 1], color=style.GREY, linewidth=0.8)
    draw_bands(axis, shown.points[shown.points["drawn"]], "probability")
    axis.set(xlabel="predicted probability of foreground", ylabel="observed share", xlim=(0, 1), ylim=(0, 1))
    style.architecture_legend(figure, shown.points["architecture"])
    return figure


def caption(shown: Calibration) -> str:
    """What lines and bands are."""
    return (
        "Reliability: observed share of foreground against the predicted probability, each architecture at its best. "
        f"Band: {interval(sample(shown.points), cut=False)}."
    )


def alt(shown: Calibration) -> str:
    """The bin that is farthest from the diagonal, and the calibration errors."""

    def farthest(own: pd.DataFrame) -> str:
        point = own.iloc[int((own["mean"] - own["probability"]).abs().to_numpy().argmax())]
        return f"{text.digits(point['mean'])} observed at {text.digits(point['probability'])} predicted"

    errors = told(shown.errors, lambda own: text.digits(own["ece"].iloc[0]), ", ")
    few = "" if shown.points["drawn"].all() else " Bins with less than 0.1 % of the pixels are left out."
    return (
        "Lines of observed share of foreground against predicted probability. Farthest from the diagonal: "
        f"{told(shown.points[shown.points['drawn']], farthest)}. Expected calibration error: {errors}.{few}"
    )


PLOT = Plot(section="boundary", width="half", record=record, draw=draw, caption=caption, alt=alt)

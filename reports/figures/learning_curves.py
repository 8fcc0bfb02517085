"""Validation IoU and cross-entropy over the epochs: does it converge, and in every attempt?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench import schema
from bench.base_rate import entropy
from reports import style, text
from reports.figures.base import NoDataError, Plot
from reports.load import ARCHITECTURE, RUN, SEED
from reports.summary import CONFIGURATION, LABEL, Summary

MOST_PANELS = 4
NEWLINE = "\n"
METRICS = (schema.VAL_IOU, schema.VAL_BCE)


class LearningCurves(NamedTuple):
    """The curves of a few configurations."""

    runs: pd.DataFrame
    """configuration, architecture, label, run_id, seed, state, metric, epoch, value."""
    medians: pd.DataFrame
    """configuration, metric, epoch, value: over the complete runs."""
    base_rate: pd.DataFrame
    """configuration, value: entropy of the foreground share, what a constant prediction scores."""


def record(of: Summary) -> LearningCurves:
    """All configurations if they are few, else the best of each architecture by validation."""
    names = [metric.name for metric in METRICS]
    logged = of.study.curves[of.study.curves["metric"].isin(names)].dropna(subset="value")
    if logged.empty:
        raise NoDataError("no run with an outcome logged a validation curve.")
    about = of.runs[[RUN, CONFIGURATION, ARCHITECTURE, LABEL, SEED, schema.STATE]]
    runs = about.merge(logged, on=RUN)
    runs = runs[runs[CONFIGURATION].isin(_chosen(of, runs))].reset_index(drop=True)
    complete = runs[runs[schema.STATE] == "complete"]
    medians = complete.groupby([CONFIGURATION, "metric", "epoch"])["value"].median().reset_index()
    return LearningCurves(runs, medians, _base_rate(of.runs[of.runs[RUN].isin(runs[RUN])]))


def _chosen(of: Summary, runs: pd.DataFrame) -> list[int]:
    present = runs.drop_duplicates(CONFIGURATION)
    if len(present) <= MOST_PANELS:
        return present[CONFIGURATION].to_list()
    best = of.best[CONFIGURATION].to_list()
    # An architecture without a complete run still shows that it was tried.
    others = present[~present[ARCHITECTURE].isin(of.best[ARCHITECTURE])].drop_duplicates(ARCHITECTURE)
    return [*best, *others[CONFIGURATION].to_list()][:MOST_PANELS]


def _base_rate(runs: pd.DataFrame) -> pd.DataFrame:
    rates = runs.assign(value=runs[schema.FOREGROUND_SHARE.name].map(entropy))
    return rates.groupby(CONFIGURATION)["value"].mean().dropna().reset_index()


def draw(shown: LearningCurves) -> Figure:
    """A column per configuration; IoU above, cross-entropy below."""
    panels = [panel for _, panel in shown.runs.drop_duplicates(CONFIGURATION).iterrows()]
    figure, axes = style.panels(len(panels), rows=2, height=3.5, sharex=True, sharey="row")
    for row, metric in zip(axes, METRICS, strict=True):
        for axis, panel in zip(row, panels, strict=True):
            _draw_curves(axis, shown, panel[CONFIGURATION], metric.name)
        row[0].set_ylabel(f"{metric.label.replace(' ', NEWLINE, 1)}{'' if metric.unit == '1' else f' ({metric.unit})'}")
    for axis, panel in zip(axes[0], panels, strict=True):
        axis.set_title(f"{style.look(panel[ARCHITECTURE]).label}\n{panel[LABEL]}")
    for axis in axes[1]:
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.set_xlim(0.5, shown.runs["epoch"].max() + 0.5)
    _draw_base_rates(axes[1], shown)
    axes[1][0].set_ylim(0, _top(shown))
    return figure


def _draw_curves(axis: Axes, shown: LearningCurves, configuration: int, metric: str) -> None:
    runs = shown.runs[(shown.runs[CONFIGURATION] == configuration) & (shown.runs["metric"] == metric)]
    medians = shown.medians[(shown.medians[CONFIGURATION] == configuration) & (shown.medians["metric"] == metric)]
    marker = "o" if shown.runs["epoch"].max() == 1 else ""  # a line through one point draws nothing
    for state, lines in runs.groupby(schema.STATE):
        look = style.look(lines[ARCHITECTURE].iloc[0])
        colour, line = (look.colour, "-") if state == "complete" else (style.GREY, ":")
        sns.lineplot(
            lines,
            x="epoch",
            y="value",
            units=RUN,
            estimator=None,
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=3,
            lw=0.5 if state == "complete" else 0.9,
            ax=axis,
        )
    if len(medians):
        look = style.look(runs[ARCHITECTURE].iloc[0])
        axis.plot(
            medians["epoch"], medians["value"], color=look.colour, linestyle=look.line, marker=marker, linewidth=2
        )
    axis.set(xlabel="", ylabel="")


def _draw_base_rates(axes: list[Axes], shown: LearningCurves) -> None:
    rates = shown.base_rate.set_index(CONFIGURATION)["value"]
    for axis, configuration in zip(axes, shown.runs[CONFIGURATION].unique(), strict=True):
        if configuration in rates.index:
            axis.axhline(rates[configuration], color="black", linewidth=0.8, linestyle=(0, (1, 1)))
            axis.annotate(
                f"base rate {text.digits(rates[configuration])}",
                (0.98, rates[configuration]),
                xycoords=("axes fraction", "data"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="right",
                fontsize=6.5,
                bbox={"facecolor": "white", "alpha": 0.8, "pad": 0.5, "linewidth": 0},
            )


def _top(shown: LearningCurves) -> float:
    """Upper end of the cross-entropy axis: a diverging run must not flatten all others."""
    highest = shown.runs.loc[shown.runs["metric"] == schema.VAL_BCE.name, "value"].max()
    rate = shown.base_rate["value"].max()
    if np.isnan(rate) or np.isnan(highest):
        return 1.05 * float(np.nanmax([rate, highest, 0]) or 1)
    return 1.05 * float(min(max(highest, rate), 2 * rate))


def caption(shown: LearningCurves) -> str:
    """What is chosen and how lines differ."""
    return (
        "Learning curves of every configuration, or of the one of each architecture with the highest mean best "
        "validation IoU where there are more than four. Thin: each seed; thick: median of the complete runs; grey "
        "dotted: runs that did not complete. Base rate: the cross-entropy of always predicting the foreground share. "
        "The cross-entropy axis ends at twice the base rate at most."
    )


def alt(shown: LearningCurves) -> str:
    """First and last median of each configuration's IoU."""
    iou = shown.medians[shown.medians["metric"] == schema.VAL_IOU.name]
    parts = []
    for _, panel in shown.runs.drop_duplicates(CONFIGURATION).iterrows():
        curve = iou.loc[iou[CONFIGURATION] == panel[CONFIGURATION], "value"]
        ends = "no median" if curve.empty else f"from {text.digits(curve.iloc[0])} to {text.digits(curve.iloc[-1])}"
        parts.append(f"{style.look(panel[ARCHITECTURE]).label} ({panel[LABEL]}) {ends}")
    return f"Line plots of validation IoU and cross-entropy by epoch. Median validation IoU: {'; '.join(parts)}."


PLOT = Plot(section="convergence", record=record, draw=draw, caption=caption, alt=alt)

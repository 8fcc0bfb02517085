"""How much each hyperparameter of a search mattered for the best validation IoU, as two evaluators see it."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures.base import NoDataError, Plot, numbers

ROW = 0.22
"""Inches of a hyperparameter, at least."""
LABELS = {"lr": "learning rate"}
HATCHES = ("", "//////", "......")
"""Beside the colour, in the order of the architectures."""


class Importance(NamedTuple):
    """Shares of the hyperparameters, which add up to 1 for an architecture and an evaluator."""

    shares: pd.DataFrame
    """architecture, evaluator, hyperparameter, share; the most important hyperparameter first, by the mean share."""
    trials: pd.DataFrame
    """architecture, n: the search trials behind its shares."""


def record(summary: Summary) -> Importance:
    """What the study logged at its end."""
    rows = [
        (architecture, evaluator, name, share)
        for architecture, found in summary.study.importance.items()
        for evaluator, shares in found.shares.items()
        for name, share in shares.items()
    ]
    if not rows:
        raise NoDataError(
            "no run of the study holds importances; it logs them once all is done, of architectures with at least 10 "
            "search trials that are complete or were pruned."
        )
    shares = pd.DataFrame(rows, columns=["architecture", "evaluator", "hyperparameter", "share"])
    means = shares.groupby("hyperparameter")["share"].mean()
    shares = shares.sort_values("hyperparameter", key=lambda names: -names.map(means), kind="stable", ignore_index=True)
    names = style.in_order(shares["architecture"])
    trials = [summary.study.importance[name].trials for name in names]
    return Importance(shares, pd.DataFrame({"architecture": names, "n": trials}))


def draw(shown: Importance) -> Figure:
    """A panel per evaluator, bars of the architectures beside each other."""
    evaluators = sorted(shown.shares["evaluator"].unique())
    parameters = list(shown.shares["hyperparameter"].unique())
    names = list(shown.trials["architecture"])
    height = max(2.2, ROW * len(parameters))
    figure, (axes,) = style.panels(len(evaluators), height=height, width=style.HALF_WIDTH, sharey=True, sharex=True)
    for axis, evaluator in zip(axes, evaluators, strict=True):
        of_one = shown.shares[shown.shares["evaluator"] == evaluator]
        for row, name in enumerate(names):
            own = of_one[of_one["architecture"] == name].set_index("hyperparameter")["share"].reindex(parameters)
            look, height = style.look(name), 0.8 / len(names)
            places = np.arange(len(own)) + (row - (len(names) - 1) / 2) * height
            filling: dict[str, Any] = {"color": look.colour, "hatch": HATCHES[row % len(HATCHES)]}
            axis.barh(places, own, 0.9 * height, **filling, edgecolor="white", linewidth=0, label=look.label)
        axis.set_title(evaluator)
        axis.xaxis.set_major_formatter(PercentFormatter(1))
        axis.grid(visible=False, axis="y")
    axes[0].set_yticks(range(len(parameters)), list(map(_named, parameters)))
    axes[0].invert_yaxis()
    axes[0].tick_params(axis="y", length=0)
    figure.supxlabel("share of the importance", fontsize=7.5)
    bars, labels = axes[0].get_legend_handles_labels()
    style.legend(figure, *style.in_rows(bars, style.columns_of(labels, style.HALF_WIDTH)))
    return figure


def _named(parameter: str) -> str:
    return LABELS.get(parameter, parameter.replace("_", " "))


def caption(shown: Importance) -> str:
    """What each evaluator measures."""
    trials = text.counted_range(shown.trials["n"], "search trial")
    evaluators = text.listed(sorted(shown.shares["evaluator"].unique()))
    return (
        f"Importance of each hyperparameter for the best validation IoU ({trials} of each architecture), by "
        f"{evaluators}."
    )


def alt(shown: Importance) -> str:
    """The most important hyperparameter of each architecture and evaluator."""
    each = []
    for (name, evaluator), own in shown.shares.groupby(["architecture", "evaluator"], sort=False):
        first = own.nlargest(1, "share").iloc[0]
        parameter = f"{_named(first['hyperparameter'])} {first['share']:.0%}"
        each.append(f"{style.look(str(name)).label} by {evaluator} {parameter}")
    trials = numbers(shown.trials.set_index("architecture")["n"])
    return f"Bars of the importance of each hyperparameter, by trials: {trials}. The most important: {'; '.join(each)}."


PLOT = Plot(section="search", stage="search", width="half", record=record, draw=draw, caption=caption, alt=alt)

"""The share of runs that reached the target validation IoU, by epochs and by seconds: how soon, and how surely."""

import math
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from scipy import stats

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.convergence import TARGET_SHARE, convergence
from hourglass_bench.reports.analysis.summary import Summary, comparable
from hourglass_bench.reports.figures.base import NoDataError, Plot, by_architecture, draw_whiskers, numbers, told
from hourglass_bench.reports.store.load import ARCHITECTURE, RUN

EFFORTS = {"epochs": "epochs", "seconds": "seconds of training steps"}
DECADE = 10
"""Seconds that differ by a larger factor are drawn on a logarithmic axis."""
PAST = 1.05
"""How far an axis goes past its end, so that a step there is seen."""
PLACE, GAP = 1.03, 0.03
"""Of the intervals right of an axis, in parts of its width: of the first one, and from one to the next."""


class Targets(NamedTuple):
    """Runs that trained, however soon they ended, all configurations of an architecture together."""

    target: float
    """Validation IoU."""
    steps: pd.DataFrame
    """architecture, effort (epochs or seconds), at, share of the runs that had reached the target by then."""
    reached: pd.DataFrame
    """architecture, n, reached, share, low, high: the 95 % interval of Clopper and Pearson."""


def record(summary: Summary) -> Targets:
    """A step for each run that reached the target, from nothing to the end of the longest training."""
    found = convergence(summary)
    if math.isnan(found.target):
        raise NoDataError("no complete run is there to set the target by.")
    about = comparable(summary.runs)[[RUN, ARCHITECTURE]].set_axis([RUN, "architecture"], axis=1)
    runs = found.runs.merge(about, on=RUN)
    ends = _longest(summary, runs)
    steps = [
        _steps(own[effort], end).assign(architecture=name, effort=effort)
        for name, own in by_architecture(runs)
        for effort, end in ends.items()
    ]
    reached = [_reached(own["epochs"]) | {"architecture": name} for name, own in by_architecture(runs)]
    return Targets(found.target, pd.concat(steps, ignore_index=True), pd.DataFrame(reached))


def _longest(summary: Summary, runs: pd.DataFrame) -> dict[str, float]:
    """The most epochs and the most seconds that one of the runs trained."""
    curves = summary.study.curves[summary.study.curves[RUN].isin(runs[RUN])]
    seconds = curves[curves["metric"] == schema.EPOCH_SECONDS.name].groupby(RUN)["value"].agg(["size", "sum"])
    if seconds.empty:
        raise NoDataError("no complete run logged its seconds per epoch.")
    return {"epochs": float(seconds["size"].max()), "seconds": float(seconds["sum"].max())}


def _steps(efforts: pd.Series, end: float) -> pd.DataFrame:
    """The empirical distribution of the efforts; those that are infinite count as runs and make no step."""
    at = sorted(effort for effort in efforts if math.isfinite(effort))
    shares = [(place + 1) / len(efforts) for place in range(len(at))]
    return pd.DataFrame({"at": [0.0, *at, end], "share": [0.0, *shares, len(at) / len(efforts)]})


def _reached(epochs: pd.Series) -> dict[str, object]:
    n, reached = len(epochs), sum(map(math.isfinite, epochs))
    interval = stats.binomtest(reached, n).proportion_ci(0.95, method="exact")
    return {"n": n, "reached": reached, "share": reached / n, "low": interval.low, "high": interval.high}


def draw(shown: Targets) -> Figure:
    """Epochs on the left, seconds on the right; beside each axis the shares in the end with their intervals."""
    figure, (axes,) = style.panels(2, height=2.2, sharey=True)
    for axis, (effort, label) in zip(axes, EFFORTS.items(), strict=True):
        steps = shown.steps[shown.steps["effort"] == effort]
        _scale(axis, steps["at"])
        # Backwards: where lines coincide, the solid one of U-Net lies below the broken ones.
        for name, own in reversed(by_architecture(steps)):
            end = {"at": axis.get_xlim()[1], "share": own["share"].iloc[-1]}
            drawn = pd.concat([own, pd.DataFrame([end])])
            axis.step(drawn["at"], drawn["share"], where="post", **style.look(name).lined)
        intervals = shown.reached.assign(mean=shown.reached["share"], x=PLACE + GAP * shown.reached.index)
        beside: dict[str, Any] = {"transform": axis.get_yaxis_transform(), "clip_on": False, "markersize": 4}
        draw_whiskers(axis, intervals, "x", **beside)
        axis.set_xlabel(label)
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].yaxis.set_major_formatter(PercentFormatter(1))
    axes[0].set(ylabel="runs that reached\nthe target", ylim=(-0.02, 1.02))
    style.architecture_legend(figure, shown.reached["architecture"])
    return figure


def _scale(axis: Axes, at: pd.Series) -> None:
    """From nothing to past the end, or from before the first run that reached the target where that is far from it."""
    first, end = float(at[at > 0].min()), float(at.max())
    if end > DECADE * first:
        axis.set_xlim(first / PAST**2, end * PAST)
        style.binary_axis(axis)
    else:
        axis.set_xlim(0, end * PAST)


def caption(shown: Targets) -> str:
    """What the target, the steps and the intervals are."""
    counts = numbers(shown.reached.set_index("architecture")["n"])
    return (
        f"Share of the runs that have reached a validation IoU of {text.digits(shown.target)} ({TARGET_SHARE:.0%} of "
        "the highest median, over configurations, of the best validation IoU), all configurations of an architecture "
        f"together ({counts}). Right of each axis: the share in the end with its 95 % Clopper-Pearson interval."
    )


def alt(shown: Targets) -> str:
    """How many runs reached the target, and the epoch by which half of them had."""
    reached = shown.reached.set_index("architecture")[["reached", "n"]]

    def soon(own: pd.DataFrame) -> str:
        half = own.loc[own["share"] >= 0.5, "at"]
        when = "" if half.empty else f", half of them by epoch {half.iloc[0]:.0f}"
        return " of ".join(map(str, reached.loc[own["architecture"].iloc[0]])) + when

    return (
        f"Rising step lines: share of runs that reached a validation IoU of {text.digits(shown.target)} by epochs and "
        f"by seconds. Reached by: {told(shown.steps[shown.steps['effort'] == 'epochs'], soon)}."
    )


PLOT = Plot(section="convergence", record=record, draw=draw, caption=caption, alt=alt)

"""Where the time of a run went, for each architecture."""

import math
from typing import Any, NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.summary import NOT_ENTERED, Summary
from hourglass_bench.reports.figures.base import NoDataError, Plot, numbers, told
from hourglass_bench.reports.store.load import ARCHITECTURE

OTHER = "other"
"""The run's own time that is in no phase."""
IDLE = "idle"
"""Its worker's time beside the run, from the end of the run before; runs outside a study have none."""
PARTS = (*map(str, schema.PHASES), OTHER, IDLE)
"""What the time of a run is divided into, in this order."""
ALL = "all"
LEARNING = ("train", "validation")

LABELS = {str(phase): metric.label for phase, metric in schema.PHASES.items()} | {OTHER: "other", IDLE: "idle"}
SHADES = dict(zip(PARTS, (0.35, 0.95, 0.25, 0.7, 0.5, 0.9, 0.2, 0.8, 0.4, 0.6, 1.0), strict=True))
"""Places on a scale from dark to light: neighbours differ without colour."""
HATCHED = ("autotune", "validation", "memory", "artifacts", IDLE)
COLUMNS = 5
ROOM = 0.045
"""Share of the longest bar that a part must have to hold its own share in writing."""


class Times(NamedTuple):
    """The complete runs of the comparison, all configurations of an architecture together."""

    parts: pd.DataFrame
    """architecture, part, seconds (mean over its complete runs), share, runs."""


def record(summary: Summary) -> Times:
    """The parts that took time in some run."""
    complete = summary.runs[summary.runs[schema.STATE] == "complete"]
    means = {name: mean_times(runs) for name, runs in complete.groupby(ARCHITECTURE)}
    runs = complete[ARCHITECTURE].value_counts()
    rows = [
        (name, part, of_one[part], of_one[part] / of_one[ALL], runs[name])
        for name, of_one in means.items()
        for part in PARTS
        if any(other[part] > 0 for other in means.values())
    ]
    parts = pd.DataFrame(rows, columns=["architecture", "part", "seconds", "share", "runs"]).dropna()
    if parts.empty:
        raise NoDataError("no complete run logged how long it took.")
    return Times(parts.reset_index(drop=True))


def mean_times(complete: pd.DataFrame) -> dict[str, float]:
    """Mean seconds of complete runs by part, and of `all`, to which the parts add up; idle is NaN where none logged it.

    A run took no time for a phase that it did not enter.
    """
    seconds = complete.fillna(NOT_ENTERED)
    phases = {str(name): float(seconds[phase.name].mean()) for name, phase in schema.PHASES.items()}
    run, idle = (float(seconds[metric.name].mean()) for metric in (schema.SECONDS, schema.IDLE_SECONDS))
    whole = run + (0.0 if math.isnan(idle) else idle)
    return phases | {OTHER: run - sum(phases.values()), IDLE: idle, ALL: whole}


def draw(shown: Times) -> Figure:
    """A stacked bar per architecture, the first one on top."""
    names = style.in_order(shown.parts["architecture"])
    seconds = shown.parts.pivot(index="architecture", columns="part", values="seconds").reindex(names).fillna(0.0)
    present = [part for part in PARTS if part in seconds]
    lines = -(-len(present) // COLUMNS)
    figure, ((axis,),) = style.panels(1, height=0.55 + 0.17 * lines + 0.28 * len(names))
    starts, whole = seconds[present].cumsum(axis=1) - seconds[present], seconds.sum(axis=1)
    for part in present:
        _draw_part(axis, part, seconds[part], starts[part], whole)
    axis.set_yticks(range(len(names)), [style.look(name).label for name in names])
    axis.set(xlabel="seconds per run", xlim=(0, 1.01 * whole.max()))
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    figure.legend(loc="outside upper center", ncols=COLUMNS, handlelength=1.8, handleheight=0.9)
    return figure


def _draw_part(axis: Axes, part: str, seconds: pd.Series, starts: pd.Series, whole: pd.Series) -> None:
    colour = mpl.colormaps["mako"](SHADES[part])
    ink = style.ink_on(colour)
    hatch: dict[str, Any] = {"hatch": "/////", "hatch_linewidth": 0.4} if part in HATCHED else {}
    filling = {"color": colour, "edgecolor": ink if hatch else "none", "linewidth": 0, **hatch}
    bars = axis.barh(range(len(seconds)), seconds, 0.68, starts, **filling, label=LABELS[part])
    written = (seconds / whole).map("{:.0%}".format).where(seconds > ROOM * whole.max(), "")
    backing = {"facecolor": colour, "pad": 0.6, "linewidth": 0}
    for label in axis.bar_label(bars, list(written), label_type="center", fontsize=6.5, color=ink):
        if label.get_text():
            label.set_bbox(backing)


def caption(shown: Times) -> str:
    """What is averaged."""
    each = numbers(shown.parts.groupby("architecture")["runs"].first())
    spent = shown.parts["seconds"] * shown.parts["runs"]
    learning = spent[shown.parts["part"].isin(LEARNING)].sum() / spent.sum()
    return (
        f"Where the time went: mean seconds of the complete runs ({each}), all configurations of an architecture "
        f"together, with each larger part's share; training and validation took {learning:.0%} of all."
    )


def alt(shown: Times) -> str:
    """The largest parts of each architecture."""

    def largest(own: pd.DataFrame) -> str:
        rows = own.nlargest(3, "share").iterrows()
        parts = ", ".join(f"{LABELS[row['part']]} {row['share']:.0%}" for _, row in rows)
        return f"{text.significant(own['seconds'].sum())} s per run ({parts})"

    return f"Stacked bars of the mean time of a run by what it was spent on: {told(shown.parts, largest)}."


PLOT = Plot(section="costs", record=record, draw=draw, caption=caption, alt=alt)

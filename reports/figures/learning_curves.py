"""Validation IoU and cross-entropy over the epochs: does it converge, and in every attempt?"""

import textwrap
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.base_rate import entropy
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.claims import claims
from hourglass_bench.reports.analysis.summary import CONFIGURATION, LABEL, N, Summary, highest, ranked, title
from hourglass_bench.reports.figures.base import NoDataError, Plot
from hourglass_bench.reports.store.load import (
    ARCHITECTURE,
    BLEND,
    CHANNELS,
    DATA_FOLDS,
    EPOCHS,
    NORM,
    REPEAT,
    RUN,
    SPLIT,
)

MOST_PANELS = 4
NEWLINE = "\n"
TITLE = 90
"""Characters of a title that is as wide as the page."""
METRICS = (schema.VAL_IOU, schema.VAL_BCE)
Choice = Literal["all", "equal width", "best"]
CHOICES: dict[Choice, str] = {
    "all": "every configuration",
    "equal width": "each architecture at the encoder widths of the headline (if it has no such configuration, at its "
    "best)",
    "best": "each architecture at its best",
}
"""Which configurations are shown, in words."""


class LearningCurves(NamedTuple):
    """The curves of a few configurations."""

    runs: pd.DataFrame
    """configuration, architecture, label, run_id, repeat, state, metric, epoch, value."""
    medians: pd.DataFrame
    """configuration, metric, epoch, value, seconds of training steps up to then: medians over the complete runs."""
    base_rate: pd.DataFrame
    """configuration, value: entropy of the foreground share, what a constant prediction scores."""
    choice: Choice
    architectures: int
    """How many there are, of which some may have no room."""

    @property
    def panels(self) -> pd.DataFrame:
        """Its first run for each configuration."""
        return self.runs.drop_duplicates(CONFIGURATION)

    @property
    def timed(self) -> bool:
        """Whether medians can be told apart in one panel: by their architectures."""
        return bool(self.medians["seconds"].notna().any()) and self.panels[ARCHITECTURE].is_unique

    @property
    def top(self) -> float:
        """Upper end of the cross-entropy axis: a diverging run must not flatten all others."""
        highest = self.runs.loc[self.runs["metric"] == schema.VAL_BCE.name, "value"].max()
        rate = self.base_rate["value"].max()
        if np.isnan(rate) or np.isnan(highest):
            return 1.05 * float(np.nanmax([rate, highest, 0]) or 1)
        return 1.05 * float(min(max(highest, rate), 2 * rate))


@lru_cache(maxsize=1)
def record(summary: Summary) -> LearningCurves:
    """All configurations if they are few, else one of each architecture, of equal width if the headline has such."""
    names = [metric.name for metric in METRICS]
    logged = summary.study.curves[summary.study.curves["metric"].isin(names)].dropna(subset="value")
    about = summary.runs[[RUN, CONFIGURATION, ARCHITECTURE, LABEL, REPEAT, schema.STATE]]
    runs = about.merge(logged, on=RUN)
    if runs.empty:
        raise NoDataError("no run with an outcome logged a validation curve.")
    architectures = runs[ARCHITECTURE].nunique()
    chosen, choice = _chosen(summary, runs)
    runs = runs[runs[CONFIGURATION].isin(chosen)].reset_index(drop=True)
    complete = runs[runs[schema.STATE] == "complete"].merge(_seconds(summary), on=[RUN, "epoch"], how="left")
    medians = complete.groupby([CONFIGURATION, "metric", "epoch"])[["value", "seconds"]].median().reset_index()
    rate = _base_rate(summary.runs[summary.runs[RUN].isin(runs[RUN])])
    return LearningCurves(runs, medians, rate, choice, architectures)


def _seconds(summary: Summary) -> pd.DataFrame:
    """run_id, epoch, seconds of training steps up to its end."""
    curves = summary.study.curves
    epochs = curves[curves["metric"] == schema.EPOCH_SECONDS.name].sort_values([RUN, "epoch"])
    return epochs.assign(seconds=epochs.groupby(RUN)["value"].cumsum())[[RUN, "epoch", "seconds"]]


def _chosen(summary: Summary, runs: pd.DataFrame) -> tuple[list[int], Choice]:
    present = runs.drop_duplicates(CONFIGURATION)
    if len(present) <= MOST_PANELS:
        return present[CONFIGURATION].to_list(), "all"
    best = summary.best.set_index(ARCHITECTURE)[CONFIGURATION].to_dict()
    equal = _of_equal_width(summary)
    first = list(ranked(summary.best)[ARCHITECTURE])[:MOST_PANELS]
    ahead = [number for name, number in (best | equal).items() if name in first]
    # An architecture without a complete run still shows that it was tried.
    others = present[~present[ARCHITECTURE].isin(summary.best[ARCHITECTURE])].drop_duplicates(ARCHITECTURE)
    chosen = [*ahead, *others[CONFIGURATION].to_list()][:MOST_PANELS]
    return chosen, "equal width" if equal else "best"


def _of_equal_width(summary: Summary) -> dict[str, int]:
    """The configuration of each architecture that is as wide as the two that the headline compares at equal width."""
    equal = next((claim.a for claim in claims(summary) if claim.matching == "equal width"), None)
    if equal is None:
        return {}
    alike = [CHANNELS, NORM, SPLIT, DATA_FOLDS, EPOCHS, BLEND]
    table = summary.configurations[summary.configurations[N] > 0]
    table = table[(table[alike] == equal[alike]).all(axis=1)]
    return {str(name): int(highest(rows)[CONFIGURATION]) for name, rows in table.groupby(ARCHITECTURE)}


def _base_rate(runs: pd.DataFrame) -> pd.DataFrame:
    rates = runs.assign(value=runs[schema.FOREGROUND_SHARE.name].map(entropy))
    return rates.groupby(CONFIGURATION)["value"].mean().dropna().reset_index()


def draw(shown: LearningCurves) -> Figure:
    """A column per configuration; IoU above, cross-entropy below; then all medians against seconds."""
    panels = [panel for _, panel in shown.panels.iterrows()]
    titles = [_title(panel, len(panels) + shown.timed) for panel in panels]
    height = 3.1 + 0.12 * max(heading.count(NEWLINE) - 1 for heading in titles)
    figure, axes = style.panels(len(panels) + shown.timed, rows=2, height=height, sharex="col", sharey="row")
    for row, metric in zip(axes, METRICS, strict=True):
        # Backwards: where lines coincide in the last column, the solid one of U-Net lies below the broken ones.
        for axis, panel in reversed(list(zip(row, panels, strict=False))):
            _draw_curves(axis, row[-1] if shown.timed else None, shown, panel, metric.name)
        row[0].set_ylabel(f"{metric.label.replace(' ', NEWLINE, 1)}{'' if metric.unit == '1' else f' ({metric.unit})'}")
    rates = shown.base_rate.set_index(CONFIGURATION)["value"]
    for (top, bottom), panel, heading in zip(zip(*axes, strict=True), panels, titles, strict=False):
        top.set_title(heading)
        bottom.set(xlabel="epoch", xlim=(0.5, shown.runs["epoch"].max() + 0.5))
        bottom.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        if panel[CONFIGURATION] in rates.index:
            rate = rates[panel[CONFIGURATION]]
            bottom.axhline(rate, color="black", linewidth=0.8, linestyle=(0, (1, 1)))
            # Where networks that learn leave room: beside the line it would hide curves.
            where = {"transform": bottom.transAxes, "fontsize": 6.5, "bbox": style.PAPER}
            bottom.text(0.03, 0.05, f"base rate {text.digits(rate)}", **where)
    if shown.timed:
        axes[0][-1].set_title("medians\nagainst seconds")
        axes[1][-1].set(xlabel="seconds of training", xlim=(0, None))
    axes[1][0].set_ylim(0, shown.top)
    return figure


def _title(panel: pd.Series, columns: int) -> str:
    """Architecture and label, broken at commas where it is wider than its column, and a list only if it must be."""
    width = TITLE // columns
    lines: list[str] = []
    for part in textwrap.wrap(text.parted(panel[LABEL]), width, break_long_words=False, break_on_hyphens=False):
        lines += [part] if len(part) <= width else textwrap.wrap(part.replace(text.NBSP, " "), width)
    return NEWLINE.join([style.look(panel[ARCHITECTURE]).label, *lines])


def _draw_curves(axis: Axes, timed: Axes | None, shown: LearningCurves, panel: pd.Series, metric: str) -> None:
    """Runs and medians of a panel, and these against seconds in the panel of all medians if there is one."""
    runs, medians = (
        table[(table[CONFIGURATION] == panel[CONFIGURATION]) & (table["metric"] == metric)]
        for table in (shown.runs, shown.medians)
    )
    look = style.look(panel[ARCHITECTURE])
    marker = "o" if shown.runs["epoch"].max() == 1 else ""  # a line through one point draws nothing
    for (state, _), run in runs.sort_values("epoch").groupby([schema.STATE, RUN]):
        colour, line, width = (look.colour, "-", 0.5) if state == "complete" else (style.GREY, ":", 0.9)
        thin: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": width, "markersize": 3}
        axis.plot(run["epoch"], run["value"], **thin, marker=marker)
    axis.plot(medians["epoch"], medians["value"], **look.lined, marker=marker, linewidth=2)
    if timed is not None:
        timed.plot(medians["seconds"], medians["value"], **look.lined, marker="o" if len(medians) == 1 else "")


def caption(shown: LearningCurves) -> str:
    """What is chosen and how lines differ."""
    last = " Last column: the medians by seconds of training."
    present = shown.panels[ARCHITECTURE].nunique()
    first = f" Of {shown.architectures} architectures the first {present} by validation."
    return (
        f"Learning curves of {CHOICES[shown.choice]}.{first * (present < shown.architectures)} Thin: each repeat; "
        "thick: median of the complete runs; grey dotted: runs that did not complete; black dotted: base rate, at "
        f"whose double the axis of the cross-entropy ends at most.{last * shown.timed}"
    )


def alt(shown: LearningCurves) -> str:
    """First and last median of each configuration's IoU."""
    iou = shown.medians[shown.medians["metric"] == schema.VAL_IOU.name]
    parts = []
    for _, panel in shown.panels.iterrows():
        curve = iou.loc[iou[CONFIGURATION] == panel[CONFIGURATION], "value"]
        ends = "no median" if curve.empty else f"from {text.digits(curve.iloc[0])} to {text.digits(curve.iloc[-1])}"
        parts.append(f"{title(panel)} {ends}")
    return f"Line plots of validation IoU and cross-entropy by epoch. Median validation IoU: {'; '.join(parts)}."


PLOT = Plot(section="convergence", record=record, draw=draw, caption=caption, alt=alt)

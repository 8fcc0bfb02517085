"""The figure: a row of panels per network. Speed of every repetition below the roof; validation IoU over seconds."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, LogLocator, NullLocator

from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.perf.analysis import Analysis
from hourglass_bench.bench.perf.config import ADVISED, HARNESS, IMPLEMENTATIONS, LIGHTNING, PLAIN
from hourglass_bench.bench.perf.records import EpochTiming, elapsed
from hourglass_bench.bench.perf.roofline import Roof
from hourglass_bench.bench.perf.text import number

WIDTH = 8.0
ROW_HEIGHT = 2.1
SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.linewidth": 0.4,
    "grid.color": "0.85",
    "svg.fonttype": "path",
    "svg.hashsalt": "hourglass-bench",
}


LOOKS: Mapping[str, Mapping[str, Any]] = {
    HARNESS: {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    PLAIN: {"color": "#000000", "marker": "s", "linestyle": "--"},
    ADVISED: {"color": "#E69F00", "marker": "D", "linestyle": "-."},
    LIGHTNING: {"color": "#CC79A7", "marker": "^", "linestyle": ":"},
}
"""Okabe-Ito colours, and a marker and line for grey printers."""


def write_figure(analyses: Sequence[Analysis], path: Path) -> None:
    """Write the SVG."""
    with mpl.rc_context(SETTINGS), replacing(path) as partial:  # type: ignore[arg-type]  # keys are of a literal type
        draw(analyses).savefig(partial, format="svg", metadata={"Date": None})


def draw(analyses: Sequence[Analysis]) -> Figure:
    """Panels: training, inference and, if trainings were followed, validation IoU; the first one names the marks."""
    curves = any(of for analysis in analyses for of in analysis.measured.curves.values())
    figure = Figure(figsize=(WIDTH, ROW_HEIGHT * len(analyses) + 0.4), layout="constrained")
    rows = figure.subplots(len(analyses), 3 if curves else 2, squeeze=False)
    for row, analysis in zip(rows, analyses, strict=True):
        _draw_speed(row[0], analysis, analysis.train_roofs, lambda epoch: epoch.train_rate)
        _draw_speed(row[1], analysis, analysis.infer_roofs, lambda epoch: epoch.val_rate)
        row[0].set_title(f"{analysis.network}: training")
        row[1].set_title(f"{analysis.network}: inference")
        row[1].tick_params(labelleft=False)
        if curves:
            _draw_curves(row[2], analysis)
            row[2].set_title(f"{analysis.network}: validation IoU")
    return figure


def _draw_speed(axis: Axes, analysis: Analysis, roofs: dict[str, Roof], rate: Callable[[EpochTiming], float]) -> None:
    """Hollow marks: repetitions; filled: their median; upright line: what the machine could do at that precision."""
    names = list(analysis.measured.timings)
    for place, name in enumerate(names):
        rates = [rate(epoch) for epoch in analysis.measured.timings[name]]
        middle, mark = median(rates), {**LOOKS[name], "linestyle": "none"}
        axis.plot(rates, [place] * len(rates), **mark, fillstyle="none", markeredgewidth=0.7, markersize=4)
        axis.plot(middle, place, **mark, markersize=7)
        axis.vlines(roofs[name].images, place - 0.4, place + 0.4, color="black", linewidth=1.6)
        axis.annotate(number(middle, "rate"), (middle, place), (0, 6), textcoords="offset points", ha="center")
    axis.set_yticks(range(len(names)), [IMPLEMENTATIONS[name] for name in names])
    axis.set_ylim(len(names) - 0.5, -0.7)
    axis.set_xscale("log")
    axis.margins(x=0.15)
    axis.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5), numticks=8))
    axis.xaxis.set_major_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(10, 10)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("images/s (logarithmic; bar: roof)")


def _draw_curves(axis: Axes, analysis: Analysis) -> None:
    """A line per training."""
    for name, curves in analysis.measured.curves.items():
        for curve in curves:
            axis.plot(elapsed(curve), [epoch.val_iou for epoch in curve], **LOOKS[name], markersize=2.5, linewidth=0.9)
    if analysis.target_iou:
        axis.axhline(analysis.target_iou, color="black", linewidth=0.8, linestyle=(0, (1, 1)))
    axis.set_xlabel("seconds with set-up (dotted: target)")
    axis.set_xlim(left=0)

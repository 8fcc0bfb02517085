"""Test IoU over depth and base width: a heat map per architecture, and one of the difference."""

import math
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.cells import best_cells, cell_differences
from hourglass_bench.reports.analysis.claims import headline
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.figures.base import (
    NoDataError,
    Plot,
    by_architecture,
    lack,
    left_out,
    measured_points,
    ranges,
    repeats,
    with_sizes,
)

MOST_IN_A_ROW = 4
MOST_TICKS = 6
MOST_HATCHED = 20
"""Widths up to which cells are wide enough for borders and hatching."""
MOST_NUMBERED = 20
"""Columns of a row of panels up to which numbers fit into cells."""
MOST_SIGNED = 16
"""Columns up to which differences, which have a sign, have three decimals like scores; two where there are more."""
ROW_HEIGHT, FRAME, LEAST_HEIGHT = 0.24, 0.62, 1.6
"""Inches: of one depth, of a panel's title and ticks, and the least of a panel."""
LEAST_ROW = 0.15
"""Inches: of one depth that holds numbers."""
NOTHING = "#EFEFEF"
"""Colour of a difference of zero: not white, which is that of an empty cell."""
SCORES = "cividis"


class DepthWidth(NamedTuple):
    """Cells of depth and base width."""

    cells: pd.DataFrame
    """Columns as `measured_points`, a row for each architecture, depth and base width."""
    differences: pd.DataFrame
    """Of `cell_differences` of the architectures of the headline."""
    names: tuple[str, str] | None
    """Architectures of the headline; None without a difference of theirs."""
    others: tuple[str, ...] = ()
    """Architectures without depth and base width."""


def record(summary: Summary) -> DepthWidth:
    """The configuration that is highest by validation, where several share a cell."""
    every = measured_points(summary)
    points = with_sizes(every)
    best, names = best_cells(summary, points["number"]), headline(summary)
    cells = points[points["number"].isin(best[CONFIGURATION])].reset_index(drop=True)
    if cells.groupby("architecture").size().max() == 1:
        raise NoDataError("no complete run of any architecture has a second depth or base width.")
    differences = cell_differences(summary, best, *(names or ("", "")))
    return DepthWidth(cells, differences, None if differences.empty else names, left_out(every, points))


class Grid(NamedTuple):
    """One panel."""

    title: str
    values: pd.DataFrame
    """By depth and width; NaN where there is none."""
    colours: Colormap
    limits: tuple[float, float]
    hatched: Collection[tuple[int, int]] = ()
    """Column and row of cells."""
    signed: bool = False


def draw(shown: DepthWidth) -> Figure:
    """A panel per architecture with one scale, and the difference with its own."""
    grids = _grids(shown)
    depths, widths = grids[0].values.shape
    # As many rows of panels as have room, and not more panels beside each other than they need.
    most = max(1, int(style.MOST_HEIGHT // (FRAME + LEAST_ROW * depths)))
    columns = max(min(len(grids), MOST_IN_A_ROW), math.ceil(len(grids) / most))
    rows = math.ceil(len(grids) / columns)
    height = rows * max(LEAST_HEIGHT, FRAME + ROW_HEIGHT * depths)
    figure, table = style.panels(columns, rows=rows, height=height, sharey=True)
    every = [axis for row in table for axis in row]
    # The difference stands last in its row, so that both colour bars are at the right.
    axes = [every[-1] if grid.signed else every[place] for place, grid in enumerate(grids)]
    for axis in set(every) - set(axes):
        axis.set_axis_off()
    for axis, grid in zip(axes, grids, strict=True):
        _draw(axis, grid, columns * widths)
    for row in table:
        row[0].set_ylabel("depth")
    _bars(figure, axes, grids)
    return figure


def _grids(shown: DepthWidth) -> list[Grid]:
    depths, widths = (sorted(set(shown.cells[name])) for name in ("depth", "width"))

    def spread(table: pd.DataFrame, column: str) -> pd.DataFrame:
        return table.pivot(index="depth", columns="width", values=column).reindex(index=depths, columns=widths)

    limits = shown.cells["mean"].min(), shown.cells["mean"].max()
    grids = [
        Grid(style.look(name).label, spread(own, "mean"), colormaps[SCORES], limits)
        for name, own in by_architecture(shown.cells)
    ]
    if shown.names is None:
        return grids
    # Differences end in the colours of the architectures; those that do not matter stay pale.
    first, second = map(style.look, shown.names)
    colours = sns.blend_palette([second.colour, NOTHING, first.colour], as_cmap=True)
    largest = max(shown.differences["difference"].abs().max(), schema.TEST_IOU.margin or 0)
    clear = shown.differences[shown.differences["clear"]]
    hatched = [(widths.index(row.width), depths.index(row.depth)) for row in clear.itertuples()]
    title, differences = f"{first.label} less {second.label}", spread(shown.differences, "difference")
    return [*grids, Grid(title, differences, colours, (-largest, largest), hatched, signed=True)]


def _draw(axis: Axes, grid: Grid, columns: int) -> None:
    """One panel of a row that has so many columns in all its panels."""
    show, places = (text.signed, 3 if columns <= MOST_SIGNED else 2) if grid.signed else (text.digits, 3)
    bordered = grid.values.shape[1] <= MOST_HATCHED
    sns.heatmap(
        grid.values,
        ax=axis,
        cmap=grid.colours,
        vmin=grid.limits[0],
        vmax=grid.limits[1],
        cbar=False,
        linewidths=0.6 if bordered else 0,
        annot=columns <= MOST_NUMBERED and grid.values.map(lambda value: show(value, places)),
        fmt="",
        annot_kws={"size": 5.5},
        xticklabels=math.ceil(grid.values.shape[1] / MOST_TICKS),
        yticklabels=math.ceil(grid.values.shape[0] / MOST_TICKS),
    )
    for corner in grid.hatched if bordered else ():
        axis.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="////", edgecolor="#404040", linewidth=0))
    # Numbers stand on the colour of their cell, which keeps the hatching away from them.
    shades = axis.collections[0].to_rgba(grid.values.to_numpy(np.float64))
    for number in axis.texts:
        column, row = map(int, number.get_position())
        shade = tuple(shades[row, column])
        number.set_color(style.ink_on(shade))
        number.set_bbox({"facecolor": shade, "edgecolor": "none", "pad": 0.6})
    axis.set(title=grid.title, xlabel="base width", ylabel="", ylim=(0, len(grid.values)))
    axis.tick_params(axis="both", rotation=0)
    axis.grid(visible=False)
    axis.spines[:].set(visible=True, linewidth=0.3)


def _bars(figure: Figure, axes: list[Axes], grids: list[Grid]) -> None:
    """A colour bar for the scores and one for the differences."""
    for signed, label in ((False, "IoU"), (True, "")):
        own = [axis for axis, grid in zip(axes, grids, strict=True) if grid.signed == signed]
        if own:
            bar = figure.colorbar(own[0].collections[0], ax=own[:MOST_IN_A_ROW], aspect=18, pad=0.02, fraction=0.06)
            bar.ax.set_title(label, fontsize=6.5)
            bar.outline.set_visible(False)


def caption(shown: DepthWidth) -> str:
    """What cells, colours and hatching are."""
    every = math.prod(shown.cells[name].nunique() for name in ("architecture", "depth", "width"))
    blank = " Blank: no complete run." if len(shown.cells) < every else ""
    return (
        f"Mean test IoU by depth and base width, {repeats(shown.cells)}; where several configurations share both, the "
        f"first by validation.{blank}{lack(shown.others, 'depth and base width')}{_difference_caption(shown)}"
    )


def _difference_caption(shown: DepthWidth) -> str:
    if shown.names is None:
        return ""
    count = text.counted_range(shown.differences["repeats"], "repeat")
    over = " or ".join(sorted(shown.differences["over"].unique()))
    clear = f"{int(shown.differences['clear'].sum())} of {text.counted(len(shown.differences), 'cell')}"
    marked = (
        f"Hatched ({clear})" if shown.cells["width"].nunique() <= MOST_HATCHED else f"In {clear}, too small to hatch"
    )
    return (
        f" Last panel: difference of two cells over the repeats that both have ({count}). {marked}: its 95 % interval "
        f"over {over} excludes 0; not adjusted for the number of cells, so this is no verdict."
    )


def alt(shown: DepthWidth) -> str:
    """Ranges of depth, width and IoU, and the differences."""
    depth, width = shown.cells["depth"], shown.cells["width"]
    found = (
        f"Heat maps of mean test IoU over depth {depth.min()} to {depth.max()} and base width {width.min()} to "
        f"{width.max()}. Mean test IoU: {ranges(shown.cells)}."
    )
    if shown.names is None:
        return found
    names = " less ".join(style.look(name).label for name in shown.names)
    values = shown.differences["difference"]
    return f"{found} {names}: {text.signed(values.min())} to {text.signed(values.max())}."


PLOT = Plot(section="differences", record=record, draw=draw, caption=caption, alt=alt)

"""Test IoU over depth and base width: a heat map per architecture, and one of the difference."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench import schema
from reports import style, text
from reports.analysis.claims import Claim, arms, headline
from reports.analysis.statistics import compare
from reports.analysis.summary import CONFIGURATION, IDENTITY, Summary, ranked
from reports.figures.base import NoDataError, Plot, measured_points, ranges, repeats
from reports.store.load import ARCHITECTURE, DATA_FOLDS, EPOCHS, SPLIT

MOST_IN_A_ROW = 4
MOST_TICKS = 6
MOST_HATCHED = 20
"""Widths up to which cells are wide enough for borders and hatching."""
ROW_HEIGHT = 0.24
"""Of one depth, in inches."""
FRAME = 0.62
"""Height of title, axis label and ticks of a panel, in inches."""
LEAST_HEIGHT = 1.6
PANELS = 0.75
"""Share of the figure's width that is cells."""
DIGIT = 0.64
"""Width of a digit of the report's font, as a share of the font size; a point is half as wide."""
LARGEST_TEXT, SMALLEST_TEXT = 6.5, 5.0
"""Points; cells in which not even the smallest fits have no numbers."""
NOTHING = "#EFEFEF"
"""Colour of a difference of zero: not white, which is that of an empty cell."""
SCORES = "cividis"


class DepthWidth(NamedTuple):
    """Cells of depth and base width."""

    cells: pd.DataFrame
    """Columns as `measured_points`, a row for each architecture, depth and base width."""
    differences: pd.DataFrame
    """depth, width, difference, low, high, over, repeats and clear (the interval excludes 0) where both architectures
    of the headline have a cell on the same repeats."""
    names: tuple[str, str] | None
    """Architectures of the headline."""


def record(of: Summary) -> DepthWidth:
    """The configuration that is highest by validation, where several share a cell."""
    points = measured_points(of)
    rows = of.configurations[of.configurations[CONFIGURATION].isin(points["number"])]
    best = ranked(rows).drop_duplicates(IDENTITY)
    cells = points[points["number"].isin(best[CONFIGURATION])].reset_index(drop=True)
    if cells.groupby("architecture").size().max() == 1:
        raise NoDataError("no complete run of any architecture has a second depth or base width.")
    return DepthWidth(cells, _differences(of, best), headline(of))


DIFFERENCES = ["depth", "width", "difference", "low", "high", "over", "repeats", "clear"]


def _differences(of: Summary, best: pd.DataFrame) -> pd.DataFrame:
    rows = []
    first, second = headline(of) or ("", "")
    firsts, seconds = (
        {_place(row): row for _, row in best[best[ARCHITECTURE] == name].sort_values(IDENTITY).iterrows()}
        for name in (first, second)
    )
    for place, a in firsts.items():
        b = seconds.get(place)
        if b is not None and all(a[name] == b[name] for name in (SPLIT, DATA_FOLDS, EPOCHS)):
            rows += _difference(of, Claim("equal depth and base width", a, b, 1.0))
    return pd.DataFrame(rows, columns=DIFFERENCES)


def _place(row: pd.Series) -> tuple[int, int]:
    return int(row[schema.DEPTH]), int(row[schema.BASE_WIDTH])


def _difference(of: Summary, cell: Claim) -> list[dict[str, object]]:
    a, b = arms(of, cell, schema.TEST_IOU)
    if a.empty:
        return []
    depth, width = _place(cell.a)
    found = compare(a, b, folds=int(cell.a[DATA_FOLDS]))
    low, high = found.interval
    return [
        {
            "depth": depth,
            "width": width,
            "difference": found.difference,
            "low": low,
            "high": high,
            "over": found.over,
            "repeats": found.repeats,
            "clear": low > 0 or high < 0,
        }
    ]


class Grid(NamedTuple):
    """One panel."""

    title: str
    values: pd.DataFrame
    """By depth and width; NaN where there is none."""
    hatched: set[tuple[int, int]]
    signed: bool


def draw(shown: DepthWidth) -> Figure:
    """A panel per architecture with one scale, and the difference with its own."""
    grids = _grids(shown)
    columns = min(len(grids), MOST_IN_A_ROW)
    rows = math.ceil(len(grids) / columns)
    depths, widths = grids[0].values.shape
    height = rows * max(LEAST_HEIGHT, FRAME + ROW_HEIGHT * depths)
    figure, table = style.panels(columns, rows=rows, height=height, sharey=True)
    every = [axis for row in table for axis in row]
    # The difference stands last in its row, so that both colour bars are at the right.
    axes = [every[-1] if grid.signed else every[place] for place, grid in enumerate(grids)]
    for axis in set(every) - set(axes):
        axis.set_axis_off()
    for row in table:
        row[0].set_ylabel("depth")
    for axis, grid in zip(axes, grids, strict=True):
        _draw(axis, grid, *_scale(shown, grid), PANELS * style.PAGE_WIDTH / columns / widths)
    _bars(figure, axes, grids)
    return figure


def _grids(shown: DepthWidth) -> list[Grid]:
    depths, widths = (sorted(set(shown.cells[name])) for name in ("depth", "width"))

    def spread(table: pd.DataFrame, column: str) -> pd.DataFrame:
        return table.pivot(index="depth", columns="width", values=column).reindex(index=depths, columns=widths)

    by_name = {str(name): cells for name, cells in shown.cells.groupby("architecture")}
    grids = [
        Grid(style.look(name).label, spread(by_name[name], "mean"), set(), False) for name in style.in_order(by_name)
    ]
    if shown.names is None or shown.differences.empty:
        return grids
    clear = shown.differences[shown.differences["clear"]]
    title = " less ".join(style.look(name).label for name in shown.names)
    hatched = set(zip(clear["depth"], clear["width"], strict=True))
    return [*grids, Grid(title, spread(shown.differences, "difference"), hatched, True)]


def _scale(shown: DepthWidth, grid: Grid) -> tuple[Colormap, Normalize]:
    """One for all scores; for differences one whose ends have the colours of the architectures."""
    if not grid.signed or shown.names is None:
        return colormaps[SCORES], Normalize(shown.cells["mean"].min(), shown.cells["mean"].max())
    first, second = (style.look(name).colour for name in shown.names)
    # Differences that do not matter stay pale.
    largest = max(shown.differences["difference"].abs().max(), schema.TEST_IOU.margin or 0)
    return LinearSegmentedColormap.from_list("difference", [second, NOTHING, first]), Normalize(-largest, largest)


def _draw(axis: Axes, grid: Grid, colours: Colormap, norm: Normalize, cell: float) -> None:
    """Cells of that width in inches."""
    values = grid.values.to_numpy(np.float64)
    wide = values.shape[1] <= MOST_HATCHED
    cells, border = np.ma.masked_invalid(values), 0.6 if wide else 0.0
    axis.pcolormesh(cells, cmap=colours, norm=norm, edgecolors="white" if wide else "face", linewidth=border)
    writing = _writing(grid, cell)
    for row, column in np.argwhere(~np.isnan(values)):
        value, colour = values[row, column], colours(norm(values[row, column]))
        ink = style.ink_on(colour)
        if wide and (grid.values.index[row], grid.values.columns[column]) in grid.hatched:
            lines = "#404040" if ink == "black" else "#D0D0D0"
            axis.add_patch(Rectangle((column, row), 1, 1, fill=False, hatch="////", edgecolor=lines, linewidth=0))
        if writing is not None:
            place, box = (column + 0.5, row + 0.5), {"facecolor": colour, "edgecolor": "none", "pad": 0.6}
            shown = writing.show(value)
            axis.text(*place, shown, ha="center", va="center", fontsize=writing.size, color=ink, bbox=box)
    _ticks(axis, grid)


class Writing(NamedTuple):
    """How the numbers of cells are printed."""

    size: float
    places: int
    signed: bool

    def show(self, value: float) -> str:
        """`0.71` or `+0.02`."""
        return text.signed(value, self.places) if self.signed else text.digits(value, self.places)


def _writing(grid: Grid, cell: float) -> Writing | None:
    """Three decimals or two, as large as a cell of that width in inches allows; None where neither can be read."""
    for places in (3, 2):
        letters = 1.5 + places + (1.3 if grid.signed else 0)
        size = min(LARGEST_TEXT, 0.9 * 72 * cell / (DIGIT * letters))
        if size >= SMALLEST_TEXT:
            return Writing(size, places, grid.signed)
    return None


def _ticks(axis: Axes, grid: Grid) -> None:
    for names, which in ((grid.values.columns, axis.xaxis), (grid.values.index, axis.yaxis)):
        step = math.ceil(len(names) / MOST_TICKS)
        which.set_ticks(np.arange(0, len(names), step) + 0.5, [str(name) for name in names[::step]])
    axis.grid(visible=False)
    axis.spines[:].set(visible=True, linewidth=0.3)
    axis.set(title=grid.title, xlabel="base width")


def _bars(figure: Figure, axes: list[Axes], grids: list[Grid]) -> None:
    """A colour bar for the scores and one for the differences."""
    for signed, label in ((False, "IoU"), (True, "")):
        of = [axis for axis, grid in zip(axes, grids, strict=True) if grid.signed == signed]
        if of:
            bar = figure.colorbar(of[0].collections[0], ax=of[:MOST_IN_A_ROW], aspect=18, pad=0.02, fraction=0.06)
            bar.ax.set_title(label, fontsize=6.5)
            bar.outline.set_visible(False)


def caption(shown: DepthWidth) -> str:
    """What cells, colours and hatching are."""
    return (
        "Mean test IoU by depth and base width (the width of the outermost level), "
        f"{repeats(shown.cells)}; where several configurations share both, the one that is highest by validation."
        f"{_empty(shown)}{_difference_caption(shown)}"
    )


def _empty(shown: DepthWidth) -> str:
    every = math.prod(shown.cells[name].nunique() for name in ("architecture", "depth", "width"))
    return " Blank: no complete run." if len(shown.cells) < every else ""


def _difference_caption(shown: DepthWidth) -> str:
    if shown.differences.empty:
        return ""
    count = text.counted_range(shown.differences["repeats"], "repeat")
    over = " or ".join(sorted(shown.differences["over"].unique()))
    clear = f"{int(shown.differences['clear'].sum())} of {text.counted(len(shown.differences), 'cell')}"
    marked = (
        f"Hatched ({clear})" if shown.cells["width"].nunique() <= MOST_HATCHED else f"In {clear}, too small to hatch"
    )
    return (
        f" Last panel: difference of two cells, mean over {over} of the repeats that both have ({count}). {marked}: "
        f"its 95 % interval, Student's t over {over}, excludes 0; it is not adjusted for the number of cells, so this "
        "is no verdict."
    )


def alt(shown: DepthWidth) -> str:
    """Ranges of depth, width and IoU, and the differences."""
    depth, width = shown.cells["depth"], shown.cells["width"]
    found = (
        f"Heat maps of mean test IoU over depth {depth.min()} to {depth.max()} and base width {width.min()} to "
        f"{width.max()}. Mean test IoU: {ranges(shown.cells)}."
    )
    if shown.names is None or shown.differences.empty:
        return found
    names = " less ".join(style.look(name).label for name in shown.names)
    values = shown.differences["difference"]
    return f"{found} {names}: {text.signed(values.min())} to {text.signed(values.max())}."


PLOT = Plot(section="differences", record=record, draw=draw, caption=caption, alt=alt)

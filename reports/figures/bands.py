"""Lines with bands of uncertainty, of several figures."""

from matplotlib.axes import Axes

from reports import style
from reports.figures.base import Whiskers


def draw_band(axis: Axes, marks: Whiskers, x: str) -> None:
    """A line through the means with a band over the interval."""
    look, points = style.look(marks.architecture), marks.points
    axis.fill_between(points[x], points["low"], points["high"], color=look.colour, alpha=0.15, linewidth=0)
    axis.plot(
        points[x],
        points["mean"],
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        markersize=4,
        markeredgecolor="white",
        markeredgewidth=0.5,
    )

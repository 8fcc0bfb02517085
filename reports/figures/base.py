"""What a figure consists of, and what several figures share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from bench import schema
from reports import style, text
from reports.analysis.estimates import estimates
from reports.analysis.summary import CONFIGURATION, LABEL, N, Summary, comparable, statistic
from reports.store.load import ARCHITECTURE

R = TypeVar("R", bound=tuple[object, ...])


class NoDataError(Exception):
    """There is nothing to draw. The message says what is missing and stands in the report in the figure's place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot(Generic[R]):
    """A figure: what it shows (`record`, a NamedTuple whose DataFrames become CSV files) and how it looks (`draw`)."""

    section: str
    """Heading of `reports.document.SECTIONS` under which it stands."""
    stage: schema.Stage = "comparison"
    """Left out without a word where a study has no such stage."""
    width: Literal["full", "half"] = "full"
    """Two neighbours of half width stand side by side; draw them `style.HALF_WIDTH` inches wide."""
    record: Callable[[Summary], R]
    """Raises NoDataError if there is nothing to draw."""
    draw: Callable[[R], Figure]
    caption: Callable[[R], str]
    alt: Callable[[R], str]
    """The same in words, for those who cannot see the figure."""


MOST_WHISKERS = 60
INTERVAL = "95 % interval, Student's t over folds, or over scenes where a single fold is tested"


class Whiskers(NamedTuple):
    """Marks of one architecture in one panel."""

    architecture: str
    points: pd.DataFrame
    """Columns mean, low, high and the one that is drawn along x."""


def measured_points(summary: Summary, metric: schema.Metric = schema.TEST_IOU) -> pd.DataFrame:
    """A row per configuration with a mean of a test metric: identity, memory, bottleneck, mean, low, high, n.

    Mean, and low and high of its 95 % interval, are those of `reports.analysis.estimates`.
    """
    table = comparable(summary.configurations[summary.configurations[N] > 0])
    points = pd.DataFrame(
        {
            "architecture": table[ARCHITECTURE],
            "number": table[CONFIGURATION],
            "configuration": table[LABEL],
            "depth": table[schema.DEPTH],
            "width": table[schema.BASE_WIDTH],
            "bottleneck": table[schema.BOTTLENECK_MEASURED],
            "memory_mb": table[statistic(schema.TENSOR_PEAK, "mean")] / text.MEGABYTE,
            "n": table[N],
        }
    )
    found = estimates(summary, metric).loc[points["number"]].set_index(points.index)
    points = points.join(found).dropna(subset="mean").reset_index(drop=True)
    if points.empty:
        raise NoDataError(f"no complete run was tested on whole scenes, so there is no test {metric.label}.")
    return points


def by_architecture(points: pd.DataFrame) -> list[Whiskers]:
    """The points of each architecture, in the fixed order."""
    names = style.in_order(points["architecture"])
    return [Whiskers(name, points[points["architecture"] == name]) for name in names]


def crowded(points: pd.DataFrame) -> bool:
    """Whether marks are too many for whiskers."""
    return len(points) > MOST_WHISKERS


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


def draw_whiskers(axis: Axes, marks: Whiskers, x: str, *, bare: bool = False, **mark: Any) -> None:
    """Marks at the mean with whiskers over the interval; small ones without them if they are to be bare.

    `mark` is how matplotlib shall draw them differently from the architecture's other marks.
    """
    look, points = style.look(marks.architecture), marks.points
    edge = {"markeredgecolor": "white", "markeredgewidth": 0.2 if bare else 0.5}
    spread = [points["mean"] - points["low"], points["high"] - points["mean"]]
    axis.errorbar(
        points[x],
        points["mean"],
        yerr=None if bare else spread,
        fmt=look.marker,
        color=look.colour,
        ecolor=to_rgba(look.colour, 0.55),
        elinewidth=0.7,
        markersize=2.5 if bare else None,
        **{**edge, **mark},
    )


def score_limits(points: pd.DataFrame) -> tuple[float, float]:
    """Ends of an axis with all marks and room for labels; whiskers of few folds are many times longer, and are cut."""
    low, high = points["mean"].min(), points["mean"].max()
    room, least = 0.5 * max(high - low, 0.04), 0.12 * max(high - low, 0.04)
    lowest, highest = (points[end].fillna(points["mean"]) for end in ("low", "high"))
    return min(max(lowest.min(), low - room), low - least), max(min(highest.max(), high + room), high + least)


def ranges(points: pd.DataFrame) -> str:
    """`Hourglass 0.712 to 0.804 (4 configurations)` for each architecture: the core of an alternative text."""
    return "; ".join(
        f"{style.look(name).label} {text.digits(own['mean'].min())} to {text.digits(own['mean'].max())} "
        f"({text.counted(len(own), 'configuration')})"
        for name, own in by_architecture(points)
    )


def repeats(points: pd.DataFrame) -> str:
    """`3 repeats` or `1 to 3 repeats`: how many runs stand behind a mark."""
    return text.counted_range(points["n"], "repeat")


def marks_are(points: pd.DataFrame) -> str:
    """What marks and whiskers are, and how many repeats stand behind them."""
    whisker = "intervals: in the CSV" if crowded(points) else f"whisker: its {INTERVAL}"
    return f"Mark: mean; {whisker} ({repeats(points)})"


def cropped(*panels: pd.DataFrame) -> str:
    """What axes with the `score_limits` of their panel's points show, and whether they cut intervals that are drawn."""
    axes, span, cut = ("axis", "spans", "cuts") if len(panels) == 1 else ("axes", "span", "cut")
    cuts = any(_cuts(points) for points in panels if not crowded(points))
    return f"The {axes} of the scores {span} the marks{f', and {cut} intervals' if cuts else ''}."


def _cuts(points: pd.DataFrame) -> bool:
    low, high = score_limits(points)
    return bool((points["low"] < low).any() or (points["high"] > high).any())

"""What a figure consists of, and what several figures share."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.markers import CARETDOWN, CARETUP

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.summary import (
    CONFIGURATION,
    LABEL,
    N,
    Summary,
    comparable,
    listed_labels,
    statistic,
)
from hourglass_bench.reports.store.load import ARCHITECTURE

R = TypeVar("R", bound=tuple[object, ...])


class NoDataError(Exception):
    """There is nothing to draw. The message says what is missing and stands in the report in the figure's place."""


class NotVariedError(NoDataError):
    """The study does not vary what the figure is about, which is left out without a word."""


@contextmanager
def readable() -> Iterator[None]:
    """A file that cannot be read is data that are not there."""
    try:
        yield
    except ValueError as damaged:
        raise NoDataError(str(damaged)) from damaged


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


class Points(NamedTuple):
    """What a figure of one table shows."""

    points: pd.DataFrame


MOST_WHISKERS = 60
ARROW: dict[str, Any] = {"linestyle": "none", "markersize": 4, "markeredgewidth": 0}


def measured_points(summary: Summary, metric: schema.Metric = schema.TEST_IOU) -> pd.DataFrame:
    """A row per configuration with a mean of a test metric: identity, memory, bottleneck, mean, low, high, n.

    Mean, and low and high of its 95 % interval, are those of `reports.analysis.estimates`.
    """
    table = comparable(summary.configurations[summary.configurations[N] > 0])
    logged = [ARCHITECTURE, CONFIGURATION, LABEL, schema.DEPTH, schema.BASE_WIDTH, schema.BOTTLENECK_MEASURED]
    names = ["architecture", "number", "configuration", "depth", "width", "bottleneck"]
    peaks = table[statistic(schema.TENSOR_PEAK, "mean")] / text.MEGABYTE
    points = table[logged].set_axis(names, axis=1).assign(memory_mb=peaks, n=table[N])
    found = estimates(summary, metric).loc[points["number"]].set_index(points.index)
    points = points.join(found).dropna(subset="mean").reset_index(drop=True)
    if points.empty:
        raise NoDataError(f"no complete run was tested on whole scenes, so there is no test {metric.label}.")
    return points


def with_sizes(points: pd.DataFrame) -> pd.DataFrame:
    """Those of networks that have a depth and a base width.

    Raises:
        NotVariedError: there are none.
    """
    found = points.dropna(subset=["depth", "width"])
    if found.empty:
        raise NotVariedError("no complete run is of a network with a depth and a base width.")
    return found.astype({"depth": "int64", "width": "int64"})


def left_out(points: pd.DataFrame, shown: pd.DataFrame) -> tuple[str, ...]:
    """Architectures that a figure shows nothing of, in the fixed order."""
    return tuple(style.in_order(set(points["architecture"]) - set(shown["architecture"])))


def lack(architectures: Collection[str], what: str) -> str:
    """` ResUNet and VNet have no depth.`: why they are not there; empty if there are none."""
    verb = "has" if len(architectures) == 1 else "have"
    return f" {listed_labels(architectures)} {verb} no {what}." if architectures else ""


def by_architecture(points: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Each architecture with its points, in the fixed order."""
    return [(name, points[points["architecture"] == name]) for name in style.in_order(points["architecture"])]


def crowded(points: pd.DataFrame) -> bool:
    """Whether marks are too many for whiskers."""
    return len(points) > MOST_WHISKERS


def draw_bands(axis: Axes, points: pd.DataFrame, x: str) -> None:
    """For each architecture a line through the means with a band over the interval; columns mean, low, high and x."""
    for name, own in by_architecture(points):
        look = style.look(name)
        axis.fill_between(own[x], own["low"], own["high"], color=look.colour, alpha=0.15, linewidth=0)
        axis.plot(own[x], own["mean"], **look.lined, marker=look.marker, markersize=4, **style.WHITE_EDGE)


def draw_whiskers(axis: Axes, points: pd.DataFrame, x: str, *, bare: bool = False, **mark: Any) -> None:
    """Marks at each architecture's means with whiskers over the intervals; small ones without them if bare.

    `mark` is how matplotlib shall draw them differently from the architecture's other marks.
    """
    small = {"markersize": 2.5, "markeredgewidth": 0.2} if bare else {}
    for name, own in by_architecture(points):
        look = style.look(name)
        whiskers = None if bare else [own["mean"] - own["low"], own["high"] - own["mean"]]
        marks = {**look.marked, "ecolor": to_rgba(look.colour, 0.55), "elinewidth": 0.7, **style.WHITE_EDGE}
        axis.errorbar(own[x], own["mean"], yerr=whiskers, **{**marks, **small, **mark})


def draw_arrows(axis: Axes, points: pd.DataFrame, x: str) -> None:
    """Triangles at the ends of the y axis where intervals go on beyond it; comes after its limits. Columns as bands."""
    for name, own in by_architecture(points):
        draw_arrow(axis, own[x], own["low"], own["high"], style.look(name).colour)


def draw_arrow(axis: Axes, x: Any, low: Any, high: Any, colour: str) -> None:
    """At an end of the y axis, for an interval, or a column of them, that goes on beyond it."""
    places, ends = np.atleast_1d(x), axis.get_ylim()
    cuts = np.atleast_1d(low) < ends[0], np.atleast_1d(high) > ends[1]
    for end, marker, beyond in zip((0, 1), (CARETDOWN, CARETUP), cuts, strict=True):
        at = places[beyond]
        if len(at):
            where: dict[str, Any] = {"transform": axis.get_xaxis_transform(), "marker": marker, "color": colour}
            axis.plot(at, np.full(len(at), end), **where, **ARROW)


def draw_scores(axis: Axes, points: pd.DataFrame, x: str, beside: Sequence[float] = ()) -> None:
    """All points of an axis with their whiskers, unless they are too many, and its `score_limits`."""
    bare = crowded(points)
    draw_whiskers(axis, points, x, bare=bare)
    axis.set_ylim(*score_limits(points, beside))
    if not bare:
        draw_arrows(axis, points, x)


def score_limits(points: pd.DataFrame, beside: Sequence[float] = ()) -> tuple[float, float]:
    """Ends of an axis with all marks, other scores `beside` them and room for labels.

    Whiskers of few folds are many times longer, and are cut.
    """
    low, high = min([points["mean"].min(), *beside]), max([points["mean"].max(), *beside])
    room, least = 0.5 * max(high - low, 0.04), 0.12 * max(high - low, 0.04)
    lowest, highest = (points[end].fillna(points["mean"]) for end in ("low", "high"))
    return min(max(lowest.min(), low - room), low - least), max(min(highest.max(), high + room), high + least)


def told(points: pd.DataFrame, tell: Callable[[pd.DataFrame], str], between: str = "; ") -> str:
    """What there is to tell of the points of each architecture, after its name: the core of an alternative text."""
    return between.join(f"{style.look(name).label} {tell(own)}" for name, own in by_architecture(points))


def ranges(points: pd.DataFrame) -> str:
    """`Hourglass 0.712 to 0.804 (4 configurations)` for each architecture."""
    return told(
        points,
        lambda own: (
            f"{text.digits(own['mean'].min())} to {text.digits(own['mean'].max())} "
            f"({text.counted(len(own), 'configuration')})"
        ),
    )


def ends(points: pd.DataFrame) -> str:
    """`Hourglass 0.712 to 0.804` for each architecture: the mean of its first and of its last point."""
    return told(points, lambda own: f"{text.digits(own['mean'].iloc[0])} to {text.digits(own['mean'].iloc[-1])}")


def numbers(counts: pd.Series) -> str:
    """`3 of Hourglass and 4 of U-Net`, of counts by architecture."""
    return text.listed([f"{counts[name]} of {style.look(name).label}" for name in style.in_order(counts.index)])


def span(values: pd.Series) -> str:
    """`0.0213 to 2,130`."""
    return f"{text.significant(values.min())} to {text.significant(values.max())}"


def repeats(points: pd.DataFrame) -> str:
    """`3 repeats` or `1 to 3 repeats`: how many runs stand behind a mark."""
    return text.counted_range(points["n"], "repeat")


def marks_are(points: pd.DataFrame, *, cut: bool) -> str:
    """What marks and whiskers are, and how many repeats stand behind them; whether the axis cuts whiskers."""
    whisker = "intervals: in the CSV" if crowded(points) else f"whisker: {interval(cut=cut)}"
    return f"Mark: mean of {repeats(points)}; {whisker}"


def interval(*about: str, cut: bool) -> str:
    """What a whisker or band is, and that an axis cuts some; the rest stands in the legend of terms."""
    said = [*about, "arrow: it goes on"] if cut else about
    return "95 % interval" + (f" ({'; '.join(said)})" if said else "")


def cut_by(points: pd.DataFrame, low: float, high: float) -> bool:
    """Whether an axis with these limits cuts intervals that are drawn."""
    return not crowded(points) and bool((points["low"] < low).any() or (points["high"] > high).any())


def cut_scores(*panels: pd.DataFrame) -> bool:
    """Whether axes with the `score_limits` of their panel's points cut intervals that are drawn."""
    return any(cut_by(points, *score_limits(points)) for points in panels)

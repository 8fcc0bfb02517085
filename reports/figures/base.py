"""What a figure consists of, and what several figures share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench import schema
from reports import style, summary, text
from reports.load import ARCHITECTURE
from reports.summary import Summary

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
    record: Callable[[Summary], R]
    """Raises NoDataError if there is nothing to draw."""
    draw: Callable[[R], Figure]
    caption: Callable[[R], str]
    alt: Callable[[R], str]
    """The same in words, for those who cannot see the figure."""


class Whiskers(NamedTuple):
    """Marks of one architecture in one panel."""

    architecture: str
    points: pd.DataFrame
    """Columns iou, low, high and the one that is drawn along x."""


def measured_points(of: Summary) -> pd.DataFrame:
    """Test IoU of each configuration: mean, low and high over its n seeds, with identity, memory and bottleneck."""
    table = summary.comparable(of.configurations[of.configurations[summary.N] > 0])
    iou, memory = schema.TEST_IOU, schema.TENSOR_PEAK
    points = pd.DataFrame(
        {
            "architecture": table[ARCHITECTURE],
            "configuration": table[summary.LABEL],
            "depth": table[schema.DEPTH],
            "width": table[schema.BASE_WIDTH],
            "bottleneck": table[schema.BOTTLENECK_MEASURED],
            "memory_mb": table[summary.statistic(memory, "mean")] / 1e6,
            "iou": table[summary.statistic(iou, "mean")],
            "low": table[summary.statistic(iou, "min")],
            "high": table[summary.statistic(iou, "max")],
            "n": table[summary.N],
        }
    )
    if points["iou"].isna().all():
        raise NoDataError("no run is complete yet, so there is no test IoU.")
    return points.dropna(subset="iou").reset_index(drop=True)


def by_architecture(points: pd.DataFrame) -> list[Whiskers]:
    """The points of each architecture, in the fixed order."""
    names = style.in_order(points["architecture"])
    return [Whiskers(name, points[points["architecture"] == name]) for name in names]


def draw_whiskers(axis: Axes, marks: Whiskers, x: str) -> None:
    """Marks at the mean with whiskers from the lowest to the highest seed."""
    look, points = style.look(marks.architecture), marks.points
    spread = [points["iou"] - points["low"], points["high"] - points["iou"]]
    axis.errorbar(
        points[x],
        points["iou"],
        yerr=spread,
        fmt=look.marker,
        color=look.colour,
        elinewidth=0.8,
        markeredgecolor="white",
        markeredgewidth=0.5,
    )


def ranges(points: pd.DataFrame) -> str:
    """`Hourglass 0.712 to 0.804 (4 configurations)` for each architecture: the core of an alternative text."""
    return "; ".join(
        f"{style.look(name).label} {text.digits(of['iou'].min())} to {text.digits(of['iou'].max())} "
        f"({text.counted(len(of), 'configuration')})"
        for name, of in by_architecture(points)
    )


def seeds(points: pd.DataFrame) -> str:
    """`3 seeds` or `1 to 3 seeds`: how many runs stand behind a mark."""
    low, high = int(points["n"].min()), int(points["n"].max())
    return text.counted(high, "seed") if low == high else f"{low} to {high} seeds"


WHISKERS = "Mark: mean over the seeds; whisker: lowest to highest seed"
CROPPED = "The IoU axis spans the measured values only."

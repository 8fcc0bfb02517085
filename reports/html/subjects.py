"""What the page's filters ask of every mark, line, picture and row: of which architecture, how deep, how large."""

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, statistic, tensor_peaks
from hourglass_bench.reports.store.load import ARCHITECTURE
from hourglass_bench.reports.text import MEGABYTE

COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
"""Of a path in SVG."""
DASHES: dict[str, tuple[float, ...]] = {"-": (), "--": (3.7, 1.6), "-.": (6.4, 1.6, 1, 1.6), ":": (1, 1.65)}
"""Line of `style.Look` -> lengths of its dashes and gaps in widths of the line, as matplotlib draws them."""


class Of(NamedTuple):
    """What the filters ask of one configuration or run."""

    architecture: int
    """Its place in `Subjects.architectures`."""
    depth: int | None
    """None of a network without one."""
    memory: float | None
    """Tensor peak in MB; None if it is not known."""


class Subjects:
    """The architectures of a study, in the fixed order, and its configurations."""

    def __init__(self, summary: Summary) -> None:
        self.architectures = style.in_order(filter(None, summary.study.ended[ARCHITECTURE]))
        stages = [summary, *summary.others.values()]
        self._configurations = {
            int(row[CONFIGURATION]): self.of(row, row[statistic(schema.TENSOR_PEAK, "mean")] / MEGABYTE)
            for one in stages
            for row in one.configurations.to_dict("records")
        }

    def of(self, row: Mapping[Hashable, Any], memory: float) -> Of:
        """Of a configuration or run with a tensor peak in MB."""
        depth = row[schema.DEPTH]
        place = self.architectures.index(row[ARCHITECTURE])
        return Of(place, None if pd.isna(depth) else int(depth), number(memory))

    def of_runs(self, runs: pd.DataFrame) -> list[Of]:
        """Of each of these runs."""
        peaks = tensor_peaks(runs) / MEGABYTE
        rows = runs[[ARCHITECTURE, schema.DEPTH]].to_dict("records")
        return [self.of(row, peak) for row, peak in zip(rows, peaks.to_list(), strict=True)]

    def of_configurations(self, numbers: Iterable[int]) -> list[Of]:
        """Of the configurations with these numbers."""
        return [self._configurations[number] for number in numbers]

    def looks(self) -> list[dict[str, object]]:
        """How architectures are called and drawn, as SVG has it."""
        return [
            {"label": look.label, "colour": look.colour, "marker": _marker(look.marker), "dash": _dash(look.line)}
            for look in map(style.look, self.architectures)
        ]


def number(value: float, digits: int = 8) -> float | None:
    """A number of so many digits as JSON has it, which knows neither NaN nor infinity.

    More than are printed, so that it is not rounded twice.
    """
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _marker(marker: str) -> str:
    """Path of a mark about ten units wide around the origin."""
    made = MarkerStyle(marker)
    path = made.get_path().transformed(made.get_transform()).transformed(Affine2D().scale(10, -10))
    return "".join(
        COMMANDS[Path.code_type(code)] + ("" if code == Path.CLOSEPOLY else " ".join(f"{at:.2f}" for at in points))
        for points, code in path.iter_segments(curves=True, simplify=False)
    )


def _dash(line: style.LineStyle) -> str:
    """What `stroke-dasharray` calls a line; nothing for a solid one."""
    pattern = DASHES[line] if isinstance(line, str) else line[1]
    return " ".join(f"{1.5 * length:g}" for length in pattern)

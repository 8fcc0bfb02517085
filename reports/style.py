"""How figures look. An architecture has the same colour, line and marker everywhere; grey printers keep them apart."""

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.typing import ColorType

PAGE_WIDTH = 6.7
"""Width of the text block in inches; figures of this width are shown at their own size."""
HALF_WIDTH = 3.25
"""Of a figure that stands beside another one."""
MOST_HEIGHT = 4.0
"""With a caption of three lines, as much as 45 % of the text block: two figures stand on one page."""

LineStyle = str | tuple[int, tuple[int, ...]]


class Look(NamedTuple):
    """How one architecture is drawn and called."""

    label: str
    colour: str
    line: LineStyle
    marker: str

    @property
    def lined(self) -> dict[str, Any]:
        """Its line, as matplotlib calls that."""
        return {"color": self.colour, "linestyle": self.line}

    @property
    def marked(self) -> dict[str, Any]:
        """Its marks without a line."""
        return {"color": self.colour, "linestyle": "none", "marker": self.marker}


WHITE_EDGE: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 0.5}
"""Keeps marks that overlap apart."""
PAPER = {"facecolor": "white", "alpha": 0.8, "pad": 0.4, "linewidth": 0}
"""Behind words on a drawing."""

# Okabe-Ito colours; the first three also differ in lightness, so they survive a grey printer.
LOOKS = {
    "simple_conv": Look("SimpleConv", "#009E73", ":", "s"),
    "hourglass": Look("Hourglass", "#E69F00", "--", "D"),
    "unet": Look("U-Net", "#0072B2", "-", "o"),
    "unet_twin": Look("U-Net twin", "#56B4E9", "--", "P"),
    "autoencoder": Look("Auto-encoder", "#C8609A", "-.", "^"),
    "vae": Look("VAE", "#5B1A58", (0, (5, 1, 1, 1, 1, 1)), "v"),
}

PRESETS = {
    "simple_conv_shallow": "SimpleConv, shallow",
    "simple_conv_deep": "SimpleConv, deep",
    "hourglass": "Hourglass",
    "unet": "U-Net",
}
"""The four networks of the practical by their presets, the cheaper first. A study of that name shows all, run or not.
"""

# For architectures that somebody adds: told apart by their name alone, so that they look the same in every report.
OTHER_COLOURS = ("#D55E00", "#000000", "#7F7F7F")
OTHER_LINES = ("--", "-.", ":", "-")
OTHER_MARKERS = ("P", "X", "*", "h", "p", "<", ">")

MISSED = "#D55E00"
INVENTED = "#56B4E9"
GREY = "#8C8C8C"
TEXT = "#595959"
"""A grey that is dark enough to read."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue."""
MIDDLE = 0.46
"""Luminance on which black and white are as easy to read."""


def look(architecture: str) -> Look:
    """The look of an architecture; unknown ones get one that depends on the name only."""
    if architecture in LOOKS:
        return LOOKS[architecture]
    number = zlib.crc32(architecture.encode())
    choices = (OTHER_COLOURS, OTHER_LINES, OTHER_MARKERS)
    colour, line, marker = (options[number // 7**place % len(options)] for place, options in enumerate(choices))
    return Look(architecture, colour, line, marker)


def ink_on(colour: ColorType) -> Literal["black", "white"]:
    """In what to write on a colour."""
    luminance = sum(weight * value for weight, value in zip(LUMINANCE, to_rgb(colour), strict=True))
    return "black" if luminance > MIDDLE else "white"


def in_order(architectures: Iterable[str]) -> list[str]:
    """Distinct architectures, the known ones first and in their fixed order."""
    known = list(LOOKS)
    return sorted(set(architectures), key=lambda name: (known.index(name) if name in known else len(known), name))


@contextmanager
def report_style() -> Iterator[None]:
    """Fonts, sizes and lines of the report, for the figures drawn inside."""
    settings: dict[str, Any] = {
        **sns.axes_style("whitegrid"),
        "font.family": "DejaVu Sans",
        "font.size": 7.5,
        "axes.titlesize": 8,
        "axes.labelsize": 7.5,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "lines.linewidth": 1.2,
        "lines.markersize": 4.5,
        "axes.linewidth": 0.6,
        "grid.linewidth": 0.4,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        # A name with two dollar signs is no formula.
        "text.parse_math": False,
        "svg.fonttype": "path",
        # Without it two builds from the same numbers differ.
        "svg.hashsalt": "hourglass-bench",
    }
    with mpl.rc_context(settings):  # type: ignore[arg-type]  # the keys are of a literal type
        yield


def panels(
    count: int, *, rows: int = 1, height: float = 2.5, width: float = PAGE_WIDTH, **options: object
) -> tuple[Figure, list[list[Axes]]]:
    """A figure with rows x count axes, of the page's width unless another one is given, in inches.

    No figure is higher than `MOST_HEIGHT`.
    """
    figure = Figure(figsize=(width, min(height, MOST_HEIGHT)), layout="constrained")
    axes = figure.subplots(rows, count, squeeze=False, **options)  # type: ignore[call-overload]
    for axis in axes.flat:
        sns.despine(ax=axis)
    return figure, axes.tolist()


def binary_axis(axis: Axes) -> None:
    """Logarithmic x axis with a labelled tick at each power of two; with a few round numbers if it spans less than two.

    Comes after the drawing, since it looks at the limits.
    """
    axis.set_xscale("log", base=2)
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(LogLocator(base=2, numticks=7) if high >= 4 * low else MaxNLocator(5))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 100 else f"{value:.3g}"))


def architecture_legend(figure: Figure, architectures: Iterable[str], *, lines: bool = True) -> None:
    """One legend above the panels: a handle for each architecture."""
    handles = [
        Line2D([], [], **(one.marked | (one.lined if lines else {})), label=one.label)
        for one in map(look, in_order(architectures))
    ]
    legend(figure, handles, len(handles))


def legend(figure: Figure, handles: list[Line2D], columns: int, **options: float) -> None:
    """A legend above the panels."""
    figure.legend(handles=handles, loc="outside upper center", ncols=max(1, columns), **options)


def memory_axis(axis: Axes, budgets: dict[str, float], precision: str) -> None:
    """A `binary_axis` of tensor peaks, with dotted lines at budgets in MB and their names along the lower end.

    `precision` is the arithmetic of the steps, empty if it is not known.
    """
    place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "ha": "right", "va": "bottom", "rotation": 90}
    for name, budget in budgets.items():
        axis.axvline(budget, color="black", linewidth=0.7, linestyle=(0, (1, 2)))
        name_mark(axis, name, budget, 0.01, (-2, 0), bbox=PAPER, **place)
    binary_axis(axis)
    arithmetic = f" in {precision}" if precision else ""
    axis.set_xlabel(f"tensor peak memory of a training step{arithmetic}, in MB (1 MB = 1,000,000 bytes)")


def name_mark(axis: Axes, name: str, x: Any, y: Any, offset: tuple[float, float], **options: Any) -> Annotation:
    """Small words beside a mark, `offset` points away."""
    small: dict[str, Any] = {"xytext": offset, "textcoords": "offset points", "fontsize": 6, "color": "#404040"}
    return axis.annotate(name, (x, y), **small, **options)

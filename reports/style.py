"""How figures look. An architecture has the same colour, line and marker everywhere; grey printers keep them apart."""

import math
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Literal, NamedTuple, TypeVar

import matplotlib as mpl
import seaborn as sns
from matplotlib.artist import Artist
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

HANDLE_WIDTH, LETTER_WIDTH, ROW_HEIGHT = 0.53, 0.058, 0.155
"""Inches of a legend: what stands before and after a label, each of its letters, and a row."""

A = TypeVar("A", bound=Artist)
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
"""The four networks of the practical as they are called, each compared with the one before it."""

# For architectures from elsewhere: told apart by what they are called, so that they look the same in every report.
OTHER_COLOURS = ("#D55E00", "#000000", "#7F7F7F", "#A50F15", "#7B4A12", "#7A5CC8", "#8F8F00", "#008B8B")
OTHER_LINES: tuple[LineStyle, ...] = ("--", "-.", ":", "-", (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)))
OTHER_MARKERS = ("P", "X", "*", "h", "p", "<", ">")
CHOOSING = (17, 19, 16)
"""Bytes of a label's digest that choose them: the networks of the study `zoo` differ in all three."""
MOST_LETTERS = 20
"""Of a label; of a longer one the middle is left out."""

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
    """The look of an architecture; unknown ones get one that depends on what they are called only."""
    if architecture in LOOKS:
        return LOOKS[architecture]
    label = short_name(architecture)
    digest = sha256(label.encode()).digest()
    choices: tuple[Sequence[Any], ...] = (OTHER_COLOURS, OTHER_LINES, OTHER_MARKERS)
    colour, line, marker = (
        options[digest[byte] % len(options)] for byte, options in zip(CHOOSING, choices, strict=True)
    )
    return Look(label, colour, line, marker)


def short_name(architecture: str) -> str:
    """What stands after the colon of a reference, `ResUNet` of `resunet.py:ResUNet`; a spec has its module's name."""
    where, _, name = architecture.rpartition(":")
    if name == "SPEC":
        name = re.split(r"[./\\]", where.removesuffix(".py"))[-1]
    end = MOST_LETTERS // 3
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1 - end]}…{name[-end:]}"


def folded(label: str, width: float) -> str:
    """A label in lines of so many inches, broken where its words begin: `BasicUNet`, `PlusPlus`."""
    lines = [""]
    for word in re.findall("[A-Z]+[^A-Z]*|[^A-Z]+", label):
        if lines[-1] and len(lines[-1] + word) * LETTER_WIDTH > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(lines)


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
    with warnings.catch_warnings(), mpl.rc_context(settings):  # type: ignore[arg-type]  # the keys are of a literal type
        # Names in scripts that the font lacks are drawn as boxes; the page and report.json have them.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
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
    columns = columns_of([str(one.get_label()) for one in handles], figure.get_figwidth())
    # Panels stay as high as beside a legend of one row.
    more = ROW_HEIGHT * (math.ceil(len(handles) / columns) - 1)
    figure.set_figheight(min(figure.get_figheight() + more, MOST_HEIGHT))
    legend(figure, *in_rows(handles, columns))


def legend(figure: Figure, handles: Sequence[Artist], columns: int, **options: float) -> None:
    """A legend above the panels."""
    figure.legend(handles=handles, loc="outside upper center", ncols=max(1, columns), **options)


def columns_of(labels: Sequence[str], width: float) -> int:
    """As many columns as a legend with these labels may have that is to be so many inches wide, each row full."""
    for count in range(len(labels), 1, -1):
        widths = [max(map(len, labels[column::count])) for column in range(count)]
        if sum(HANDLE_WIDTH + LETTER_WIDTH * letters for letters in widths) <= width:
            return math.ceil(len(labels) / math.ceil(len(labels) / count))
    return 1


def in_rows(handles: Sequence[A], columns: int) -> tuple[list[A], int]:
    """Handles in the order in which a legend of so many columns shows them row by row: legends fill columns first."""
    rows = math.ceil(len(handles) / max(1, columns))
    full = len(handles) - (rows - 1) * columns  # columns that have a handle in the last row
    return [
        handles[row * columns + column] for column in range(columns) for row in range(rows - (column >= full))
    ], columns


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
    label = f"tensor peak memory of a training step{arithmetic}, in MB (1 MB = 1,000,000 bytes)"
    axis.set_xlabel(textwrap.fill(label, int(PAGE_WIDTH / LETTER_WIDTH)))


def name_mark(axis: Axes, name: str, x: Any, y: Any, offset: tuple[float, float], **options: Any) -> Annotation:
    """Small words beside a mark, `offset` points away."""
    small: dict[str, Any] = {"xytext": offset, "textcoords": "offset points", "fontsize": 6, "color": "#404040"}
    return axis.annotate(name, (x, y), **small, **options)

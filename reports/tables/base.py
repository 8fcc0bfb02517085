"""What a table consists of, and what several tables share."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import (
    CONFIGURATION,
    LABEL,
    Summary,
    channels,
    is_sized,
    precision,
    ranked,
)
from hourglass_bench.reports.store.load import ABSENT, ARCHITECTURE
from hourglass_bench.reports.text import DASH, parted

MOST_ROWS = 60
"""Configurations of which a table has all."""
BEST_ROWS = 30
"""Configurations that it has where there are more."""
NARROWEST = 8
"""Characters that a line of a heading may always have."""


Align = Literal["left", "right"]
Column = tuple[str, Align]
"""Heading and alignment."""


class Table(NamedTuple):
    """A table as it is printed."""

    caption: str
    columns: list[Column]
    rows: list[list[str]]
    note: str = ""
    """What is needed to read it, printed below."""
    configurations: Sequence[Sequence[int]] = ()
    """Numbers of those that each row is of; empty where rows are of no configurations."""

    @property
    def headings(self) -> list[str]:
        """Those of the columns; several may share one."""
        return [heading for heading, _ in self.columns]

    @property
    def header(self) -> list[str]:
        """The headings, in lines as short as the cells below: it is not words that make a column wide."""
        return [_folded(heading, cells) for heading, *cells in zip(self.headings, *self.rows, strict=True)]


def _folded(heading: str, cells: list[str]) -> str:
    lines = [line for cell in cells for line in cell.split("\n")]
    return "\n".join(textwrap.wrap(heading, max(NARROWEST, *map(len, lines)), break_long_words=False))


def left(*headings: str) -> list[Column]:
    """Columns of words."""
    return [(heading, "left") for heading in headings]


def right(*headings: str) -> list[Column]:
    """Columns of numbers."""
    return [(heading, "right") for heading in headings]


class Entry(NamedTuple):
    """A table of the report; None or no rows leaves it out."""

    section: str
    make: Callable[[Summary], Table | None]


def shortened(configurations: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Those that a table has rows for, and what its note says of the others.

    Where they are too many, each architecture has equally many, its best by validation.
    """
    if len(configurations) <= MOST_ROWS:
        return configurations, ""
    each = max(1, BEST_ROWS // configurations[ARCHITECTURE].nunique())
    best = ranked(configurations).groupby(ARCHITECTURE).head(each).sort_values(CONFIGURATION)
    note = f"Of {len(configurations)} configurations the {each} best by validation of each architecture; "
    return best, f"{note}{len(configurations) - len(best)} more are in the folder data."


def noted(*sentences: str) -> str:
    """A note of those that are not empty."""
    return " ".join(filter(None, sentences))


def memory_note(summary: Summary) -> str:
    """In which arithmetic memory was measured, for it differs by that; empty if the store does not say."""
    found = precision(summary)
    return f"Memory: of training in {found}." if found else ""


def named(row: pd.Series) -> list[str]:
    """Cells of architecture and size; what else tells the configuration apart stands below the architecture."""
    extra = str(row[LABEL]).split(", ", 2)[2:] if is_sized(row) else []
    return ["\n".join([style.look(row[ARCHITECTURE]).label, *extra]), size(row)]


def size(row: pd.Series) -> str:
    """`depth 3, width 12`; of a network without both whatever tells it from others of its architecture, or a dash."""
    if is_sized(row):
        return parted(f"depth {row[schema.DEPTH]}, width {row[schema.BASE_WIDTH]}")
    return str(row[LABEL]) or DASH


def encoder_widths(text: str) -> str:
    """`16, 32, 64`, or a dash where an architecture has no such option."""
    return DASH if text == ABSENT else channels(text)

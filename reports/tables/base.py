"""What a table consists of, and what several tables share."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import pandas as pd

from reports.analysis.summary import CONFIGURATION, Summary, ranked
from reports.store.load import ARCHITECTURE

MOST_ROWS = 60
"""Configurations of which a table has all."""
BEST_ROWS = 30
"""Configurations that it has where there are more."""


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

    @property
    def headings(self) -> list[str]:
        """Those of the columns; several may share one."""
        return [heading for heading, _ in self.columns]


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
    """Those that a table has rows for, and what its caption says of the others.

    Where they are too many, each architecture has equally many, its best by validation.
    """
    if len(configurations) <= MOST_ROWS:
        return configurations, ""
    each = max(1, BEST_ROWS // configurations[ARCHITECTURE].nunique())
    best = ranked(configurations).groupby(ARCHITECTURE).head(each).sort_values(CONFIGURATION)
    note = f" Of {len(configurations)} configurations the {each} best by validation of each architecture; "
    return best, f"{note}{len(configurations) - len(best)} more are in the folder data."

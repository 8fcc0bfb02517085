"""What a table consists of, and what several tables share."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from bench import schema
from reports.summary import Summary


class Table(NamedTuple):
    """A table as it is printed."""

    caption: str
    columns: dict[str, str]
    """Heading -> alignment, `left` or `right`."""
    rows: list[list[str]]


class Entry(NamedTuple):
    """A table of the report; None or no rows leaves it out."""

    section: str
    make: Callable[[Summary], Table | None]


def states(counts: pd.Series) -> str:
    """`2 complete, 1 diverged` from a row with a count per state."""
    return ", ".join(f"{counts[state]} {state.replace('_', ' ')}" for state in schema.STATES if counts[state])

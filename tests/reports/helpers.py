"""What tests of reports share: types of fixtures, a summary's tables and sentences, and intervals by scipy alone."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy import stats

from hourglass_bench.bench import schema
from hourglass_bench.reports import prose
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.prose.facts import Facts
from hourglass_bench.reports.style import report_style
from hourglass_bench.reports.tables import TABLES
from hourglass_bench.reports.tables.base import Table

Fill = Callable[..., Path]
Summarised = Callable[..., Summary]


def run_sql(runs: Path, *statements: str) -> Path:
    """The store in `runs` after these statements."""
    with closing(sqlite3.connect(runs / schema.TRACKING_DB)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return runs


def table(name: str, summary: Summary) -> Table:
    """A table of the report that has rows."""
    made = TABLES[name].make(summary)
    assert made is not None
    return made


def cells(made: Table, row: int) -> dict[str, str]:
    """Cells of a row by heading; the first of those that share one."""
    return dict(reversed(list(zip(made.headings, made.rows[row], strict=True))))


def written(section: str, summary: Summary) -> list[str]:
    """Paragraphs of a section."""
    return prose.write(section, summary, Facts())


def drawn(figure: Any, shown: tuple[Any, ...]) -> Figure:
    """What a figure's module or plot draws of its record, in the report's style."""
    with report_style():
        return figure.draw(shown)  # type: ignore[no-any-return]


def t_interval(values: ArrayLike) -> tuple[float, float, float]:
    """Mean and 95 % interval of Student's t."""
    mean, half = np.mean(values), stats.t.isf(0.025, np.size(values) - 1) * stats.sem(values)
    return float(mean), float(mean - half), float(mean + half)

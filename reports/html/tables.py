"""Tables that the page has beside those of the PDF: every configuration, and every run with its id in MLflow."""

from typing import NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.summary import CONFIGURATION, LABEL, Summary, tensor_peaks
from hourglass_bench.reports.html.subjects import Of, Subjects
from hourglass_bench.reports.store.load import ARCHITECTURE, REPEAT, RUN
from hourglass_bench.reports.tables.base import Column, left, memory_note, right
from hourglass_bench.reports.tables.measured import MEASURED
from hourglass_bench.reports.text import DASH, digits, megabytes, parted, significant, with_interval

OF_CONFIGURATION = ("repeats", "peak memory (MB)", "validation IoU")
TESTED = (schema.TEST_IOU, schema.TEST_BOUNDARY_IOU)


class Explored(NamedTuple):
    """A table whose rows are filtered."""

    heading: str
    caption: str
    columns: list[Column]
    rows: list[list[str]]
    of: list[list[Of]]
    """What each row is of."""
    ids: list[str]
    """Of MLflow's runs, one a row, which have a column of their own; empty where rows are no runs."""

    @property
    def headings(self) -> list[str]:
        """Those of the columns."""
        return [heading for heading, _ in self.columns]

    @property
    def align(self) -> list[str]:
        """Where the columns' texts stand."""
        return [align for _, align in self.columns]


def explored(summary: Summary, subjects: Subjects) -> list[Explored]:
    """Those that have rows."""
    return [table for table in (_configurations(summary, subjects), _runs(summary, subjects)) if table.rows]


def _configurations(summary: Summary, subjects: Subjects) -> Explored:
    """Every configuration of the comparison, with the numbers behind the marks of the figure."""
    table = summary.configurations
    found = [estimates(summary, metric) for metric in TESTED]
    rows = [
        [
            style.look(row[ARCHITECTURE]).label,
            parted(row[LABEL]) or DASH,
            *(MEASURED[heading](row).replace("\n", " ") for heading in OF_CONFIGURATION),
            *(with_interval(*one.loc[row[CONFIGURATION]]) for one in found),
        ]
        for _, row in table.iterrows()
    ]
    scores = [f"test {metric.label} [interval]" for metric in TESTED]
    return Explored(
        "Configurations",
        f"Means over the complete runs; ± is a standard deviation, brackets are the interval. {memory_note(summary)}",
        [*left("architecture", "configuration"), *right(*OF_CONFIGURATION, *scores)],
        rows,
        [[of] for of in subjects.of_configurations(table[CONFIGURATION])],
        [],
    )


def _configuration(row: pd.Series) -> str:
    """What a run's title has in brackets; units that tune are called by a hash, which tells nobody anything."""
    tunes = row[schema.STAGE] == "tuning"
    label = str(row[LABEL]).removeprefix(str(row[schema.UNIT])).removeprefix(", ") if tunes else str(row[LABEL])
    return parted(label) or DASH


def _runs(summary: Summary, subjects: Subjects) -> Explored:
    """Every run with an outcome and parameters, of all stages."""
    runs = summary.logged
    stages = runs[schema.STAGE].nunique() > 1
    rows = [
        [
            *([row[schema.STAGE]] if stages else []),
            style.look(row[ARCHITECTURE]).label,
            _configuration(row),
            str(row[REPEAT]),
            str(row[schema.STATE]).replace("_", " "),
            megabytes(peak),
            *(digits(row[metric.name]) for metric in (schema.BEST_VAL_IOU, *TESTED)),
            significant(row[schema.SECONDS.name]),
        ]
        for (_, row), peak in zip(runs.iterrows(), tensor_peaks(runs), strict=True)
    ]
    words = [*(["stage"] if stages else []), "architecture", "configuration", "repeat", "state"]
    numbers = ["peak memory (MB)", "validation IoU", *(f"test {metric.label}" for metric in TESTED), "seconds"]
    return Explored(
        "Runs",
        "The newest run of each unit that has an outcome; the button copies the run's id in MLflow.",
        [*left(*words), *right(*numbers), *left("MLflow run")],
        rows,
        [[of] for of in subjects.of_runs(runs)],
        runs[RUN].to_list(),
    )

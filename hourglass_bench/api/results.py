"""`load`: a study of the tracking store as DataFrames, figures and verdicts."""

from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from hourglass_bench.api.comparison import Comparison, comparison
from hourglass_bench.architectures.config import require
from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.cli import study_name
from hourglass_bench.reports import prose, style
from hourglass_bench.reports.analysis.claims import HEADLINE_METRICS, judge_pair
from hourglass_bench.reports.analysis.frame_tables import run_frames
from hourglass_bench.reports.analysis.summary import CONFIGURATION, LABEL, summarise
from hourglass_bench.reports.data import HERE_ONLY
from hourglass_bench.reports.figures import FIGURES
from hourglass_bench.reports.figures.base import NoDataError
from hourglass_bench.reports.prose.facts import Facts
from hourglass_bench.reports.store.load import ARCHITECTURE, REPEAT, RUN, load_curves, load_study
from hourglass_bench.reports.tables.measured import comparison as best_of_each

FIRST = [RUN, schema.STATE, schema.STAGE, ARCHITECTURE, LABEL, CONFIGURATION, REPEAT, schema.FOLD]
"""The first columns of `Results.runs`, which it always has."""
WHOLE = [CONFIGURATION, REPEAT, schema.FOLD]
"""Those of whole numbers, where a run that ended early lacks some."""
ABOUT = {RUN: RUN, ARCHITECTURE: "architecture", LABEL: "label", REPEAT: "repeat", schema.FOLD: "fold"}
"""Columns of `Results.runs` that stand before curves and frames, and what they are called there."""

DPI = 150
"""Of figures in notebooks, whose letters are those of a printed page."""


class Results:
    """A study as it was when it was loaded. What is asked for is computed once and kept; do not change it in place."""

    def __init__(self, study: str, runs: Path, tracking: str) -> None:
        self._runs, self._tracking = runs, tracking
        self._summary = summarise(load_study(runs, study, tracking))
        self._records: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """The study's."""
        return self._summary.study.name

    @property
    def question(self) -> str:
        """The one that the study asks."""
        return self._summary.study.description

    @cached_property
    def answer(self) -> str:
        """The first paragraph of the report."""
        return prose.write("answer", self._summary, Facts())[0]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row for every run with an outcome, of a unit that was retried its newest.

        The first columns are `run_id`, `state`, `stage`, `architecture.name`, `label` (its sizes in words),
        `configuration` (a number that runs share which differ in their repeat alone), `repeat` and `fold`; then come
        metrics, parameters and tags by the names of docs/glossary.md, which are those in MLflow. Missing is what a run
        did not log: all but the identity, where it ended before it began.
        """
        logged, early = self._summary.logged.drop(columns=HERE_ONLY), self._summary.study.unlogged
        early = early[[RUN, schema.UNIT, schema.STAGE, ARCHITECTURE, schema.STATE, schema.STATE_REASON]]
        table = pd.concat([logged, early], ignore_index=True) if len(early) else logged
        metrics = [name for name in schema.METRICS if name in table]
        table = table.reindex(columns=list(dict.fromkeys([*FIRST, *metrics, *table.columns])))
        return table.astype(dict.fromkeys(WHOLE, "Int64"))

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Every metric that is logged by epoch, in long form.

        Columns `run_id`, `architecture`, `label`, `repeat`, `fold`, `metric` (as docs/glossary.md calls it), `epoch`
        (from 1) and `value`.
        """
        return self._about(load_curves(self._runs, self._summary.study, self._tracking))

    @cached_property
    def frames(self) -> pd.DataFrame:
        """A row for every test frame of every run that was tested.

        Columns `run_id`, `architecture`, `label`, `repeat`, `fold`, `stem` and `scene` of the frame, and the metrics of
        `test_frames.parquet` (docs/glossary.md): `iou`, `dice`, `boundary_iou` and so on.

        Raises:
            ValueError: a table is damaged.
        """
        return self._about(run_frames(self._summary))

    def _about(self, table: pd.DataFrame) -> pd.DataFrame:
        """With the columns before it that say which run it is of."""
        return self.runs[list(ABOUT)].rename(columns=ABOUT).merge(table, on=RUN)

    @cached_property
    def figures(self) -> list[str]:
        """Names of the figures that can be drawn of this study, in the report's order."""
        return [name for name in self._planned if self._can_draw(name)]

    @property
    def _planned(self) -> list[str]:
        return [name for name, plot in FIGURES.items() if plot.stage in self._summary.study.stages]

    def _can_draw(self, name: str) -> bool:
        try:
            self._record(name)
        except NoDataError:
            return False
        return True

    def _record(self, name: str) -> Any:
        if name not in self._records:
            self._records[name] = FIGURES[name].record(self._summary)
        return self._records[name]

    def plot(self, name: str) -> Figure:
        """A figure of the report, such as `iou_memory`; `figures` has the names.

        Raises:
            ValueError: the report has no such figure of this study, or there is nothing to draw.
        """
        require(name in self._planned, "figure", f"be one of {', '.join(self._planned)}", name)
        try:
            record = self._record(name)
        except NoDataError as reason:
            raise ValueError(f"figure {name} cannot be drawn of study {self.name}: {reason}") from None
        with style.report_style():
            figure = FIGURES[name].draw(record)
        # Notebooks draw figures of pyplot by themselves, and ask others.
        figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]
        return figure

    def compare(self, a: str, b: str, *, metric: str = "iou") -> Comparison:
        """What the report says of a less b, judged among all of its claims.

        Args:
            a: An architecture, which stands for its best configuration by validation, or a configuration as `--compare`
                of `hourglass-bench report` takes it: `unet`, `unet/3/12`, `ResUNet/width=24`.
            b: Another one.
            metric: iou or boundary_iou.

        Raises:
            ValueError: one of them is not there, which says what is; they cannot be compared; or another metric.
        """
        columns = [one.column for one in HEADLINE_METRICS]
        require(metric in columns, "metric", f"be one of {', '.join(columns)}", metric)
        judged = {one.metric.column: one for one in judge_pair(self._summary, f"{a}:{b}")}
        if metric not in judged:
            raise ValueError(f"compare must be of two that were tested on the same frames, got {a!r} and {b!r}.")
        return comparison(judged[metric])

    def __repr__(self) -> str:
        study = self._summary.study
        planned = f" of {study.planned}" if study.planned else ""
        return f"Study {self.name}: {study.outcomes}{planned} units ended. {self.answer}"

    def _repr_html_(self) -> str:
        from html import escape

        table = best_of_each(self._summary)
        cells = pd.DataFrame(table.rows, columns=table.headings).to_html(index=False, border=0).replace("\\n", "<br>")
        return f"<h4>Study {escape(self.name)}</h4><p>{escape(self.answer)}</p>{cells}"


def _png(figure: Figure) -> bytes:
    content = BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()


def load(study: str | Path, *, runs: str | Path = "runs", tracking: str = "") -> Results:
    """A study of the tracking store, finished or not.

    Args:
        study: Its name, or the file that defines it.
        runs: Folder of all results.
        tracking: URL of the MLflow store, if it is not the database under `runs`.

    Raises:
        ValueError: no store, no such study (the names are listed), one without runs, or of a version that is not read.
    """
    return Results(study_name(str(study)), Path(runs), tracking)

"""What a user sees of a finished `quick` in MLflow's UI, as `hourglass-bench ui` opens it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking import view
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from tests.studies.conftest import trial_runs

pytestmark = pytest.mark.slow
Look = Callable[[str], Any]


def cells(page: Any, column: str) -> list[str]:
    """Texts of a column of the table of runs, from the first row on."""
    found = page.locator(f'[role="gridcell"][col-id="{column}"]')
    found.nth(10).wait_for()
    rows = found.evaluate_all("cells => cells.map(cell => [+cell.closest('[row-index]').rowIndex, cell.innerText])")
    return [text.strip() for _, text in sorted(rows)]


def test_the_runs_are_visible_without_a_click_sorted_by_test_iou(ui: str, look: Look) -> None:
    page = look(ui)
    iou = [float(text) for text in cells(page, f"metrics.`{schema.TEST_IOU.name}`")]
    assert len(iou) > 10
    assert iou == sorted(iou, reverse=True)
    assert set(cells(page, f"tags.`{schema.STATE}`")) == {"complete"}


def test_loss_and_iou_are_drawn_first(ui: str, look: Look) -> None:
    page = look(f"{ui}&compareRunsMode=CHART")
    charts = page.get_by_test_id("experiment-view-compare-runs-card")
    for place, metric in enumerate(view.CURVES):
        chart = charts.nth(place)
        chart.locator("path.js-line").nth(9).wait_for(state="attached")
        assert metric.name in chart.inner_text()


def test_the_view_is_kept_where_mlflow_lists_views(ui: str, look: Look) -> None:
    page = look(ui.partition("&view")[0])
    page.get_by_test_id("saved-views-trigger").click()
    page.get_by_role("menuitem").get_by_text(view.TITLE, exact=True).wait_for()


def test_the_parent_run_says_what_the_study_is(ui: str, look: Look, finished: Path) -> None:
    (parent,) = trial_runs(finished, "quick", kind="study")
    page = look(f"{ui.partition('#')[0]}#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}")
    page.get_by_text("How to resume").wait_for()
    assert open_store(tracking_url(finished)).get_run(parent.info.run_id).data.tags["mlflow.note.content"]

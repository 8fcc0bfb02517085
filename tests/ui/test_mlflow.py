"""What a user sees of a finished `quick` in MLflow's UI, as `hourglass-bench ui` opens it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking import view
from tests.studies.conftest import trial_runs

pytestmark = pytest.mark.slow
Look = Callable[[str], Any]
CARD = "experiment-view-compare-runs-card"


def expect(found: Any) -> Any:
    """Playwright's own, imported late: it is a tool of browser tests alone."""
    from playwright.sync_api import expect as of_playwright

    return of_playwright(found)


@pytest.fixture(scope="module")
def table(ui: str, look: Look) -> Any:
    """The page that `ui` opens: nothing is clicked."""
    return look(ui)


@pytest.fixture(scope="module")
def charts(ui: str, look: Look) -> Any:
    """The same view, as charts."""
    return look(f"{ui}&compareRunsMode=CHART")


@pytest.fixture(scope="module")
def trials(finished: Path) -> list[Any]:
    """The study's runs, best first."""
    return sorted(trial_runs(finished, "quick"), key=lambda run: -run.data.metrics[schema.TEST_IOU.name])


def cells(page: Any, column: str, rows: int) -> list[str]:
    """Texts of a column of the table of runs, from the first row on."""
    found = page.locator(f'[role="gridcell"][col-id="{column}"]')
    expect(found).to_have_count(rows)
    place = "+cell.closest('[row-index]').getAttribute('row-index')"
    texts = found.evaluate_all(f"cells => cells.map(cell => [{place}, cell.innerText])")
    return [text.strip() for _, text in sorted(texts)]


def shows_steps(card: Any) -> bool:
    """Whether a card shows pictures, and others when its slider is moved."""
    picture = card.locator("img").first
    expect(picture).to_have_js_property("complete", True)
    first = picture.get_attribute("src")
    assert picture.evaluate("image => image.naturalWidth") > 0
    card.get_by_role("slider").press("ArrowRight")
    expect(picture).not_to_have_attribute("src", first)
    expect(picture).to_have_js_property("complete", True)
    return bool(picture.evaluate("image => image.naturalWidth"))


def of_run(ui: str, run: Any, page: str = "") -> str:
    """Address of a run's page."""
    return f"{ui.partition('#')[0]}#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}{page}"


def test_the_runs_are_visible_without_a_click_sorted_by_test_iou(table: Any, trials: list[Any]) -> None:
    *shown, of_parent = cells(table, f"metrics.`{schema.TEST_IOU.name}`", len(trials) + 1)
    assert len(trials) == 12
    assert [float(iou) for iou in shown] == [pytest.approx(run.data.metrics[schema.TEST_IOU.name]) for run in trials]
    assert of_parent == "-"
    names = cells(table, "attributes.`Run Name`", len(trials) + 1)
    assert [name.splitlines()[-1] for name in names] == [*(run.info.run_name for run in trials), "quick"]


def test_the_dataset_column_is_filled(table: Any, trials: list[Any]) -> None:
    *shown, of_parent = cells(table, "attributes.`Dataset`", len(trials) + 1)
    for text in shown:
        assert text.startswith("synthetic (")
        assert all(role in text for role in ("Train", "Validation", "Test"))
    assert of_parent == "-"


def test_loss_and_iou_are_drawn_first(charts: Any) -> None:
    for place, metric in enumerate(view.CURVES):
        chart = charts.get_by_test_id(CARD).nth(place)
        expect(chart.locator("path.js-line").nth(9)).to_be_attached()
        expect(chart).to_contain_text(metric.name)


def test_masks_of_the_runs_are_side_by_side_by_scene(charts: Any) -> None:
    card = charts.get_by_test_id(CARD).nth(len(view.CURVES) + 2)
    card.scroll_into_view_if_needed()
    expect(card).to_contain_text(schema.PREDICTION_IMAGES)
    expect(card.locator("img")).to_have_count(10)  # as many runs as MLflow shows at first
    assert shows_steps(card)


def test_a_run_has_its_masks_by_scene(ui: str, look: Look, trials: list[Any]) -> None:
    page = look(of_run(ui, trials[0], "/model-metrics"))
    page.get_by_placeholder("Search metric charts").fill(schema.PREDICTION_IMAGES)
    expect(page.get_by_test_id(CARD)).to_have_count(1)
    assert shows_steps(page.get_by_test_id(CARD))


def test_a_model_is_reached_from_its_run_and_has_a_signature(table: Any) -> None:
    with table.context.expect_page() as opened:
        table.locator('[col-id="attributes.`Models`"]').get_by_role("link", name="hourglass").click(
            modifiers=["Control"]
        )
    page = opened.value
    page.get_by_text("Artifacts", exact=True).click()
    page.get_by_text("MLmodel", exact=True).click()
    expect(page.get_by_text('"type": "binary", "name": "image"')).to_be_visible()
    expect(page.get_by_text('"type": "binary", "name": "mask"')).to_be_visible()


def test_a_registered_model_shows_its_signature(ui: str, look: Look) -> None:
    page = look(f"{ui.partition('#')[0]}#/models/quick-unet/versions/1")
    for put, name in (("Inputs (1)", "image"), ("Outputs (1)", "mask")):
        page.get_by_text(put, exact=True).click()
        row = page.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text("binary")
    expect(page.get_by_role("status").get_by_text("best")).to_be_visible()


def test_the_view_is_kept_where_mlflow_lists_views(ui: str, look: Look) -> None:
    page = look(ui.partition("&view")[0])
    page.get_by_test_id("saved-views-trigger").click()
    expect(page.get_by_role("menuitem").get_by_text(view.TITLE, exact=True)).to_be_visible()


def test_the_parent_run_says_what_the_study_is(ui: str, look: Look, finished: Path) -> None:
    (parent,) = trial_runs(finished, "quick", kind="study")
    page = look(of_run(ui, parent))
    expect(page.get_by_role("heading", name=parent.data.tags[schema.STUDY_DESCRIPTION])).to_be_visible()
    expect(page.get_by_text("12 of 12 have an outcome")).to_be_visible()
    page.get_by_text("Show more").click()
    expect(page.get_by_text("How to resume")).to_be_in_viewport()

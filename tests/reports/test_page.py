"""The report's page in a headless Chromium: what it shows, how it answers, and that it asks nobody."""

import hashlib
import re
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_store import plan_of
from fake_units import Unit, foreign, grid
from helpers import Fill

from hourglass_bench.bench import schema
from hourglass_bench.reports.build import Built, build

Report = Callable[[Path, str], Built]
Page = Any
Open = Callable[..., Page]
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the path")
WIDE, PHONE = 1280, 390
STORES = {
    "small_store": "quick",
    "troubled_store": "quick",
    "foreign_store": "quick",
    "search_store": "search",
    "front_store": "memory_budget",
    "generative_store": "generative",
}
HOSTILE = "net.py:A</script><b>"
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
SHOWN = "rows => rows.filter(row => !row.hidden).map(row => row.cells[0].textContent)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Function that opens a page of so many pixels; at the end none may have asked for anything or complained."""
    pages, said, asked = [], [], []

    def open_page(report: Path, width: int = WIDE, **options: object) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.with_name("report.html").as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == asked[:1] * len(pages)
    assert asked[0].startswith("file:")


@pytest.fixture(scope="module")
def quick(built: Report, small_store: Path) -> Path:
    """The report of `small_store`."""
    return built(small_store, "quick").report


def rows(page: Page, table: str) -> list[str]:
    """First cells of the rows of an explored table that are shown."""
    found: list[str] = page.locator(f"#{table} tbody tr").evaluate_all(SHOWN)
    return found


def marks(page: Page, figure: str = "iou_memory") -> Any:
    return page.locator(f"[data-figure={figure}] .item")


def untick(page: Page, label: str) -> None:
    page.locator("#filters label", has_text=re.compile(f"^{label}$")).click()


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("store", STORES)
def test_a_page_of_every_kind_of_study_fits_its_window(
    store: str, width: int, built: Report, opened: Open, request: pytest.FixtureRequest
) -> None:
    page = opened(built(request.getfixturevalue(store), STORES[store]).report, width)
    assert page.evaluate(OVERFLOW) == 0
    assert page.locator("#answer .lead").is_visible()
    links = page.locator("nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert all(page.locator(link).count() == 1 for link in links)
    # Every figure is there once, as a drawing or as its counterpart.
    for figure in page.locator("figure.drawn").all():
        assert figure.locator("> .paper:visible, > .live[data-figure]:visible").count() == 1
        assert figure.locator("> figcaption:visible").count() == 1


@pytest.mark.parametrize("units", [[Unit(state="failed", logged=False)], [Unit(epochs=1, panel=False)]], ids=len)
def test_parts_without_data_are_left_out(units: list[Unit], new_store: Fill, opened: Open) -> None:
    page = opened(build(new_store(units), "quick").report)
    ran = units[0].state == "complete"
    assert page.locator("#configurations").count() == page.locator("#runs").count() == int(ran)
    assert page.locator("[data-figure=predictions]").count() == 0
    assert page.locator("#filters").count() == 0  # nothing to choose between
    assert page.locator("#answer .lead").inner_text().startswith(("Nothing can be recommended yet", "Only"))


def test_filters_act_on_figures_and_tables_together(quick: Path, opened: Open) -> None:
    page = opened(quick)
    assert (marks(page).count(), len(rows(page, "configurations")), len(rows(page, "runs"))) == (12, 12, 24)
    assert page.locator("#filters summary span").inner_text() == "12 of 12 configurations, 24 of 24 runs"
    untick(page, "U-Net")
    assert set(rows(page, "configurations")) == set(rows(page, "runs")) == {"SimpleConv", "Hourglass"}
    assert marks(page).count() == 8
    assert marks(page, "learning_curves").count() == 16
    assert page.locator("[data-figure=predictions] .scene img").count() == 2 + 2
    untick(page, "2")
    assert (marks(page).count(), len(rows(page, "configurations"))) == (4, 4)
    # A comparison is shown as long as one of both is.
    compared = page.locator("table.sortable").first.locator("tbody tr").evaluate_all(SHOWN)
    assert compared
    assert not any(re.fullmatch(r"U-Net.*less U-Net.*", name.replace("\n", " ")) for name in compared)
    page.locator("#budget").fill("0")
    assert len(rows(page, "configurations")) < 4
    assert "at most" in page.locator("#filters").inner_text()
    page.get_by_role("button", name="Show all").click()
    assert (marks(page).count(), len(rows(page, "configurations")), len(rows(page, "runs"))) == (12, 12, 24)


def test_on_a_phone_the_filters_open_by_a_tap_anywhere_on_their_line(quick: Path, opened: Open) -> None:
    page = opened(quick, PHONE, has_touch=True)
    assert not page.locator("#filters form").is_visible()
    page.locator("#filters summary span").tap()
    assert page.locator("#filters form").is_visible()


def test_configurations_are_told_apart_by_all_that_differs(built: Report, generative_store: Path, opened: Open) -> None:
    page = opened(built(generative_store, "generative").report)
    names = page.locator("#configurations tbody tr").evaluate_all(
        "rows => rows.map(row => row.cells[0].textContent + row.cells[1].textContent)"
    )
    assert len(set(names)) == len(names) > 2
    assert names[0].endswith("latent\xa04")


def test_a_run_whose_scores_are_not_numbers_has_no_curve(execute: Callable[..., Path], opened: Open) -> None:
    name = schema.VAL_IOU.name
    tested = f"SELECT run_uuid FROM metrics WHERE key = '{schema.TEST_IOU.name}'"
    ran = f"(SELECT run_uuid FROM metrics WHERE key = '{name}' AND run_uuid IN ({tested}) ORDER BY run_uuid LIMIT 1)"
    runs = execute(f"UPDATE metrics SET is_nan = 1 WHERE key = '{name}' AND run_uuid = {ran}")
    page = opened(build(runs, "quick").report)  # which complains of nothing
    lines = marks(page, "learning_curves").count()
    page.get_by_role("button", name="validation cross-entropy").click()
    assert 0 < lines == marks(page, "learning_curves").count() - 1


def test_axes_have_any_number_of_values(quick: Path, opened: Open) -> None:
    page = opened(quick)
    low, high = page.evaluate("padded(Array.from({ length: 400 * 1000 }, (_, at) => at))")  # curves of 1000 epochs
    assert low < 0
    assert high > 400 * 1000 - 1
    assert page.evaluate("padded([])") == page.evaluate("padded([0, 1])")


def test_a_mark_tells_memory_interval_and_runs(quick: Path, opened: Open) -> None:
    page = opened(quick)
    cells = page.locator("#configurations tbody tr").first.locator("td").all_inner_texts()
    ids = [row.locator("code").inner_text() for row in page.locator("#runs tbody tr").all()[:2]]
    first = next(one for one in marks(page).all() if ids[0] in str(one.get_attribute("aria-label")))
    page.locator("[data-figure=iou_memory]").scroll_into_view_if_needed()
    first.focus()  # by keys
    by_keys = page.locator("#tip").inner_text()
    lines = by_keys.split("\n")
    assert lines[0] == f"{cells[0]} ({cells[1]})".replace("\xa0", " ")
    assert lines[1] == f"test IoU {cells[5]}".replace("\xa0", " ")
    assert lines[2] == f"peak memory {cells[3]} MB"
    assert [line.split(": ")[1] for line in lines[3:]] == ids
    page.evaluate("new Promise(done => { addEventListener('scroll', done, { once: true }); scrollBy(0, 40) })")
    assert page.locator("#tip").inner_text() == by_keys  # it goes along
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()
    box = first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 + 1, box["y"] + box["height"] / 2)  # by pointer
    assert page.locator("#tip").inner_text() == by_keys


def test_arrow_keys_lead_along_the_marks_and_one_is_reached_by_tab(quick: Path, opened: Open) -> None:
    page = opened(quick)
    assert page.locator("[data-figure=iou_memory] .item[tabindex='0']").count() == 1
    marks(page).first.focus()
    told = page.locator("#tip").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#tip").inner_text() != told
    page.keyboard.press("ArrowLeft")
    assert page.locator("#tip").inner_text() == told


def test_each_repeat_is_a_mark_if_one_likes(quick: Path, opened: Open) -> None:
    page = opened(quick)
    page.get_by_label("each repeat").check()
    assert marks(page).count() == 12 + 24


def test_a_tap_shows_the_same_as_hovering(quick: Path, opened: Open) -> None:
    page = opened(quick, PHONE, has_touch=True)
    mark = marks(page).first
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "peak memory" in page.locator("#tip").inner_text()
    tip = page.locator("#tip").bounding_box()
    assert tip["x"] >= 0
    assert tip["x"] + tip["width"] <= PHONE


def test_tables_are_sorted_by_their_numbers(quick: Path, opened: Open) -> None:
    page = opened(quick)
    head = page.locator("#configurations th", has_text="peak memory")
    column = "rows => rows.map(row => Number(row.cells[3].textContent.replaceAll(',', '')))"
    for direction in ("ascending", "descending"):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == direction
        found = page.locator("#configurations tbody tr").evaluate_all(column)
        assert found == sorted(found, reverse=direction == "descending")
        assert len(set(found)) > 2
    page.locator("#configurations th button").first.click()
    assert head.get_attribute("aria-sort") is None
    assert rows(page, "configurations") == sorted(rows(page, "configurations"))


def test_a_dash_is_sorted_last(troubled_store: Path, built: Report, opened: Open) -> None:
    page = opened(built(troubled_store, "quick").report)
    head = page.locator("#runs th", has_text="test IoU")
    place = page.locator("#runs th").all_inner_texts().index(head.inner_text())
    for _ in range(2):
        head.locator("button").click()
        found = page.locator("#runs tbody tr").evaluate_all(f"rows => rows.map(row => row.cells[{place}].textContent)")
        assert "–" in found
        assert found.index("–") == len(found) - found.count("–") > 0


def test_what_begins_with_a_number_is_sorted_by_it_unless_it_is_a_name(quick: Path, opened: Open) -> None:
    keys = "texts => texts.map(text => sortKey({ textContent: text }))"
    names = ["144x4x4", "3f6c52b8copy"]
    assert opened(quick).evaluate(keys, names) == names
    numbers = {"1,234": 1234, "12.5\xa0k": 12500, "−0.5\n[−1, 1]": -0.5, "62 %": 62, "2 of 5": 2, "+0.1": 0.1}
    assert opened(quick).evaluate(keys, [*numbers]) == [*numbers.values()]


def test_scenes_are_browsed_by_a_slider(quick: Path, opened: Open) -> None:
    page = opened(quick)
    images = page.locator("[data-figure=predictions] .scene img")
    assert images.count() == 2 + 3
    assert all(images.evaluate_all("images => images.map(image => image.complete && image.naturalWidth > 0)"))
    before = images.first.get_attribute("src")
    page.locator("#scene").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("output[for=scene]").inner_text().startswith("2 of ")
    assert images.first.get_attribute("src") != before
    errors = images.last.get_attribute("src")
    page.get_by_role("button", name="predicted mask").click()
    assert images.last.get_attribute("src") != errors
    assert re.search(r"IoU 0\.\d{3}, \d+ px missed", str(images.last.get_attribute("alt")))


def test_curves_have_a_line_for_each_run_and_two_metrics(quick: Path, opened: Open) -> None:
    page = opened(quick)
    lines = marks(page, "learning_curves")
    assert lines.count() == 24
    lines.first.focus()
    assert "epoch 3: validation IoU 0." in page.locator("#tip").inner_text()
    page.get_by_role("button", name="validation cross-entropy").click()
    lines.first.focus()
    assert "epoch 3: validation cross-entropy " in page.locator("#tip").inner_text()


def test_print_shows_all_rows_and_the_drawings(quick: Path, opened: Open) -> None:
    page = opened(quick)
    untick(page, "U-Net")
    assert page.locator("#runs tbody tr:visible").count() == 16
    page.emulate_media(media="print")
    assert page.locator("#runs tbody tr:visible").count() == 24
    assert not page.locator("#filters, nav, [data-figure], .copy").locator("visible=true").count()
    assert page.locator("figure.drawn svg[role=img]:visible").count() == page.locator("figure.drawn").count()
    assert len(page.pdf()) > 100_000


def test_without_javascript_the_answer_figures_and_tables_are_there(quick: Path, opened: Open) -> None:
    page = opened(quick, java_script_enabled=False)
    assert page.locator("#answer .lead").is_visible()
    assert page.locator("#runs tbody tr:visible").count() == 24
    assert page.locator("figure.drawn svg[role=img]:visible").count() == page.locator("figure.drawn").count()
    assert not page.locator(".live").locator("visible=true").count()


def test_names_of_peoples_files_are_text(new_store: Fill, opened: Open) -> None:
    units = [replace(unit, architecture=HOSTILE) for unit in foreign(repeats=2, epochs=1) if unit.options is not None]
    units += grid(repeats=2, epochs=1)
    page = opened(build(new_store(units, tags=plan_of(units)), "quick").report)
    name = HOSTILE.rpartition(":")[2]
    assert name in rows(page, "runs")
    assert page.locator("#filters label", has_text=name).count() == 1
    assert page.locator("main b", has_text=re.compile("^$")).count() == 0


def test_only_the_pages_own_script_may_run(quick: Path) -> None:
    text = quick.with_name("report.html").read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text

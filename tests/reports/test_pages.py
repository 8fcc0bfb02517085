"""No page is less than half full, as one sees it: by the lowest ink on a picture of each page."""

import io
import json
import shutil
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import typst
from matplotlib.image import imread

from hourglass_bench.reports import build as build_module
from hourglass_bench.reports.build import Built
from hourglass_bench.reports.pages import ENOUGH, Piece, page_starts
from hourglass_bench.reports.terms import TERMS

LESS = ("all_failed", "all_infeasible", "one_run")
"""Of `fake_problems`: reports of a page or two."""
STORES = {
    "small_store": "quick",
    "troubled_store": "quick",
    "leaky_store": "quick",
    "practical_store": "practical",
    "search_store": "search",
    "front_store": "memory_budget",
    "generative_store": "generative",
}
TALL, ABOVE, USED = 29.7, 1.8, 26.0
"""A page, its upper margin and what is between the margins, in cm."""
TOO_LONG = """
#set text(font: "DejaVu Sans", size: 7.5pt, hyphenate: false)
#set par(leading: 0.62em)
#context {
  let three-lines = measure([X \\ X \\ X]).height
  let captions = json(bytes(sys.inputs.captions))
  [#metadata(captions.filter(it => measure(text(it), width: 17cm).height > three-lines)) <too-long>]
}
"""


FONTS = typst.Fonts(include_system_fonts=False, font_paths=[Path(mpl.get_data_path()) / "fonts" / "ttf"])


def compiler(folder: Path) -> typst.Compiler:
    return typst.Compiler(folder / "report.typ", root=folder, font_paths=FONTS)


def filled(folder: Path) -> list[float]:
    """How much of each page there is above its lowest ink; the footer does not count."""
    made = compiler(folder).compile(format="png", ppi=36)
    assert made is not None
    shares = []
    for page in made if isinstance(made, list) else [made]:
        picture = imread(io.BytesIO(page))
        per_cm = len(picture) / TALL
        above_footer = picture[: int((ABOVE + USED) * per_cm), :, :3]
        lowest = np.flatnonzero((above_footer < 0.9).any(axis=(1, 2)))[-1]
        shares.append(float((lowest + 1) / per_cm - ABOVE) / USED)
    return shares


def pages_of(what: str, folder: Path) -> list[int]:
    """The pages on which elements of this typst selector begin."""
    pages: list[int] = json.loads(compiler(folder).eval(f"query({what}).map(it => it.location().page())"))
    return pages


def too_long(captions: list[str]) -> list[str]:
    """Those of more than three lines of full width."""
    said = {"captions": json.dumps(captions)}
    measuring = typst.Compiler(TOO_LONG.encode(), font_paths=FONTS, sys_inputs=said)
    found: list[str] = json.loads(measuring.query("<too-long>", field="value", one=True))
    return found


def table(rows: int, caption: str = "Caption") -> dict[str, Any]:
    cells = [[f"row {row}", "1.0"] for row in range(rows)]
    head = {"header": ["name", "value"], "align": ["left", "right"]}
    return {"kind": "table", "caption": caption, **head, "rows": cells, "note": "What is needed to read it."}


@pytest.fixture
def typeset(tmp_path: Path) -> Callable[[list[list[dict[str, Any]]]], tuple[Path, int]]:
    """Function that makes a report of the given blocks of each section: its folder and number of pages."""

    def make(sections: list[list[dict[str, Any]]]) -> tuple[Path, int]:
        headed = [{"heading": f"Section {n}" if n else "", "blocks": blocks} for n, blocks in enumerate(sections)]
        report = {"title": "Study", "description": "", "date": "Today", "sections": headed}
        (tmp_path / "report.json").write_text(json.dumps(report), encoding="utf-8")
        shutil.copy(Path(build_module.__file__).parent / "report.typ", tmp_path)
        return tmp_path, build_module._compile(tmp_path, 0, len(sections[0]))

    return make


@pytest.mark.parametrize("store", STORES)
def test_every_page_of_a_report_is_at_least_half_full(
    store: str, built: Callable[[Path, str], Built], request: pytest.FixtureRequest
) -> None:
    report = built(request.getfixturevalue(store), STORES[store])
    shares = filled(report.report.parent)
    assert len(shares) == report.pages
    assert min(shares) >= 0.5, shares
    answer = json.loads((report.report.parent / "report.json").read_text(encoding="utf-8"))["sections"][0]
    shown = sum(
        len(block.get("figures", [block])) for block in answer["blocks"] if block["kind"] in ("table", "figures")
    )
    assert pages_of("figure", report.report.parent)[:shown] == [1] * shown


@pytest.mark.parametrize("store", STORES)
def test_no_caption_of_a_table_is_longer_than_three_lines(
    store: str, built: Callable[[Path, str], Built], request: pytest.FixtureRequest
) -> None:
    folder = built(request.getfixturevalue(store), STORES[store]).report.parent
    sections = json.loads((folder / "report.json").read_text(encoding="utf-8"))["sections"]
    tables = [block for section in sections for block in section["blocks"] if block["kind"] == "table"]
    captions = [f"Table {number}: {block['caption']}" for number, block in enumerate(tables, 1)]
    assert captions
    assert too_long(captions) == []
    assert too_long([" ".join(captions) + " And so on." * 40])


def test_every_term_of_the_legend_is_in_some_report(
    built: Callable[[Path, str], Built], request: pytest.FixtureRequest
) -> None:
    explained = set()
    for store in STORES:
        folder = built(request.getfixturevalue(store), STORES[store]).report.parent
        sections = json.loads((folder / "report.json").read_text(encoding="utf-8"))["sections"]
        blocks = [block for section in sections for block in section["blocks"] if block["kind"] == "terms"]
        explained |= {term for block in blocks for term, _ in block["terms"]}
    assert explained == set(TERMS)


@pytest.mark.parametrize("problem", LESS)
def test_every_page_of_a_short_report_is_at_least_half_full(
    problem: str, built: Callable[[Path, str], Built], problem_store: Callable[[str], Path]
) -> None:
    shares = filled(built(problem_store(problem), "quick").report.parent)
    assert min(shares) >= 0.5, shares


@pytest.mark.parametrize("seed", range(12))
def test_tables_of_any_length_leave_no_page_half_empty(
    seed: int, typeset: Callable[[list[list[dict[str, Any]]]], tuple[Path, int]]
) -> None:
    lengths = np.random.default_rng(seed).choice([2, 6, 10, 14, 18, 40, 65, 90, 150], size=(5, 3))
    folder, pages = typeset([[table(int(rows), "Caption. " * 40) for rows in section] for section in lengths])
    shares = filled(folder)
    assert len(shares) == pages
    assert min(shares) >= 0.5, shares
    # A table stands on the page of its caption, with which a figure begins, and a section's first below its heading.
    tables, captions = pages_of("table", folder), pages_of("figure", folder)
    assert len(tables) == lengths.size
    assert tables == captions
    assert tables[3::3] == pages_of("heading.where(level: 2)", folder)


def test_a_report_of_a_few_lines_is_one_page(
    typeset: Callable[[list[list[dict[str, Any]]]], tuple[Path, int]],
) -> None:
    assert typeset([[{"kind": "lead", "text": "Nothing."}], [table(2)]])[1] == 1


def pieces(*lengths: float, gap: float = 0.02) -> list[Piece]:
    tops = np.cumsum([0.0, *(length + gap for length in lengths)])
    return [Piece(top, top + length, False) for top, length in zip(tops[:-1].tolist(), lengths, strict=True)]


def emptiness(blocks: list[Piece], starts: tuple[int, ...]) -> list[float]:
    """Of each page, its empty share."""
    return [1 - (blocks[end - 1].bottom - blocks[first].top) for first, end in pairwise([*starts, len(blocks)])]


@pytest.mark.parametrize("seed", range(8))
def test_no_other_choice_of_pages_is_better(seed: int) -> None:
    blocks = pieces(*np.random.default_rng(seed).uniform(0.03, 0.5, 11).tolist())
    choices = [(0, *later) for count in range(11) for later in combinations(range(1, 11), count)]
    costs = {
        starts: sum(empty**2 + 100 * (empty > 1 - ENOUGH) for empty in emptiness(blocks, starts))
        for starts in choices
        if min(emptiness(blocks, starts)) >= 0
    }
    assert page_starts(blocks, len(blocks)) == list(min(costs.items(), key=lambda choice: choice[1])[0])


@pytest.mark.parametrize(
    ("lengths", "answer", "starts"),
    [
        ((0.3, 0.3, 0.3, 0.3, 0.4, 0.2), 2, [0, 2, 4]),
        ((0.4, 0.4, 0.2, 0.4, 0.2), 2, [0, 2]),
        ((0.2, 0.2, 0.4, 0.4, 0.4), 2, [0, 3]),
        ((0.4, 0.4, 0.3), 2, [0, 1]),
        ((0.2, 0.2), 1, [0]),
        ((1.7, 0.6), 1, [0, 1]),
    ],
    ids=["alone", "alone", "too little of it", "too little of the rest", "a page in all", "taller than a page"],
)
def test_the_answer_has_a_page_to_itself_if_none_is_half_empty_for_that(
    lengths: tuple[float, ...], answer: int, starts: list[int]
) -> None:
    assert page_starts(pieces(*lengths, gap=0.0), answer) == starts


def test_only_a_block_that_can_be_broken_goes_on_on_the_next_page() -> None:
    before, long, after = pieces(0.3, 1.2, 0.35)
    assert page_starts([before, long, after], 1) == [0, 1, 2]
    assert page_starts([before, long._replace(breakable=True), after], 3) == [0]

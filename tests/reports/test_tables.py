"""What all tables keep to, whatever the study: short captions, heads of words, the width of a page."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from fake_problems import PROBLEMS
from fake_store import plan_of
from fake_units import Unit
from helpers import Fill, table
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.claims import HEADLINE_METRICS, judge_headline
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.html.subjects import Subjects
from hourglass_bench.reports.html.tables import explored
from hourglass_bench.reports.store.load import load_study
from hourglass_bench.reports.tables import TABLES
from hourglass_bench.reports.tables.base import NARROWEST, Table, right
from hourglass_bench.reports.terms import TERMS

UNITS = {"(MB)", "(dB)", "(ms)", "(s)"}
LINE = 125
"""Characters of a caption at full width."""
PAGE, INSET = 481.9, 6.0
"""Points between the margins, and those that a column adds to its words."""
STUDIES = {"search": "search", "front": "memory_budget", "generative": "generative", "practical": "practical"}
"""Those that are called otherwise than `quick`."""
STORES = ["small", "troubled", "leak", *STUDIES, *PROBLEMS]


@pytest.fixture(scope="module")
def practical_store(new_store: Fill) -> Path:
    plain = Unit(architecture="simple_conv", preset="simple_conv_shallow", epochs=2)
    return new_store([plain, replace(plain, preset="", architecture="unet", depth=3)], study="practical")


@pytest.fixture(scope="module")
def leak_store(new_store: Fill) -> Path:
    units = [
        Unit(split=split, repeat=repeat, epochs=2) for split in ("scene_folds", "random_frames") for repeat in (0, 1)
    ]
    return new_store(units, tags=plan_of(units))


@pytest.fixture(scope="module")
def tables(request: pytest.FixtureRequest, problem_store: Callable[[str], Path]) -> Callable[[str], list[Table]]:
    """Function that gives all tables of a store that have rows."""

    def make(name: str) -> list[Table]:
        runs = problem_store(name) if name in PROBLEMS else request.getfixturevalue(f"{name}_store")
        summary: Summary = summarise(load_study(runs, STUDIES.get(name, "quick")))
        return [made for entry in TABLES.values() if (made := entry.make(summary)) is not None and made.rows]

    return cache(make)


def test_every_metric_has_one_row_where_several_pairs_are_judged(small: Summary) -> None:
    made = table("metrics", small)
    assert len(judge_headline(small)) > 2 * len(HEADLINE_METRICS)
    assert [row[0][:-2] for row in made.rows] == [metric.label for metric in schema.TEST_METRICS]


def unclear(heading: str) -> list[str]:
    """Parts of a heading that are no words: neither spelt out, nor a unit, nor a term of the legend."""
    terms = {word for term in TERMS for word in term.split()}
    parts = heading.replace("[interval]", "").replace(" , ", " ").split()
    return [part for part in parts if not (re.fullmatch(r"[a-z]{2,}(-[a-z]{2,})*,?", part) or part in UNITS | terms)]


@pytest.mark.parametrize("bad", ["P", "d", "Δ IoU", "p", "peak MB", "3/12", "params_total", "lr 2"])
def test_letters_signs_and_sizes_are_no_words(bad: str) -> None:
    assert unclear(bad)


@pytest.mark.parametrize("store", STORES)
def test_heads_are_words(store: str, tables: Callable[[str], list[Table]]) -> None:
    names = {look.label for look in style.LOOKS.values()}
    for made in tables(store):
        assert not [part for heading in made.headings if heading not in names for part in unclear(heading)]


@pytest.mark.parametrize("store", STORES)
def test_captions_and_notes_are_short_and_cells_name_their_sizes(
    store: str, tables: Callable[[str], list[Table]]
) -> None:
    for made in tables(store):
        assert len(f"Table 10: {made.caption}") <= 3 * LINE
        assert len(made.note) <= 3 * LINE
        assert made.caption.endswith(".")
        assert made.note == "" or made.note.endswith(".")
        assert not [cell for row in made.rows for cell in row if re.search(r"\b\d+/\d+\b", cell)]


@pytest.mark.parametrize("store", STORES)
def test_nothing_is_wider_than_its_column(store: str, tables: Callable[[str], list[Table]]) -> None:
    for made in tables(store):
        columns = list(zip(made.header, *made.rows, strict=True))
        shares = _shares([max(_widths("\n", *column)) for column in columns])
        needs = [max(_widths(r"[ \n]|(?<=-)", *column)) for column in columns]
        wide = [head for head, need, share in zip(made.headings, needs, shares, strict=True) if need > share + 0.5]
        assert not wide, made.caption


def _widths(breaks: str, head: str, *cells: str) -> list[float]:
    """Widths in points of what stands between breaks in head and cells, with what their column adds."""
    words = [(part, "bold") for part in re.split(breaks, head)]
    words += [(part, "normal") for cell in cells for part in re.split(breaks, cell)]
    return [INSET + _width(*word) for word in words]


@cache
def _width(text: str, weight: str) -> float:
    font = FontProperties(family="DejaVu Sans", weight=weight)
    return float(TextPath((0, 0), text, size=7, prop=font).get_extents().width) if text.strip() else 0.0


def _shares(widths: list[float]) -> list[float]:
    """The widths that typst gives to columns: those below a fair share of the page keep theirs, others get the rest."""
    if sum(widths) <= PAGE:
        return widths
    before, fair = 0.0, PAGE / len(widths)
    while fair > before:
        small = [width for width in widths if width <= fair]
        before, fair = fair, (PAGE - sum(small)) / (len(widths) - len(small))
    return [min(width, fair) for width in widths]


def test_a_head_breaks_where_its_column_asks_for_it_and_in_no_word() -> None:
    heads = ("multiply-accumulates", "MS-SSIM", "detectable difference", "test IoU")
    made = Table("", right(*heads), [["1.00 M", "0.500", "0.100", "0.123 ± 0.100"]])
    assert made.header == ["multiply-\naccumulates", "MS-SSIM", "detectable\ndifference", "test IoU"]
    assert len("MS-SSIM") <= NARROWEST
    assert made.headings == list(heads)


def test_runs_of_the_page_are_called_by_their_configuration_and_not_by_a_hash(tuning: Summary) -> None:
    (runs,) = (table for table in explored(tuning, Subjects(tuning)) if table.heading == "Runs")
    stages, names = ({row[runs.headings.index(name)] for row in runs.rows} for name in ("stage", "configuration"))
    assert stages == {"tuning", "comparison"}
    assert all(re.fullmatch(r"depth\s\d, width\s\d+", name) for name in names), names

"""What stands below a figure, how high a figure is, and the legend of terms that captions count on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import drawn
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.figures import FIGURES
from hourglass_bench.reports.figures.base import NoDataError, Plot
from hourglass_bench.reports.store.load import load_study
from hourglass_bench.reports.terms import TERMS

POINTS = 72 / 2.54
"""In a centimetre."""
WIDTHS = {"full": 17 * POINTS, "half": (17 - 0.5) / 2 * POINTS}
"""Points of a line of text."""
FONT, METRICS = FontProperties(family="DejaVu Sans", size=7.5), TextToPath()
LINE = 0.37
"""Centimetres from a line of a caption to the next, and from a figure to its caption."""
MOST = 0.45 * 26
"""Centimetres of the text block that a figure may take."""
STORES = ("small", "troubled", "searching", "tuning", "generating")
PROBLEMS = ("two_scenes", "half_done", "third_wins", "nothing_learnt", "empty_folds", "unequal_training")


def lines(text: str, width: float) -> int:
    """How many a text takes if it is broken between words."""
    count, line = 1, ""
    for word in text.split(" "):
        longer = f"{line} {word}".strip()
        if METRICS.get_text_width_height_descent(longer, FONT, False)[0] > width and line:
            count, longer = count + 1, word
        line = longer
    return count


def test_lines_are_broken_between_words() -> None:
    assert lines("a", 10) == 1
    assert lines("a a", 10) == 2
    assert lines(" ".join(["word"] * 60), WIDTHS["half"]) >= 5


def shown(summary: Summary) -> Iterator[tuple[str, Plot[tuple[object, ...]], tuple[object, ...]]]:
    """Name, plot and record of every figure that has data."""
    for name, plot in FIGURES.items():
        try:
            record = plot.record(summary)
        except NoDataError:
            continue
        yield name, plot, record


def check(summary: Summary) -> None:
    """Captions are short, and no figure takes half a page."""
    for name, plot, record in shown(summary):
        caption = plot.caption(record)
        count = lines(f"Figure 12: {caption}", WIDTHS[plot.width])
        assert count <= 3, f"{name}: {count} lines: {caption}"
        width, height = drawn(plot, record).get_size_inches()
        size = style.PAGE_WIDTH if plot.width == "full" else style.HALF_WIDTH
        assert width == pytest.approx(size), name
        assert height * 2.54 + (count + 0.5) * LINE <= MOST, name


@pytest.mark.parametrize("store", STORES)
def test_captions_have_three_lines_and_figures_less_than_half_a_page(
    store: str, request: pytest.FixtureRequest
) -> None:
    check(request.getfixturevalue(store))


@pytest.mark.parametrize("name", PROBLEMS)
def test_so_they_have_in_odd_studies(name: str, problem_store: Callable[[str], Path]) -> None:
    check(summarise(load_study(problem_store(name), "quick")))


def test_terms_stand_in_alphabetical_order_and_end_with_a_stop() -> None:
    assert list(TERMS) == sorted(TERMS, key=str.casefold)
    assert all(text.endswith(".") and text == text.strip() and "  " not in text for text in TERMS.values())

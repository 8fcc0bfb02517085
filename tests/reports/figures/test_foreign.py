"""Networks from elsewhere in figures: how they look, and what a figure says of those that it has no place for."""

from dataclasses import replace
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from fake_units import RESUNET, SEGRESNET, Unit, foreign, searched
from helpers import Summarised, drawn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import Summary, statistic
from hourglass_bench.reports.figures import (
    FIGURES,
    bottleneck,
    depth_width,
    iou_memory,
    learning_curves,
    learning_rate,
    predictions,
    skips,
    tuning,
)
from hourglass_bench.reports.figures.base import NoDataError, NotVariedError

ZOO = [
    f"monai.networks.nets:{name}"
    for name in ("BasicUNet", "AttentionUnet", "BasicUNetPlusPlus", "SegResNet", "FlexibleUNet")
]
EIGHT = ["hourglass", "unet", *ZOO, RESUNET]


@pytest.fixture(scope="module")
def zoo(summarised: Summarised) -> Summary:
    """Two networks of ours beside five others, whose bottlenecks have names of their own."""
    ours = [Unit(architecture=name, width=width) for name in ("hourglass", "unet") for width in (8, 16)]
    theirs = [
        Unit(architecture=name, width=width, options={"features": str([width] * 6)}, params=named(f"down_{place}"))
        for place, name in enumerate(ZOO)
        for width in (8, 16)
    ]
    units = [replace(unit, repeat=repeat, epochs=2) for unit in [*ours, *theirs] for repeat in range(3)]
    return summarised(units)


def named(bottleneck: str) -> dict[str, str]:
    return {schema.BOTTLENECK_NAME: bottleneck}


@pytest.fixture(scope="module")
def strangers(summarised: Summarised) -> Summary:
    """Networks from elsewhere alone."""
    return summarised([unit for unit in foreign(repeats=3, epochs=2) if unit.options is not None])


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("resunet.py:ResUNet", "ResUNet"),
        ("monai.networks.nets:UNETR", "UNETR"),
        ("an_entry_point", "an_entry_point"),
        ("my/nets/resunet.py:SPEC", "resunet"),
        ("my.nets:SPEC", "nets"),
        ("hf:SegformerForSemanticSegmentation", "SegformerForS…tation"),
    ],
)
def test_is_called_what_stands_after_the_colon(name: str, label: str) -> None:
    assert style.look(name).label == label
    assert len(label) <= style.MOST_LETTERS + 1


def test_looks_the_same_wherever_its_file_lies() -> None:
    assert style.look("resunet.py:ResUNet") == style.look("/home/me/resunet.py:ResUNet")


def test_networks_of_the_zoo_are_told_apart_without_colour() -> None:
    looks = [style.look(name) for name in ("hourglass", "unet", *ZOO)]
    for one, other in combinations(looks, 2):
        assert one.marker != other.marker
        assert one.line != other.line or {one.label, other.label} & {"Hourglass", "U-Net"}
        assert one.colour != other.colour


@pytest.mark.parametrize("width", [style.PAGE_WIDTH, style.HALF_WIDTH])
def test_a_legend_of_eight_fits_and_is_read_row_by_row(width: float) -> None:
    with style.report_style():
        figure, _ = style.panels(1, height=2.2, width=width)
        style.architecture_legend(figure, EIGHT)
        FigureCanvasAgg(figure).draw()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    places = [
        (-round(text.get_window_extent().y0), text.get_window_extent().x0, text.get_text()) for text in legend.texts
    ]
    assert [label for *_, label in sorted(places)] == [style.look(name).label for name in style.in_order(EIGHT)]
    assert figure.get_figheight() > 2.2


@pytest.mark.parametrize("count", range(1, 9))
@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_rows_are_those_that_matplotlib_makes(count: int, columns: int) -> None:
    """It fills columns, the first ones with one more where they are not equally long."""
    handles = [mpl.lines.Line2D([], [], label=str(place)) for place in range(count)]
    ordered, made = style.in_rows(handles, min(columns, count))
    of_columns = [list(part) for part in np.array_split(np.array([one.get_label() for one in ordered]), made)]
    rows = [column[row] for row in range(count) for column in of_columns if row < len(column)]
    assert rows == [str(place) for place in range(count)]


def test_a_label_folds_where_its_words_begin() -> None:
    assert style.folded("BasicUNetPlusPlus", 0.6) == "BasicUNet\nPlusPlus"
    assert style.folded("BasicUNetPlusPlus", 2.0) == "BasicUNetPlusPlus"
    assert style.folded("resunet", 0.1) == "resunet"


@pytest.mark.parametrize("store", ["comparing", "zoo", "strangers"])
@pytest.mark.parametrize("name", [name for name, plot in FIGURES.items() if plot.stage == "comparison"])
def test_every_figure_draws_them_or_is_left_out(name: str, store: str, request: pytest.FixtureRequest) -> None:
    plot = FIGURES[name]
    try:
        record = plot.record(request.getfixturevalue(store))
    except NoDataError:
        left_out = {"comparing": {"texture"}, "zoo": {"texture"}, "strangers": {"texture", "skips", "depth_width"}}
        assert name in left_out[store]
        return
    figure = drawn(plot, record)
    FigureCanvasAgg(figure).draw()
    for text in (plot.caption(record), plot.alt(record)):
        assert "nan" not in text.lower().split()
        assert "<NA>" not in text
        assert "()" not in text


def test_cells_of_depth_and_width_are_of_those_that_have_both(comparing: Summary, strangers: Summary) -> None:
    shown = depth_width.record(comparing)
    assert set(shown.cells["architecture"]) == {"hourglass", "unet"}
    assert " SegResNet and ResUNet have no depth and base width." in depth_width.caption(shown)
    with pytest.raises(NotVariedError, match="with a depth and a base width"):
        depth_width.record(strangers)


def test_skip_connections_are_asked_of_those_that_can_have_some(comparing: Summary, strangers: Summary) -> None:
    shown = skips.record(comparing)
    assert set(shown.points["architecture"]) == {"hourglass", "unet"}
    assert "; Hourglass has none. SegResNet and ResUNet have no such option." in skips.caption(shown)
    with pytest.raises(NotVariedError, match="skip connections can be asked"):
        skips.record(strangers)


def test_the_others_of_a_panel_are_each_at_their_best(zoo: Summary) -> None:
    caption = predictions.caption(predictions.record(zoo))
    assert (
        "; beside them AttentionUnet, BasicUNet, BasicUNetPlusPlus, FlexibleUNet and SegResNet each at its" in caption
    )


def test_bottlenecks_stand_under_the_names_of_their_submodules(zoo: Summary) -> None:
    shown = bottleneck.record(zoo)
    assert set(shown.points["architecture"]) == {"hourglass", "unet", *ZOO}
    caption = bottleneck.caption(shown)
    assert "down_1 in AttentionUnet; down_0 in BasicUNet" in caption
    assert "in U-Net" not in caption


def test_who_has_no_bottleneck_map_is_named(summarised: Summarised) -> None:
    units = [
        Unit(architecture="unet"),
        Unit(architecture=SEGRESNET, options={}, params={schema.BOTTLENECK_MEASURED: ""}),
    ]
    shown = bottleneck.record(summarised([replace(unit, repeat=repeat) for unit in units for repeat in range(3)]))
    assert set(shown.points["architecture"]) == {"unet"}
    assert " SegResNet has no bottleneck map." in bottleneck.caption(shown)


def labels(figure: Figure) -> set[str]:
    return {text.get_text() for axis in figure.axes for text in axis.texts}


def test_marks_are_named_by_what_differs_if_that_is_short(comparing: Summary, zoo: Summary) -> None:
    named = labels(drawn(iou_memory, iou_memory.record(comparing)))
    assert {"3/8", "width 24"} <= named
    assert "" not in named
    assert not any("features" in name for name in labels(drawn(iou_memory, iou_memory.record(zoo))))
    assert "label: depth/width or what else differs, if that is short;" in iou_memory.caption(iou_memory.record(zoo))


def test_of_many_architectures_the_learning_curves_are_those_first_by_validation(zoo: Summary) -> None:
    shown = learning_curves.record(zoo)
    column = statistic(schema.BEST_VAL_IOU, "mean")
    first = zoo.best.sort_values(column, ascending=False)["architecture.name"][: learning_curves.MOST_PANELS]
    assert set(shown.panels["architecture.name"]) == set(first)
    assert " Of 7 architectures the first 4 by validation." in learning_curves.caption(shown)


def test_titles_of_learning_curves_stay_above_their_panels(zoo: Summary) -> None:
    figure = drawn(learning_curves, learning_curves.record(zoo))
    FigureCanvasAgg(figure).draw()
    titles = [axis.title.get_window_extent() for axis in figure.axes if axis.get_title()]
    assert len(titles) > learning_curves.MOST_PANELS
    assert not any(one.overlaps(other) for one, other in combinations(titles, 2))


def test_trials_without_a_depth_have_marks_of_one_size(summarised: Summarised) -> None:
    trials = [
        Unit(architecture=RESUNET, options={"width": str(8 + trial)}, trial=trial, params={"training.lr": "0.01"})
        for trial in range(3)
    ]
    shown = learning_rate.record(summarised([*searched(4), *trials], study="search"))
    axis = drawn(learning_rate, shown).axes[0]
    sizes = [marks.get_sizes() for marks in axis.collections if isinstance(marks, mpl.collections.PathCollection)]
    assert all(np.isfinite(size).all() for size in sizes)
    assert np.mean(learning_rate.SIZES) ** 2 in {float(size) for each in sizes for size in each}
    assert "larger if deeper;" in learning_rate.caption(shown)
    assert learning_rate.caption(shown).endswith(" ResUNet has no depth.")
    alone = shown._replace(trials=shown.trials[shown.trials["architecture"] == RESUNET])
    assert "deeper" not in learning_rate.caption(alone)


def test_tuned_rates_of_seven_architectures_stand_in_two_rows() -> None:
    names = ["hourglass", "unet", *ZOO]
    rates = pd.DataFrame(
        [(name, name, 4, rate, "complete", 0.5) for name in names for rate in (0.001, 0.01)],
        columns=["group", "architecture", "epochs", "rate", "state", "val_iou"],
    )
    groups = pd.DataFrame({"group": names, "architecture": names, "configurations": 1, "rate": 0.01, "edge": ""})
    figure = drawn(tuning, tuning.Rates(rates, groups))
    shown = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title() for axis in shown] == [style.look(name).label for name in style.in_order(names)]
    assert len({round(axis.get_position().y0, 2) for axis in shown}) == 2

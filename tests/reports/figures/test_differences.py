"""The figures about the difference of two architectures: on every scene, over depth and width, in pictures."""

import math
from dataclasses import replace
from itertools import product

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from fake_units import Unit, blobs
from helpers import Summarised, cells, drawn, t_interval, table
from matplotlib.axes import Axes
from matplotlib.markers import CARETDOWN, CARETUP
from scipy import stats

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures import depth_width, predictions, scene_differences
from hourglass_bench.reports.figures.base import NoDataError
from hourglass_bench.reports.figures.predictions import Panel, errors
from hourglass_bench.reports.tables.verdicts import DIFFERENCES

Cells = dict[tuple[int, str], float]


class Blurred(Unit):
    """A unit whose Boundary IoU does not follow its IoU one to one."""

    def test(self, metric: schema.Metric, iou: float | None = None) -> float:
        return super().test(metric, iou) * (0.5 if metric == schema.TEST_BOUNDARY_IOU else 1)


THREE = (0, 1, 2)
"""Repeats, which are also their folds."""
UNIT = Unit()


def pair(repeats: tuple[int, ...] = THREE, unit: Unit = UNIT, gap: float = 0.02) -> list[Unit]:
    """A U-Net that is better by `gap`, and by more the higher the repeat."""
    return [
        replace(unit, architecture=name, repeat=repeat, iou=0.6 + (gap + 0.01 * repeat) * (name == "unet"))
        for name, repeat in product(("hourglass", "unet"), repeats)
    ]


@pytest.fixture(scope="module")
def compared(summarised: Summarised) -> Summary:
    """Of `pair()`."""
    return summarised(pair())


def scene_means(units: list[Unit], column: str) -> Cells:
    """By fold and scene, straight from the frames: the mean over repeats of the mean over frames."""
    found: dict[tuple[int, str], list[float]] = {}
    for unit in units:
        frames = pd.DataFrame(unit.frames())
        for scene in frames["scene"].unique():
            found.setdefault((unit.fold, scene), []).append(frames.loc[frames["scene"] == scene, column].mean())
    return {cell: float(np.mean(values)) for cell, values in found.items()}


def differences(units: list[Unit], column: str = "iou") -> Cells:
    """U-Net less Hourglass."""
    a, b = (scene_means([one for one in units if one.architecture == name], column) for name in ("unet", "hourglass"))
    return {cell: a[cell] - b[cell] for cell in a}


def over_folds(found: Cells) -> tuple[float, float, float]:
    """Mean and 95 % interval over the folds' means."""
    return t_interval(pd.Series(found).groupby(level=0).mean())


def adjusted(family: list[Cells]) -> list[list[float]]:
    """Means and intervals over folds by Holm's rule: at the level of the step at which each claim is decided on."""
    folds = [pd.Series(found).groupby(level=0).mean() for found in family]
    p = [float(stats.ttest_1samp(values, 0).pvalue) for values in folds]
    step, steps = len(p), {}
    for place in np.argsort(p):
        steps[place] = step
        step -= p[place] < 0.05 / step
    intervals = []
    for place, values in enumerate(folds):
        half = stats.t.isf(0.025 / steps[place], len(values) - 1) * stats.sem(values)
        intervals.append([values.mean(), values.mean() - half, values.mean() + half])
    return intervals


def test_a_dot_is_a_scene_of_the_repeats_that_both_have(summarised: Summarised) -> None:
    common = pair((0, 1, 2, 5), Blurred())
    alone = Blurred(architecture="unet", repeat=6, iou=0.9)
    shown = scene_differences.record(summarised([*common, alone]))
    columns = {"IoU": "iou", "Boundary IoU": "boundary_iou"}
    intervals = adjusted([differences(common, column) for column in columns.values()])
    for (metric, column), interval in zip(columns.items(), intervals, strict=True):
        own, expected = shown.scenes[shown.scenes["metric"] == metric], differences(common, column)
        assert dict(zip(zip(own["fold"], own["scene"], strict=True), own["difference"], strict=True)) == pytest.approx(
            expected
        )
        assert own["difference"].is_monotonic_increasing
        # Repeats 0 and 5 share a fold.
        assert own.groupby("fold")["repeats"].unique().map(list).to_dict() == {0: [2], 1: [1], 2: [1]}
        mean = shown.means.set_index("metric").loc[metric]
        assert mean[["difference", "low", "high"]].tolist() == pytest.approx(interval)
        assert (mean["over"], mean["n"], mean["margin"]) == ("folds", 3, 0.01)
    assert "12 test scenes" in scene_differences.caption(shown)
    assert "(1 to 2 repeats each)" in scene_differences.caption(shown)


def test_scene_differences_have_the_words_of_the_table(summarised: Summarised) -> None:
    summary = summarised(pair(tuple(range(5)), gap=0.1))
    made = table("verdicts", summary)
    words = [cells(made, 0)[heading].split("\n")[2] for heading in DIFFERENCES]
    shown = scene_differences.record(summary)
    assert shown.means["verdict"].tolist() == words == ["U-Net better", "U-Net better"]
    assert "IoU, U-Net better; Boundary IoU, U-Net better." in scene_differences.caption(shown)


def test_a_refused_verdict_shows_its_scenes(summarised: Summarised) -> None:
    shown = scene_differences.record(summarised(pair((0, 1))))
    assert len(shown.scenes) == 2 * 8
    assert "IoU, none: 2 of 3 repeats;" in scene_differences.caption(shown)


@pytest.mark.parametrize(
    ("repeats", "said"),
    [
        (THREE, "over 3 folds"),
        ((0, 5), "over 4 scenes crossed with 2 repeats"),
        ((0,), "over 4 scenes"),
    ],
)
def test_the_caption_says_what_the_interval_is_over(
    repeats: tuple[int, ...], said: str, summarised: Summarised
) -> None:
    """Repeats 0 and 5 share a fold."""
    caption = scene_differences.caption(scene_differences.record(summarised(pair(repeats))))
    assert f"95 % interval ({said}). Band" in caption or f"95 % interval ({said}; arrow: it goes on). Band" in caption


def arrows_of(axis: Axes) -> int:
    return sum(line.get_marker() in (CARETDOWN, CARETUP) for line in axis.lines)


@pytest.mark.parametrize(("half", "arrows"), [(0.02, 0), (3.0, 2), (math.inf, 2)])
def test_an_interval_beyond_the_axis_ends_in_arrows(half: float, arrows: int, compared: Summary) -> None:
    shown = scene_differences.record(compared)
    means = shown.means.assign(low=shown.means["difference"] - half, high=shown.means["difference"] + half)
    wide = shown._replace(means=means)
    axes = scene_differences.draw(wide).axes
    low, high = axes[0].get_ylim()
    assert low < wide.scenes["difference"].min() < wide.scenes["difference"].max() < high < 1
    assert [arrows_of(axis) for axis in axes] == [arrows, arrows]
    assert ("arrow: it goes on" in scene_differences.caption(wide)) == (arrows > 0)


def test_dots_have_the_mark_of_the_higher_architecture(summarised: Summarised) -> None:
    shown = scene_differences.record(summarised(pair(THREE, gap=-0.01)))
    axis = scene_differences.draw(shown).axes[0]
    dots = {str(line.get_marker()): line.get_ydata() for line in axis.lines if len(np.atleast_1d(line.get_ydata())) > 2}
    values = shown.scenes.loc[shown.scenes["metric"] == "IoU", "difference"]
    assert 0 < (values < 0).sum() < len(values)
    first, second = (style.look(row["architecture.name"]) for row in (shown.claim.a, shown.claim.b))
    assert {first.label, second.label} == {"Hourglass", "U-Net"}
    assert sorted(dots[first.marker]) == pytest.approx(values[values >= 0].tolist())
    assert sorted(dots[second.marker]) == pytest.approx(values[values < 0].tolist())
    assert f"{first.label} higher on {(values > 0).sum()} of 12 scenes" in [text.get_text() for text in axis.texts]


def test_nothing_to_compare_is_said(summarised: Summarised) -> None:
    with pytest.raises(NoDataError, match="no complete run of a second architecture"):
        scene_differences.record(summarised([Unit(repeat=repeat) for repeat in range(3)]))
    holdout = pair(THREE, Unit(split="scene_holdout", tested_scenes=1))
    with pytest.raises(NoDataError, match="a single scene"):
        scene_differences.record(summarised(holdout))


class Overfitted(Unit):
    """A unit that validates the better the worse it tests."""

    def values(self) -> dict[str, float]:
        return super().values() | {schema.BEST_VAL_IOU.name: 1 - self.test_iou}


def test_cells_are_chosen_by_validation(summarised: Summarised) -> None:
    rates = {"0.001": 0.7, "0.01": 0.5}
    units = [
        Overfitted(width=width, repeat=repeat, iou=iou + 0.1 * (width == 16), params={"training.lr": rate})
        for width, repeat, (rate, iou) in product((8, 16), (0, 1), rates.items())
    ]
    shown = depth_width.record(summarised(units))
    assert shown.cells[["architecture", "depth", "width", "n"]].to_numpy().tolist() == [
        ["hourglass", 2, 8, 2],
        ["hourglass", 2, 16, 2],
    ]
    assert shown.cells["mean"].tolist() == pytest.approx([0.5, 0.6])
    assert shown.differences.empty
    assert "Last panel" not in depth_width.caption(shown)
    assert len(depth_width.draw(shown).axes) == 2  # the panel and its colour bar


def two_cells() -> list[Unit]:
    """A cell with a constant gap, one with a gap that depends on the repeat, and one that the Hourglass lacks."""
    steady = [
        Unit(architecture=name, width=16, repeat=repeat, iou=0.6 - 0.05 * (name == "unet"))
        for name, repeat in product(("hourglass", "unet"), range(3))
    ]
    shaky = pair((0, 1, 2, 3), gap=-0.01)
    return [*steady, *shaky, *(Unit(architecture="unet", depth=3, width=8, repeat=repeat) for repeat in range(3))]


def test_difference_of_cells(summarised: Summarised) -> None:
    units = two_cells()
    shown = depth_width.record(summarised(units))
    assert shown.differences[["depth", "width", "over", "repeats"]].to_numpy().tolist() == [
        [2, 8, "folds", 4],
        [2, 16, "folds", 3],
    ]
    found = shown.differences.set_index("width")
    for width in (8, 16):
        found_cells = differences([unit for unit in units if unit.width == width and unit.depth == 2])
        assert found.loc[width, ["difference", "low", "high"]].tolist() == pytest.approx(over_folds(found_cells))
    assert found["clear"].tolist() == [False, True]
    assert "Hatched (1 of 2 cells)" in depth_width.caption(shown)
    assert "Blank: no complete run." in depth_width.caption(shown)


def numbers(axis: Axes) -> dict[tuple[float, float], str]:
    return {text.get_position(): text.get_text() for text in axis.texts}


def test_heat_maps_show_the_cells(summarised: Summarised) -> None:
    shown = depth_width.record(summarised(two_cells()))
    hourglass, unet, difference, *_ = drawn(depth_width, shown).axes
    # x is the width's place, y the depth's.
    assert set(numbers(hourglass)) == {(0.5, 0.5), (1.5, 0.5)}
    assert numbers(hourglass)[0.5, 0.5] == "0.600"
    assert set(numbers(unet)) == {(0.5, 0.5), (1.5, 0.5), (0.5, 1.5)}
    assert numbers(difference)[1.5, 0.5] == "−0.050"
    assert [patch.get_xy() for patch in difference.patches] == [(1, 0)]
    assert not hourglass.patches
    assert hourglass.collections[0].norm(0.6) == unet.collections[0].norm(0.6)
    limits = difference.collections[0].get_clim()
    assert limits == pytest.approx((-limits[1], limits[1]))
    assert limits[1] == pytest.approx(shown.differences["difference"].abs().max())
    lowest = difference.collections[0].cmap(0.0)
    assert lowest[:3] == pytest.approx(mpl.colors.to_rgb(style.look("hourglass").colour))


def test_differences_that_do_not_matter_stay_pale(summarised: Summarised) -> None:
    equal = [replace(unit, iou=0.6) for unit in two_cells()]
    difference = drawn(depth_width, depth_width.record(summarised(equal))).axes[2]
    assert difference.collections[0].get_clim() == (-0.01, 0.01)


def test_many_widths_have_no_numbers(summarised: Summarised) -> None:
    units = [Unit(architecture=name, width=width) for name, width in product(("hourglass", "unet"), range(4, 34))]
    axes = drawn(depth_width, depth_width.record(summarised(units))).axes
    assert not any(axis.texts for axis in axes)
    assert 4 <= len(axes[0].get_xticks()) <= depth_width.MOST_TICKS


def test_a_single_cell_is_no_map(summarised: Summarised) -> None:
    with pytest.raises(NoDataError, match="a second depth or base width"):
        depth_width.record(summarised([*pair(), Unit(architecture="simple_conv", width=32)]))


def test_errors_are_coloured() -> None:
    truth = np.array([[[True, True], [False, False]]])
    probability = np.array([[[0.9, 0.2], [0.8, 0.1]]])
    picture = errors(Panel(np.zeros((1, 2, 2, 3), np.uint8), truth, probability, np.zeros_like(truth)), 0)
    assert picture[0, 0].tolist() == [1, 1, 1]
    assert picture[0, 1] == pytest.approx(mpl.colors.to_rgb(style.MISSED))
    assert picture[1, 0] == pytest.approx(mpl.colors.to_rgb(style.INVENTED))
    assert picture[1, 1].tolist() == [0, 0, 0]


def chosen(shown: predictions.Predictions) -> list[tuple[str, str, int]]:
    """Rule, scene and repeat of each row."""
    frames = shown.frames.drop_duplicates("stem")
    return list(zip(frames["rule"], frames["scene"], frames["repeat"], strict=True))


def expected_rows(units: list[Unit]) -> list[tuple[str, str, int]]:
    """From units of repeats that are their folds."""
    ranked = sorted((value, fold, scene) for (fold, scene), value in differences(units).items())
    places = {"largest": ranked[-1], "median": ranked[(len(ranked) - 1) // 2], "smallest": ranked[0]}
    return [(rule, scene, fold) for rule, (_, fold, scene) in places.items()]


def test_rows_are_the_scenes_with_the_largest_median_and_smallest_difference(compared: Summary) -> None:
    units = pair()
    shown = predictions.record(compared)
    assert chosen(shown) == expected_rows(units)
    assert {repeat for _, _, repeat in chosen(shown)} != {0}
    cells = {scene: value for (_, scene), value in differences(units).items()}
    assert shown.frames["difference"].tolist() == pytest.approx([cells[scene] for scene in shown.frames["scene"]])
    assert shown.scenes == 12
    caption = predictions.caption(shown)
    assert "the scenes with the largest, median and smallest Δ IoU of 12 test scenes" in caption
    assert "U-Net (depth 2, width 8) less Hourglass (depth 2, width 8)" in caption


def test_pictures_are_of_the_row_and_the_run(compared: Summary) -> None:
    units = pair()
    shown = predictions.record(compared)
    assert list(shown.panels) == ["hourglass", "unet"]
    for name, frames in shown.frames.groupby("architecture"):
        for place, (_, frame) in enumerate(frames.iterrows()):
            (unit,) = (one for one in units if (one.architecture, one.repeat) == (name, frame["repeat"]))
            kept = blobs(unit)
            at = list(kept["scenes"]).index(frame["scene"])
            assert frame["stem"] == kept["stems"][at]
            panel = shown.panels[str(name)]
            assert (panel.images[place] == kept["images"][at]).all()
            assert (panel.probability[place] == kept["probability"][at]).all()
            truth, predicted = kept["truth"][at], kept["probability"][at] > 0.5
            assert frame["iou"] == pytest.approx((truth & predicted).sum() / (truth | predicted).sum())
            assert (frame["missed"], frame["invented"]) == ((truth & ~predicted).sum(), (predicted & ~truth).sum())


def test_a_scene_is_shown_by_the_lowest_repeat_with_both_panels(summarised: Summarised) -> None:
    units = pair((0, 5, 10))  # all of one fold
    assert {repeat for _, _, repeat in chosen(predictions.record(summarised(units)))} == {0}
    units = [replace(unit, panel=unit.repeat > 0 or unit.architecture == "unet") for unit in units]
    assert {repeat for _, _, repeat in chosen(predictions.record(summarised(units)))} == {5}


def test_scenes_without_panels_are_not_ranked(summarised: Summarised) -> None:
    units = pair()
    without = expected_rows(units)[0][2]
    kept = [replace(unit, panel=unit.repeat != without or unit.architecture == "unet") for unit in units]
    shown = predictions.record(summarised(kept))
    assert chosen(shown) == expected_rows([unit for unit in units if unit.repeat != without])
    assert shown.scenes == 8


def test_another_architecture_stands_beside_if_it_has_every_row(summarised: Summarised) -> None:
    units = pair()
    third = [Unit(architecture="simple_conv", repeat=repeat, iou=0.4) for repeat in range(3)]
    shown = predictions.record(summarised([*units, *third]))
    assert list(shown.panels) == ["simple_conv", "hourglass", "unet"]
    assert "beside them SimpleConv at its best" in predictions.caption(shown)
    needed = expected_rows(units)[0][2]
    lacking = predictions.record(summarised([*units, *(unit for unit in third if unit.repeat != needed)]))
    assert list(lacking.panels) == ["hourglass", "unet"]
    assert "beside" not in predictions.caption(lacking)


@pytest.mark.parametrize(("repeats", "rules"), [((0, 1), ["largest", "smallest"]), ((0, 5, 10), ["largest"])])
def test_few_scenes_are_shown_once(repeats: tuple[int, ...], rules: list[str], summarised: Summarised) -> None:
    shown = predictions.record(summarised(pair(repeats, Unit(tested_scenes=1))))
    assert [rule for rule, _, _ in chosen(shown)] == rules
    assert len(drawn(predictions, shown).axes) == 6 * len(rules)


def test_without_a_claim_the_first_frames_are_shown(summarised: Summarised) -> None:
    shown = predictions.record(summarised([Unit(repeat=repeat) for repeat in (2, 1)]))
    assert shown.claim is None
    assert shown.frames["stem"].tolist() == list(blobs(Unit(repeat=1))["stems"][: predictions.MOST_FRAMES])
    assert set(shown.frames["repeat"]) == {1}
    assert "The first test frames of the panel file of repeat 1" in predictions.caption(shown)


def test_predictions_skip_a_repeat_that_one_architecture_lacks(summarised: Summarised) -> None:
    units = [Unit(repeat=0), Unit(repeat=1), Unit(architecture="unet", repeat=1), Unit(architecture="unet", repeat=2)]
    assert set(predictions.record(summarised(units)).frames["repeat"]) == {1}
    apart = [Unit(repeat=0), Unit(architecture="unet", repeat=1)]
    with pytest.raises(NoDataError, match="no repeat in common"):
        predictions.record(summarised(apart))


def test_an_architecture_without_panel_leaves_the_others(summarised: Summarised) -> None:
    units = [Unit(), Unit(architecture="unet", panel=False)]
    shown = predictions.record(summarised(units))
    assert list(shown.panels) == ["hourglass"]
    assert shown.frames["architecture"].unique().tolist() == ["hourglass"]

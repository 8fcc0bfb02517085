"""Figures of what stands behind the IoU: bottleneck, skip connections, boundaries, calibration, size of the person."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake_units import Unit
from helpers import Summarised, t_interval
from matplotlib.axes import Axes
from matplotlib.markers import CARETDOWN, CARETUP
from scipy.ndimage import map_coordinates

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.boundary import boundary_iou
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.ceiling import ceiling, store
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures import bottleneck, calibration, person_size, skips, tolerance
from hourglass_bench.reports.figures.base import (
    MOST_WHISKERS,
    NoDataError,
    cut_scores,
    draw_scores,
    interval,
    score_limits,
)
from hourglass_bench.reports.store.load import ARTIFACTS, REPEAT


def stored(mask: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """By the definition: every pixel split into as many parts as there are cells, then interpolation point by point."""
    fine = mask.repeat(cells[0], axis=0).repeat(cells[1], axis=1).astype(float)
    coarse = fine.reshape(cells[0], mask.shape[0], cells[1], mask.shape[1]).mean(axis=(1, 3))
    places = [(np.arange(n) + 0.5) * k / n - 0.5 for n, k in zip(mask.shape, cells, strict=True)]
    back = map_coordinates(coarse, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    return np.asarray(back > 0.5 + 1e-9)


@pytest.mark.parametrize(
    ("shape", "side", "cells"),
    [
        ((16, 16), 4, (4, 4)),
        ((16, 16), 2, (2, 2)),
        ((24, 32), 4, (4, 5)),
        ((40, 18), 8, (18, 8)),
        ((12, 12), 8, (8, 8)),
    ],
)
def test_stored_mask_is_averaged_and_interpolated(shape: tuple[int, int], side: int, cells: tuple[int, int]) -> None:
    rng = np.random.default_rng(side)
    y, x = np.indices(shape)
    for _ in range(5):
        centre = rng.uniform(0.3, 0.7, 2) * shape
        mask = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < rng.uniform(9, 40)
        assert store(mask, side).tolist() == stored(mask, cells).tolist()


def test_what_is_finer_than_the_grid_is_lost() -> None:
    half, dot = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    half[:, :4], dot[3, 3] = True, True
    assert store(half, 2).tolist() == half.tolist()
    assert not store(dot, 2).any()


def test_ceiling_counts_each_frame_once(summarised: Summarised) -> None:
    units = [Unit(architecture=name, repeat=repeat) for name in ("hourglass", "unet") for repeat in (0, 1)]
    summary = summarised([*units, Unit(repeat=5), Unit(repeat=2, panel=False)])
    hourglass = summary.runs[summary.runs["architecture.name"] == "hourglass"].set_index(REPEAT)[ARTIFACTS]
    files = {repeat: Path(folder) / schema.PANEL_DATA for repeat, folder in hourglass.items()}
    # Repeat 5 is tested on the fold of repeat 0, so that its frames are the same; repeat 2 kept no panel.
    files[5].write_bytes(files[0].read_bytes())
    found = ceiling(summary.runs)
    truth = np.concatenate([np.load(files[repeat])["truth"] for repeat in (0, 1)])
    assert found["side"].tolist() == [2, 4, 8, 16, 32]
    assert found["frames"].tolist() == [len(truth)] * 5 == [8] * 5
    for side, row in found.set_index("side").iterrows():
        masks = np.stack([stored(mask, (int(str(side)), int(str(side)))) for mask in truth])
        ious = (masks & truth).sum((1, 2)) / (masks | truth).sum((1, 2))
        assert row["iou"] == pytest.approx(ious.mean())
        assert row["boundary_iou"] == pytest.approx(boundary_iou(masks, truth).mean())


def test_ceiling_without_a_panel_is_empty(summarised: Summarised) -> None:
    shown = bottleneck.record(summarised([Unit(panel=False), Unit(depth=3, panel=False)]))
    assert shown.ceiling.columns.tolist() == ["side", "iou", "boundary_iou", "frames"]
    assert shown.ceiling.empty
    assert "Grey line" not in bottleneck.caption(shown)
    assert len(bottleneck.draw(shown).axes) == 2


def test_bottleneck_has_both_metrics_and_the_number_of_masks(summarised: Summarised) -> None:
    shown = bottleneck.record(summarised([Unit(iou=0.6), Unit(depth=3, iou=0.7, bottleneck="128x8x6")]))
    assert shown.points["mean"].tolist() == [0.6, 0.7]
    assert shown.boundary["mean"].tolist() == pytest.approx([0.4, 0.5])
    assert shown.boundary["side"].tolist() == [16, 6]
    assert shown.points["elements"].tolist() == [16 * 16 * 16, 128 * 8 * 6]
    assert "what 4 test masks, one per scene, score" in bottleneck.caption(shown)


def test_marks_at_one_side_stand_next_to_each_other() -> None:
    rows = [("unet", 8, 30), ("hourglass", 8, 20), ("unet", 8, 10), ("hourglass", 16, 5)]
    spread = bottleneck.spread(pd.DataFrame(rows, columns=["architecture", "side", "elements"]))
    assert spread["architecture"].tolist() == ["hourglass", "unet", "unet", "hourglass"]
    assert spread["elements"].tolist() == [20, 10, 30, 5]
    octaves = np.log2(spread["x"] / spread["side"])
    assert octaves.tolist() == pytest.approx([-bottleneck.STEP, 0, bottleneck.STEP, 0])
    many = bottleneck.spread(pd.DataFrame([("unet", 8, n) for n in range(40)], columns=spread.columns[:3]))
    assert np.ptp(np.log2(many["x"])) == pytest.approx(bottleneck.SPREAD)


def points_of(*means: float, half: float) -> pd.DataFrame:
    mean = pd.Series(means)
    return pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half})


def test_only_axes_that_cut_a_drawn_interval_say_so() -> None:
    narrow, wide = points_of(0.5, 0.6, half=0.01), points_of(0.5, 0.6, half=0.3)
    assert not cut_scores(narrow)
    assert cut_scores(wide)
    assert cut_scores(narrow, wide)
    assert not cut_scores(wide.assign(low=math.nan, high=math.nan))
    assert not cut_scores(points_of(*[0.5] * (MOST_WHISKERS + 1), half=0.3))
    assert interval(cut=False) == "95 % interval"
    assert interval("3 repeats", cut=True) == "95 % interval (3 repeats; arrow: it goes on)"


def arrows(axis: Axes) -> list[tuple[str, list[float], list[float]]]:
    """Colour, x and y (in parts of the axis) of the arrows at either end."""
    found = [line for line in axis.lines if line.get_marker() in (CARETDOWN, CARETUP)]
    return [(str(line.get_color()), list(line.get_xdata()), list(line.get_ydata())) for line in found]


def test_an_arrow_stands_where_an_interval_goes_on() -> None:
    """Only the first mark's interval is cut above, the third one's below, and the last has none."""
    rows = [("unet", 1, 0.5, 0.45, 0.9), ("unet", 2, 0.55, 0.5, 0.6), ("hourglass", 3, 0.6, 0.1, 0.62)]
    rows.append(("hourglass", 4, 0.6, math.nan, math.nan))
    points = pd.DataFrame(rows, columns=["architecture", "x", "mean", "low", "high"])
    _, ((axis,),) = style.panels(1)
    draw_scores(axis, points, "x")
    hourglass, unet = (style.look(name).colour for name in ("hourglass", "unet"))
    assert arrows(axis) == [(hourglass, [3], [0]), (unet, [1], [1])]
    _, ((bare,),) = style.panels(1)
    draw_scores(bare, pd.concat([points] * MOST_WHISKERS), "x")
    assert arrows(bare) == []


@pytest.mark.parametrize(("count", "whiskers"), [(MOST_WHISKERS, 1), (MOST_WHISKERS + 1, 0)])
def test_skips_have_whiskers_where_their_caption_says_so(count: int, whiskers: int) -> None:
    rows = [("unet", "2/8", 1 + place % 2, str(place), 0.5 + place / 1000) for place in range(count)]
    points = pd.DataFrame(rows, columns=["architecture", "size", "dose", "levels", "mean"])
    shown = skips.Skips(points.assign(low=points["mean"] - 0.1, high=points["mean"] + 0.1, n=3), False, [])
    assert ("whisker: 95 % interval" in skips.caption(shown)) == bool(whiskers)
    assert ("intervals: in the CSV" in skips.caption(shown)) != bool(whiskers)
    (axis,) = skips.draw(shown).axes
    assert len(axis.collections) == whiskers


SUBSETS = ([], [1], [2], [1, 2])


def network(levels: list[int], **options: object) -> Unit:
    name = "unet" if levels else "hourglass"
    return Unit(architecture=name, params={"architecture.skips": json.dumps(levels)}, **options)  # type: ignore[arg-type]


def test_each_subset_of_skip_connections_is_a_mark(summarised: Summarised) -> None:
    ious = (0.5, 0.55, 0.65, 0.7)
    units = [network(levels, iou=iou) for levels, iou in zip(SUBSETS, ious, strict=True)]
    summary = summarised([*units, Unit(architecture="simple_conv"), Unit(architecture="unet", depth=4, width=4)])
    shown = skips.record(summary)
    assert shown.points[["size", "dose", "levels", "mean"]].to_numpy().tolist() == [
        ["2/8", 0, "", 0.5],
        ["2/8", 1, "1", 0.55],
        ["2/8", 1, "2", 0.65],
        ["2/8", 2, "1,2", 0.7],
    ]
    assert not shown.chosen
    assert "Label: the levels" in skips.caption(shown)
    (axis,) = skips.draw(shown).axes
    assert [label.get_text() for label in axis.texts] == ["1", "2"]
    (line,) = [line for line in axis.lines if line.get_color() == skips.GREYS[0]]
    assert line.get_xydata().tolist() == pytest.approx(np.array([[0, 0.5], [1, 0.6], [2, 0.7]]))
    assert "0.600 with 1, 0.700 with 2" in skips.alt(shown)


def test_of_many_sizes_the_best_of_each_depth_is_shown(summarised: Summarised) -> None:
    iou = {(1, 4): 0.5, (1, 8): 0.6, (1, 16): 0.55, (2, 4): 0.7, (2, 8): 0.65, (2, 16): 0.6}
    units = [
        network(levels, depth=depth, width=width, iou=value + 0.01 * len(levels))
        for (depth, width), value in iou.items()
        for levels in ([], list(range(1, depth + 1)))
    ]
    shown = skips.record(summarised(units))
    assert shown.chosen
    assert shown.points[["size", "dose"]].to_numpy().tolist() == [["1/8", 0], ["1/8", 1], ["2/4", 0], ["2/4", 2]]
    assert "best validation IoU" in skips.caption(shown)


@pytest.mark.parametrize(
    "units",
    [
        [network([1]), network([2])],
        [network([]), network([1, 2], width=16)],
        [network([]), Unit(architecture="unet", params={"architecture.norm": "batch"})],
    ],
)
def test_one_number_of_skip_connections_is_no_dose(units: list[Unit], summarised: Summarised) -> None:
    with pytest.raises(NoDataError, match="no complete runs of (Hourglass or )?U-Net differ in nothing but"):
        skips.record(summarised(units))


def rewrite(summary: Summary, file: str, make: Callable[[pd.Series], pd.DataFrame]) -> None:
    """Give every run another table."""
    for _, run in summary.runs.iterrows():
        make(run).to_parquet(Path(run[ARTIFACTS]) / file)


def of_share(values: np.ndarray) -> list[float]:
    """Mean, low and high over folds, cut at 0 and 1."""
    mean, low, high = t_interval(values)
    return [mean, max(0.0, low), min(1.0, high)]


def test_tolerance_is_the_mean_over_folds_of_scene_means(summarised: Summarised) -> None:
    tested = {"hourglass": range(3), "unet": range(2)}
    summary = summarised([Unit(architecture=name, repeat=repeat) for name in tested for repeat in tested[name]])
    rng = np.random.default_rng(0)
    values = {repeat: rng.uniform(0, 1, (5, len(schema.TOLERANCES))) for repeat in range(3)}
    names = [schema.within_column(one) for one in schema.TOLERANCES]
    # Three frames of scene a, two of scene b.
    rewrite(
        summary,
        schema.FRAME_TABLE,
        lambda run: pd.DataFrame(values[run[REPEAT]], columns=names).assign(scene=list("aaabb")),
    )
    points = tolerance.record(summary).points
    own = points[points["architecture"] == "hourglass"].reset_index(drop=True)
    assert own["tolerance"].tolist() == list(schema.TOLERANCES)
    for place, point in own.iterrows():
        column = [values[repeat][:, place] for repeat in range(3)]
        folds = np.array([(one[:3].mean() + one[3:].mean()) / 2 for one in column])
        assert point[["mean", "low", "high"]].tolist() == pytest.approx(of_share(folds))
    assert points.groupby("architecture")[["repeats", "scenes"]].first().to_numpy().tolist() == [[3, 6], [2, 4]]
    assert "(2 to 3 repeats, 4 to 6 test scenes; arrow: it goes on)" in tolerance.caption(tolerance.record(summary))


@pytest.mark.parametrize(
    ("figure", "file", "column"),
    [
        (tolerance, schema.FRAME_TABLE, "within_2px"),
        (person_size, schema.FRAME_TABLE, "foreground"),
        (calibration, schema.CALIBRATION_TABLE, "pixels"),
    ],
)
def test_a_table_without_a_column_is_said(figure: object, file: str, column: str, summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=repeat) for repeat in range(2)])
    record = figure.record  # type: ignore[attr-defined]
    first, second = (Path(folder) / file for folder in summary.runs[ARTIFACTS])
    pd.read_parquet(first).drop(columns=column).to_parquet(first)
    with pytest.raises(NoDataError, match=rf"{file} must have the columns .*, got none for {column}"):
        record(summary)
    first.unlink()
    assert (record(summary).points["repeats"] == 1).all()
    second.unlink()
    with pytest.raises(NoDataError, match="no complete run of the best configurations kept its"):
        record(summary)


def test_calibration_pools_scenes_of_equal_weight(summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=repeat) for repeat in range(3)])
    rng = np.random.default_rng(1)
    pixels = rng.integers(1, 10**6, (3, 2, 3))  # repeat, scene, bin
    pixels[0, 1, 2] = 0
    chance, hits = rng.uniform(0, 1, (2, *pixels.shape))

    def table(run: pd.Series) -> pd.DataFrame:
        rows = [
            (scene, place, pixels[at], chance[at], hits[at])
            for scene in range(2)
            for place in range(3)
            if pixels[at := (run[REPEAT], scene, place)]
        ]
        return pd.DataFrame(rows, columns=["scene", "bin", "pixels", "probability", "foreground"])

    rewrite(summary, schema.CALIBRATION_TABLE, table)
    shown = calibration.record(summary)
    weight = pixels / pixels.sum(axis=2, keepdims=True)
    for place, point in shown.points.iterrows():
        top, bottom = ((values * weight)[..., place].mean(axis=1) for values in (hits, np.ones_like(hits)))
        ratio = top.mean() / bottom.mean()
        assert point["share"] == pytest.approx(bottom.mean())
        assert point["probability"] == pytest.approx((chance * weight)[..., place].mean() / bottom.mean())
        # What folds differ by has the mean 0.
        spread = of_share(ratio + (top - ratio * bottom) / bottom.mean())
        assert point[["mean", "low", "high"]].tolist() == pytest.approx(spread)
    assert shown.points[["repeats", "scenes"]].to_numpy().tolist() == [[3, 6]] * 3
    expected = np.mean([Unit(repeat=repeat).test(schema.TEST_ECE) for repeat in range(3)])
    assert shown.errors["ece"].tolist() == pytest.approx([expected])
    assert f"Hourglass {expected:.3f}." in calibration.alt(shown)


def test_calibration_leaves_out_bins_with_few_pixels(summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=repeat) for repeat in range(2)])
    pixels = {0: [9950, 5, 45], 1: [9910, 6, 0]}

    def table(run: pd.Series) -> pd.DataFrame:
        columns = {"scene": "a", "bin": range(3), "pixels": pixels[run[REPEAT]], "probability": 0.5, "foreground": 0.5}
        rows = pd.DataFrame(columns)
        return rows[rows["pixels"] > 0]

    rewrite(summary, schema.CALIBRATION_TABLE, table)
    shown = calibration.record(summary)
    assert shown.points["drawn"].tolist() == [True, False, True]
    # All pixels of the last bin are of one fold, which says nothing of the spread.
    assert shown.points[["low", "high"]].isna().all(axis=1).tolist() == [False, True, True]
    assert "less than 0.1 % of the pixels" in calibration.alt(shown)


def test_size_bins_hold_equally_many_frames(summarised: Summarised) -> None:
    summary = summarised(
        [Unit(architecture=name, repeat=repeat) for name in ("hourglass", "unet") for repeat in range(3)]
    )
    rng = np.random.default_rng(2)
    sizes = rng.permutation(30).reshape(3, 10) / 100
    scores = rng.uniform(0, 1, (2, 3, 10))
    scenes = [f"{place % 4}" for place in range(10)]

    def table(run: pd.Series) -> pd.DataFrame:
        repeat = run[REPEAT]
        iou = scores[int(run["architecture.name"] == "unet"), repeat]
        stems = [f"{repeat}_{place}" for place in range(10)]
        return pd.DataFrame({"stem": stems, "scene": scenes, "foreground": sizes[repeat], "iou": iou})

    rewrite(summary, schema.FRAME_TABLE, table)
    shown = person_size.record(summary)
    assert shown.bins["frames"].tolist() == [6] * 5
    assert shown.bins[["low", "high"]].to_numpy().tolist() == pytest.approx(
        np.array([[k, k + 5] for k in range(0, 30, 6)])
    )
    assert shown.points["size"].unique().tolist() == pytest.approx([2.5, 8.5, 14.5, 20.5, 26.5])
    for (name, place), rows in shown.points.groupby(["architecture", "bin"]):
        folds = []
        for repeat in range(3):
            inside = [i for i in range(10) if int(round(100 * sizes[repeat, i])) // 6 == place]
            value = pd.Series(scores[int(name == "unet"), repeat, inside]).groupby([scenes[i] for i in inside]).mean()
            folds += [value.mean()] if inside else []
        assert rows[["mean", "low", "high"]].iloc[0].tolist() == pytest.approx(of_share(np.array(folds)))


@pytest.mark.parametrize("figure", [person_size, tolerance])
def test_intervals_of_shares_end_at_0_and_1_and_the_axis_spans_the_marks(figure: Any, summarised: Summarised) -> None:
    """Folds at 0.2 and 0.6 have an interval from -2.1 to 2.9."""
    summary = summarised([Unit(repeat=repeat) for repeat in range(2)])
    scores = [schema.TEST_IOU.column, *map(schema.within_column, schema.TOLERANCES)]

    def table(run: pd.Series) -> pd.DataFrame:
        frames = {"stem": [f"{run[REPEAT]}_{i}" for i in range(4)], "scene": list("aabb"), "foreground": 0.2}
        return pd.DataFrame(frames).assign(**dict.fromkeys(scores, 0.2 + 0.4 * run[REPEAT]))

    rewrite(summary, schema.FRAME_TABLE, table)
    shown = figure.record(summary)
    assert shown.points["mean"].tolist() == pytest.approx([0.4] * len(shown.points))
    assert shown.points[["low", "high"]].drop_duplicates().to_numpy().tolist() == [[0, 1]]
    (axis,) = figure.draw(shown).axes
    assert axis.get_ylim() == pytest.approx(score_limits(shown.points))
    assert 0.3 < axis.get_ylim()[0] < 0.4 < axis.get_ylim()[1] < 0.5
    assert figure.caption(shown).endswith("(2 repeats, 4 test scenes; arrow: it goes on).")
    # One architecture, every interval from 0 to 1.
    assert [(x, set(y)) for _, x, y in arrows(axis)] == [(x, {end}) for end, (_, x, _) in enumerate(arrows(axis))]
    assert all(len(x) == len(shown.points) for _, x, _ in arrows(axis))


def test_frames_of_one_size_make_one_bin(summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=0)])
    file = Path(summary.runs[ARTIFACTS].iloc[0]) / schema.FRAME_TABLE
    pd.read_parquet(file).assign(foreground=0.25).to_parquet(file)
    shown = person_size.record(summary)
    assert shown.bins.to_numpy().tolist() == [[0, 25, 25, 25, 8]]
    assert len(person_size.draw(shown).axes) == 1

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from fake_units import Unit, grid
from helpers import Summarised, drawn, table

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.base_rate import entropy
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.search import with_front
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.figures import FIGURES, iou_memory, learning_curves, pareto, profiles
from hourglass_bench.reports.figures.base import NoDataError
from hourglass_bench.reports.text import significant


@pytest.fixture(scope="module")
def failed(summarised: Summarised) -> Summary:
    return summarised([Unit(state="failed", logged=False)])


STORES: dict[schema.Stage, tuple[str, ...]] = {
    "comparison": ("small", "troubled", "searching"),
    "search": ("searching",),
    "tuning": ("tuning",),
    "generative": ("generating",),
}
"""Those that the figures of a stage are drawn of."""
LEFT_OUT = {
    ("scene_differences", "troubled"),
    *((name, store) for name in ("depth_width", "skips") for store in ("troubled", "searching")),
    *(("texture", store) for store in STORES["comparison"]),
}
"""Figures that a store with complete runs has no data for."""


@pytest.mark.parametrize(
    ("name", "store"),
    [(name, store) for name, plot in FIGURES.items() for store in STORES[plot.stage] if (name, store) not in LEFT_OUT],
)
def test_draws_what_it_recorded(name: str, store: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    plot = FIGURES[name]
    record = plot.record(request.getfixturevalue(store))
    assert any(isinstance(field, pd.DataFrame) and len(field) for field in record)
    with style.report_style():
        plot.draw(record).savefig(tmp_path / "figure.svg")
    assert ("VAE" if plot.stage == "generative" else "U-Net") in plot.alt(record)
    assert plot.caption(record).endswith(".")


@pytest.mark.parametrize(("name", "store"), sorted(LEFT_OUT))
def test_is_left_out_where_there_is_nothing_to_compare(name: str, store: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(NoDataError, match="no complete run"):
        FIGURES[name].record(request.getfixturevalue(store))


@pytest.mark.parametrize("name", FIGURES)
def test_says_what_is_missing(name: str, failed: Summary) -> None:
    with pytest.raises(NoDataError, match="no (complete )?run"):
        FIGURES[name].record(failed)


def test_memory_points_and_front(summarised: Summarised) -> None:
    units = [Unit(width=width, iou=iou) for width, iou in ((4, 0.5), (8, 0.69), (16, 0.65))]
    points = iou_memory.record(summarised([*units, Unit(width=8, repeat=1, iou=0.71)])).points
    assert points["mean"].tolist() == pytest.approx([0.5, 0.7, 0.65])
    half = 12.706 * 0.01  # t with one degree of freedom times the standard error of 0.69 and 0.71
    assert points.loc[1, ["low", "high"]].tolist() == pytest.approx([0.7 - half, 0.7 + half], rel=1e-4)
    assert ((points["low"] < points["mean"]) & (points["mean"] < points["high"])).all()  # one run: over its scenes
    assert points["n"].tolist() == [1, 2, 1]
    assert points["front"].tolist() == [True, True, False]
    assert points["memory_mb"].tolist() == pytest.approx(
        [unit.values()["memory/tensor_peak_bytes"] / 1e6 for unit in units]
    )


def is_beaten(point: tuple[float, float], others: list[tuple[float, float]]) -> bool:
    """By the definition: another one is at least as cheap and as good, and better in one of the two."""
    return any(memory <= point[0] and iou >= point[1] and (memory, iou) != point for memory, iou in others)


@pytest.mark.parametrize("repeat", range(20))
def test_front_is_exact(repeat: int) -> None:
    rng = np.random.default_rng(repeat)
    # Few distinct values, so that ties in one and in both occur.
    values = {
        "architecture": rng.choice(["unet", "hourglass"], 40),
        "memory_mb": rng.integers(1, 9, 40).astype(float),
        "val_iou": rng.integers(1, 9, 40) / 10,
    }
    points = with_front(pd.DataFrame(values), "val_iou")
    assert len(points) == 40
    for _, own in points.groupby("architecture"):
        pairs = list(zip(own["memory_mb"], own["val_iou"], strict=True))
        expected = {pair for pair in pairs if not is_beaten(pair, pairs)}
        found = [pair for pair, front in zip(pairs, own["front"], strict=True) if front]
        assert set(found) == expected
        assert found == sorted(expected)


def searched_units() -> list[Unit]:
    ious = {"unet": (0.5, 0.7, 0.6), "hourglass": (0.4, 0.3, 0.65)}
    units = [
        Unit(architecture=name, width=width, trial=number, iou=iou, epochs=1)
        for name, values in ious.items()
        for number, (width, iou) in enumerate(zip((4, 8, 16), values, strict=True))
    ]
    return [*units, Unit(architecture="unet", width=2, trial=3, state="pruned", epochs=2), Unit(panel=False, epochs=1)]


def test_pareto_has_complete_search_trials_only(summarised: Summarised) -> None:
    shown = pareto.record(summarised(searched_units()))
    assert shown.points["trial"].tolist() == [
        f"{name}-00{place}" for name in ("hourglass", "unet") for place in range(3)
    ]
    assert shown.points["front"].tolist() == [True, False, True, True, True, False]
    assert shown.points["val_iou"].tolist() == pytest.approx([0.41, 0.31, 0.66, 0.51, 0.71, 0.61])
    assert "6 trials" in pareto.alt(shown)
    assert "memory budget" not in pareto.caption(shown)


@pytest.mark.parametrize(
    ("share", "drawn", "said"), [(1.5, 1, "Dotted: the memory"), (3, 0, "lies outside"), (0.01, 0, "lies outside")]
)
def test_memory_budget_is_drawn_where_it_is_near(share: float, drawn: int, said: str, summarised: Summarised) -> None:
    units = searched_units()
    most = max(unit.values()[schema.TENSOR_PEAK.name] for unit in units if unit.trial is not None)
    shown = pareto.record(summarised(units, tags={schema.STUDY_MEMORY_BUDGET: str(round(share * most))}))
    (axis,) = pareto.draw(shown).axes
    assert sum(len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2 for line in axis.lines) == drawn
    assert [text.get_text() for text in axis.texts] == drawn * [f"memory budget {significant(share * most / 1e6)} MB"]
    assert said in pareto.caption(shown)


def test_table_of_the_front(summarised: Summarised) -> None:
    params = {"architecture.norm": "batch", "training.lr": "0.0031622776601683794"}
    made = table("front", summarised([replace(unit, params=params) for unit in searched_units()]))
    assert [row[1] for row in made.rows] == ["hourglass-000", "hourglass-002", "unet-000", "unet-001"]
    memory = significant(searched_units()[0].values()[schema.TENSOR_PEAK.name] / 1e6)
    assert made.rows[2] == ["U-Net", "unet-000", "0.510", memory, "2", "4, 8", "batch", "0.00316"]


def test_a_narrow_memory_axis_has_ticks(summarised: Summarised) -> None:
    (axis,) = drawn(iou_memory, iou_memory.record(summarised([Unit(width=24), Unit(width=32)]))).axes
    low, high = axis.get_xlim()
    assert sum(low <= tick <= high for tick in axis.get_xticks()) >= 2


def test_curves_of_one_configuration_of_each_architecture(small: Summary) -> None:
    shown = learning_curves.record(small)
    assert shown.runs["label"].unique().tolist() == ["depth 3, width 16"]
    assert shown.runs.groupby("configuration")["run_id"].nunique().tolist() == [2, 2, 2]
    share = pd.Series([0.3, 0.31])
    assert shown.base_rate["value"].tolist() == pytest.approx([share.map(entropy).mean()] * 3)


def test_medians_leave_out_runs_that_did_not_complete(summarised: Summarised) -> None:
    units = [Unit(repeat=0, iou=0.6), Unit(repeat=1, iou=0.6), Unit(repeat=2, state="diverged")]
    shown = learning_curves.record(summarised(units))
    iou = shown.medians[shown.medians["metric"] == "iou/val"]
    expected = [np.median([unit.curve(epoch)["iou/val"] for unit in units[:2]]) for epoch in range(1, 9)]
    assert iou["value"].tolist() == pytest.approx(expected)
    assert set(shown.runs["state"]) == {"complete", "diverged"}


def test_all_curves_where_configurations_are_few(troubled: Summary) -> None:
    assert learning_curves.record(troubled).runs["configuration"].nunique() == 3


def test_curves_of_equal_width_where_the_headline_compares_such(summarised: Summarised) -> None:
    """Hourglass is best at width 16, but compared at U-Net's best width, 8; SimpleConv has no such configuration."""
    ious = {("unet", 8): 0.8, ("unet", 4): 0.7, ("hourglass", 8): 0.5, ("hourglass", 16): 0.6}
    ious |= {("simple_conv", 16): 0.3, ("simple_conv", 4): 0.4}
    units = [Unit(architecture=name, width=width, iou=iou) for (name, width), iou in ious.items()]
    shown = learning_curves.record(summarised(units))
    chosen = dict(shown.panels[["architecture.name", "label"]].to_numpy().tolist())
    assert chosen == {"simple_conv": "depth 2, width 4", "hourglass": "depth 2, width 8", "unet": "depth 2, width 8"}
    assert "at the encoder widths of the headline" in learning_curves.caption(shown)
    alone = learning_curves.record(
        summarised([unit for unit in units if (unit.architecture, unit.width) != ("hourglass", 8)])
    )
    assert alone.panels["label"].tolist() == ["depth 2, width 4", "depth 2, width 16", "depth 2, width 8"]
    assert "each architecture at its best." in learning_curves.caption(alone)


def test_medians_stand_at_the_seconds_of_training(summarised: Summarised) -> None:
    summary = summarised(
        [Unit(repeat=repeat, iou=0.6, epochs=3) for repeat in range(3)] + [Unit(architecture="unet", epochs=3)]
    )
    lengths = dict(zip(summary.runs["run_id"], (1.0, 2.0, 7.0, 5.0), strict=True))
    curves = summary.study.curves
    seconds = curves["run_id"].map(lengths) * curves["epoch"]
    curves = curves.assign(value=curves["value"].mask(curves["metric"] == "time/epoch_seconds", seconds))
    shown = learning_curves.record(summarise(replace(summary.study, curves=curves)))
    assert shown.timed
    hourglass = shown.medians[(shown.medians["configuration"] == 0) & (shown.medians["metric"] == "iou/val")]
    assert hourglass["seconds"].tolist() == [2, 2 + 4, 2 + 4 + 6]
    figure = drawn(learning_curves, shown)
    assert len(figure.axes) == 2 * 3
    lines = {line.get_linestyle(): line.get_xdata() for line in figure.axes[2].lines}
    assert lines["-"].tolist() == [5, 15, 30]


def test_configurations_of_one_architecture_share_no_panel(summarised: Summarised) -> None:
    shown = learning_curves.record(summarised([Unit(), Unit(width=16)]))
    assert not shown.timed
    assert len(learning_curves.draw(shown).axes) == 2 * 2
    assert "Last column" not in learning_curves.caption(shown)


def test_titles_of_panels_do_not_run_into_each_other(summarised: Summarised) -> None:
    params = [
        {"architecture.skips": skips, "data.blend": str(blend)} for skips in ("[]", "[1, 2]") for blend in (0, 0.8)
    ]
    shown = learning_curves.record(summarised([Unit(params=own) for own in params]))
    assert max(map(len, shown.panels["label"])) > 40
    figure = drawn(learning_curves, shown)
    figure.draw_without_rendering()
    boxes = [axis.title.get_window_extent() for axis in figure.axes[: len(params)]]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert boxes[-1].y1 <= figure.bbox.y1


def test_axis_of_a_diverging_run_ends_at_twice_the_base_rate(troubled: Summary) -> None:
    shown = learning_curves.record(troubled)
    figure = learning_curves.draw(shown)
    assert figure.axes[-1].get_ylim()[1] == pytest.approx(1.05 * 2 * shown.base_rate["value"].max())


def test_looks_differ_without_colour() -> None:
    looks = [style.look(name) for name in ("simple_conv", "hourglass", "unet")]
    assert [look.label for look in looks] == ["SimpleConv", "Hourglass", "U-Net"]
    lightness = sorted(np.dot(mpl.colors.to_rgb(look.colour), (0.299, 0.587, 0.114)) for look in looks)
    assert min(np.diff(lightness)) > 0.04
    assert len({look.marker for look in looks}) == len({look.line for look in looks}) == 3


@pytest.mark.parametrize(
    ("colour", "ink"), [("white", "black"), ("#FFE000", "black"), ("black", "white"), ("#0000FF", "white")]
)
def test_ink_can_be_read_on_its_colour(colour: str, ink: str) -> None:
    assert style.ink_on(colour) == ink


def test_unknown_architecture_looks_the_same_in_every_report() -> None:
    assert style.look("resnet") == style.look("resnet")
    assert style.look("resnet").label == "resnet"
    names = ["zebra", "unet", "aardvark", "simple_conv", "unet"]
    assert style.in_order(names) == ["simple_conv", "unet", "aardvark", "zebra"]


def test_style_is_left_behind() -> None:
    before = dict(mpl.rcParams)
    with style.report_style():
        assert mpl.rcParams["font.size"] == 7.5
    assert dict(mpl.rcParams) == before


def test_unknown_architecture_is_drawn(summarised: Summarised) -> None:
    units = [replace(unit, architecture="resnet") for unit in grid(1) if unit.architecture == "unet"]
    record = iou_memory.record(summarised(units))
    assert "resnet 0." in iou_memory.alt(record)
    assert len(iou_memory.draw(record).axes) == 1


def test_profiles_are_the_shares_of_scenes_above_each_iou(summarised: Summarised) -> None:
    units = [Unit(architecture=name, repeat=repeat, iou=0.7) for name in ("hourglass", "unet") for repeat in range(2)]
    summary = summarised(units)
    points = profiles.record(summary).points
    unet = points[points["architecture"] == "unet"].set_index("iou")["share"]
    of_scenes = summary.scenes.merge(summary.configurations[["configuration", "architecture.name"]], on="configuration")
    values = of_scenes[of_scenes["architecture.name"] == "unet"].groupby("scene")["iou"].mean()
    assert len(values) == 8
    assert unet.iloc[0] == 1
    assert unet.iloc[-1] == 0
    assert unet.iloc[70] == (values > 0.7).mean()


def test_a_name_with_dollar_signs_is_no_formula(tmp_path: Path) -> None:
    with style.report_style():
        figure, ((axis,),) = style.panels(1)
        axis.set_title(r"$\frac$ and $")
        figure.savefig(tmp_path / "figure.svg")
    assert not axis.title.get_parse_math()

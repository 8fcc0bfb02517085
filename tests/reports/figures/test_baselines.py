"""The rules without a network in Figure 1, and the ring around what is recommended."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_units import Unit
from helpers import Summarised, drawn
from matplotlib.axes import Axes

from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.figures import iou_memory
from hourglass_bench.reports.store.load import load_study

SCORES = {"all_foreground": 0.3, "base_rate": 0.0, "mean_mask": 0.4, "copy": 0.5}
"""Those of invented runs of repeat 0; with each repeat they rise by 0.01."""


def heights(axis: Axes) -> list[float]:
    """Of the lines across the axis."""
    return [
        line.get_ydata()[0] for line in axis.lines if list(line.get_xdata()) == [0, 1] and np.ptp(line.get_ydata()) == 0
    ]


def test_every_rule_that_does_not_squeeze_the_marks_is_a_line(summarised: Summarised) -> None:
    units = [Unit(repeat=repeat, iou=0.7) for repeat in range(3)]
    shown = iou_memory.record(summarised([*units, Unit(split="random_frames", iou=0.99)]))
    rules = shown.baselines.set_index("baseline")
    assert list(rules.index) == ["copy", "mean_mask", "all_foreground", "base_rate"]
    # The copy scores 0.92 on random frames, which are left out.
    assert rules["mean"].to_dict() == pytest.approx({name: score + 0.01 for name, score in SCORES.items()})
    assert rules["best"].tolist() == [True, False, False, False]
    # The mark at 0.70 and the best rule at 0.51 are 0.19 apart.
    assert rules["drawn"].tolist() == [True, True, False, False]
    (axis,) = drawn(iou_memory, shown).axes
    assert heights(axis) == pytest.approx([0.51, 0.41])
    names = [text.get_text() for text in axis.texts]
    assert "copy of the\nnearest frame" in names
    assert "mean mask" in names
    assert not {"all foreground", "base rate"} & set(names)
    alt = iou_memory.alt(shown)
    assert "copy of the nearest frame 0.510, mean mask 0.410, all foreground 0.310 (below the axis), base rate" in alt
    assert "Grey lines: rules without a network" in iou_memory.caption(shown)


@pytest.mark.parametrize(("iou", "above"), [(0.3, False), (0.9, True)])
def test_the_axis_holds_the_best_rule_and_shades_what_is_below(iou: float, above: bool, summarised: Summarised) -> None:
    (axis,) = drawn(iou_memory, iou_memory.record(summarised([Unit(iou=iou)]))).axes
    low, high = axis.get_ylim()
    assert low < min(iou, 0.5) < max(iou, 0.5) < high
    (shade,) = axis.patches
    assert (shade.get_y(), shade.get_y() + shade.get_height()) == pytest.approx((low, 0.5))
    assert (iou > shade.get_y() + shade.get_height()) == above


def test_names_of_rules_do_not_overlap(summarised: Summarised) -> None:
    shown = iou_memory.record(summarised([Unit(iou=0.55)]))
    near = shown.baselines.assign(mean=[0.5, 0.499, 0.498, 0.497], drawn=True)
    figure = drawn(iou_memory, shown._replace(baselines=near))
    figure.canvas.draw()
    (axis,) = figure.axes
    boxes = [text.get_window_extent() for text in axis.texts[:4]]
    assert [text.get_text().split()[0] for text in axis.texts[:4]] == ["copy", "mean", "all", "base"]
    assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])
    assert all(box.x0 >= axis.get_window_extent().x1 for box in boxes)


@pytest.mark.parametrize(("name", "taken"), [("nothing_learnt", 0), ("one_configuration", 1), ("winner_clear", 1)])
def test_a_ring_is_around_what_is_recommended(name: str, taken: int, problem_store: Callable[[str], Path]) -> None:
    summary: Summary = summarise(load_study(problem_store(name), "quick"))
    shown = iou_memory.record(summary)
    assert shown.taken["number"].is_unique
    (axis,) = drawn(iou_memory, shown).axes
    (rings,) = [line for line in axis.lines if line.get_markersize() == 10]
    assert len(rings.get_xdata()) == len(shown.taken) >= taken
    assert bool(len(shown.taken)) == bool(taken)
    assert ("Ring: what to take" in iou_memory.caption(shown)) == bool(taken)
    assert len(shown.choices) >= 1

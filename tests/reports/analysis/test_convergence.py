"""How fast runs learn, with those that never do."""

import math

import numpy as np
import pytest
from fake_units import Unit
from helpers import Summarised, table

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.convergence import convergence, is_stuck
from hourglass_bench.reports.tables import TABLES


def test_misses_are_infinite_and_medians_feel_them(summarised: Summarised) -> None:
    units = [Unit(repeat=repeat, iou=iou) for repeat, iou in enumerate((0.8, 0.8, 0.3))]
    units += [Unit(depth=3, repeat=repeat, iou=iou) for repeat, iou in enumerate((0.8, 0.3, 0.3))]
    found = convergence(summarised(units))
    assert found.target == pytest.approx(0.9 * 0.81)
    table = found.by_configuration()
    assert table[["n", "reached"]].to_numpy().tolist() == [[3, 2], [3, 1]]
    assert math.isfinite(table["epochs"][0])
    assert table["epochs"][1] == table["seconds"][1] == table["images"][1] == math.inf


def test_efforts_are_read_off_the_curves(summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=0, iou=0.8)])
    run = convergence(summary).runs.iloc[0]
    values = [Unit(repeat=0, iou=0.8).curve(epoch)[schema.VAL_IOU.name] for epoch in range(1, 9)]
    first = next(epoch for epoch, value in enumerate(values, start=1) if value >= 0.9 * 0.81)
    assert (run["epochs"], run["seconds"], run["images"]) == (first, 2.0 * first, 180 * first)
    assert run["area"] == pytest.approx(sum(values) / 8)
    assert run["rising"] == (values[-1] - values[-3] > 0.01)


def test_diverged_runs_are_counted_as_misses(summarised: Summarised) -> None:
    units = [Unit(repeat=repeat, iou=0.8) for repeat in range(2)]
    units += [Unit(repeat=2, state="diverged", reason="nan"), Unit(repeat=3, state="diverged", learnt=False)]
    units += [Unit(repeat=4, state="out_of_memory", learnt=False)]
    (row,) = convergence(summarised(units)).by_configuration().to_dict("records")
    assert (row["n"], row["reached"]) == (5, 2)
    assert row["diverged"] + row["stuck"] == 2
    assert row["epochs"] == row["images"] == math.inf


def test_a_short_run_can_still_be_rising(summarised: Summarised) -> None:
    runs = convergence(summarised([Unit(repeat=0, epochs=2, iou=0.8), Unit(repeat=1, epochs=9, iou=0.8)])).runs
    assert runs["rising"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("bce", "iou", "stuck"),
    [
        ([0.69, 0.61, 0.61], [0.0, 0.0, 0.0], True),
        ([0.69, 0.5, 0.61], [0.0, 0.0, 0.0], False),  # better than the entropy, 0.611 nats, once
        ([0.69, 0.61, 0.61], [0.0, 0.4, 0.0], False),  # overlaps more than marking everything
        ([0.69, 0.61, 0.61], [0.2, 0.3, 0.3], True),  # as much as that
    ],
)
def test_stuck_is_never_better_than_a_constant(bce: list[float], iou: list[float], stuck: bool) -> None:
    curve = {schema.VAL_BCE.name: np.array(bce), schema.VAL_IOU.name: np.array(iou)}
    assert is_stuck(curve, 0.3, 0.3) is stuck


def test_table_says_what_was_not_reached(summarised: Summarised) -> None:
    units = [Unit(repeat=0, iou=0.8), Unit(depth=3, repeat=0, iou=0.2)]
    made = table("efforts", summarised(units))
    assert [row[2] for row in made.rows] == ["1 of 1", "0 of 1"]
    assert made.rows[1][3:6] == ["not reached"] * 3
    assert TABLES["efforts"].make(summarised([Unit(state="failed", logged=False)])) is None

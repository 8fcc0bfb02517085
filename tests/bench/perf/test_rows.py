"""The arithmetic between measurements and table, on numbers made by hand."""

import pytest

from hourglass_bench.bench.perf.measure import turns
from hourglass_bench.bench.perf.records import EpochTiming, Measured, Rates, elapsed
from hourglass_bench.bench.perf.roofline import Roof
from hourglass_bench.bench.perf.rows import (
    Row,
    common_target,
    curve_rows,
    difference,
    differences,
    median_ratio,
    memory_rows,
    seconds_to,
    share_row,
    speed_rows,
)


def epoch(
    train: float = 1.0, val: float = 1.0, iou: float = 0.0, peak: int = 1, device: int | None = None
) -> EpochTiming:
    return EpochTiming(
        setup_seconds=2.0,
        train_images=100,
        train_seconds=train,
        val_images=10,
        val_seconds=val,
        val_iou=iou,
        process_peak=peak,
        device_peak=device,
    )


def curve(*iou: float) -> list[EpochTiming]:
    return [epoch(train=3.0, val=1.0, iou=value) for value in iou]


RATES = [Rates(matmul={"float32": {8: 1.0}}, copy=1.0)] * 3


def test_ratios_are_taken_repetition_by_repetition() -> None:
    """The machine slows to a tenth in the second repetition: medians of the rates alone would give 100 / 50."""
    plain = [epoch(train=2), epoch(train=20), epoch(train=2)]
    harness = [epoch(train=1), epoch(train=5), epoch(train=0.5)]
    row = speed_rows(Measured(timings={"plain": plain, "harness": harness}, rates=RATES), "plain")[0]
    assert row.values == {"plain": 50, "harness": 100}
    assert row.ratios == {"plain": 1, "harness": 4}  # of 2, 4 and 4


def test_median_ratio_needs_pairs() -> None:
    assert median_ratio([2, 9, 8], [1, 3, 2]) == 3
    with pytest.raises(ValueError, match="shorter"):
        median_ratio([1, 2], [1])


def test_the_share_of_the_roof_is_taken_repetition_by_repetition() -> None:
    """The machine slows to a tenth in the second repetition: 50, 5 and 40 images/s of 100, 10 and 100."""
    measured = Measured(timings={"plain": [epoch(train=2), epoch(train=20), epoch(train=2.5)]}, rates=RATES)
    roofs = [
        Roof(precision="float32", side=8, matmul=rate, copy=1e9, flops=1, bytes=1) for rate in (100.0, 10.0, 100.0)
    ]
    assert share_row(measured, {"plain": roofs}).values == {"plain": 0.5}


def test_peaks_are_the_largest_of_all_repetitions() -> None:
    timings = {"plain": [epoch(peak=4), epoch(peak=8)], "harness": [epoch(peak=6), epoch(peak=2)]}
    rows = memory_rows(Measured(timings=timings, rates=RATES), "plain")
    assert rows == [
        Row(
            label="peak memory of the process",
            kind="bytes",
            values={"plain": 8, "harness": 6},
            ratios={"plain": 1, "harness": 0.75},
        )
    ]
    on_device = {name: [epoch(device=count)] for name, count in (("plain", 10), ("harness", 5))}
    assert memory_rows(Measured(timings=on_device, rates=RATES), "plain")[1].ratios == {"plain": 1, "harness": 0.5}


def test_seconds_to_a_target_count_from_the_set_up_to_the_epochs_end() -> None:
    rising = curve(0.1, 0.5, 0.4)
    assert elapsed(rising) == [6, 10, 14]
    assert seconds_to(rising, 0.1) == 6
    assert seconds_to(rising, 0.45) == 10
    assert seconds_to(rising, 0.6) == float("inf")


def test_a_target_that_is_not_always_reached_has_no_ratio() -> None:
    curves = {
        "plain": [curve(0.1, 0.2), curve(0.3, 0.4), curve(0.1, 0.5)],
        "harness": [curve(0.4, 0.4), curve(0.4, 0.3), curve(0.0, 0.1)],
    }
    measured = Measured(timings={}, rates=RATES, curves=curves)
    seconds, ends = curve_rows(measured, "plain", 0.4)
    assert seconds.values == {"plain": 10, "harness": 6}
    assert seconds.ratios == {"plain": None, "harness": None}
    assert ends.values == pytest.approx({"plain": 1.1 / 3, "harness": 0.8 / 3})
    never = curve_rows(measured, "plain", 0.45)[0]
    assert never.values == {"plain": None, "harness": None}
    always = curve_rows(measured, "plain", common_target(measured))[0]
    assert always.label == "seconds to validation IoU 0.10"
    assert always.ratios == {"plain": 1, "harness": 1}  # 6 and 6, 6 and 6, 10 and 6


def test_without_trainings_there_are_no_rows_of_them() -> None:
    measured = Measured(timings={"plain": [epoch()]}, rates=RATES, curves={"plain": []})
    assert curve_rows(measured, "plain", 0.0) == []
    assert differences(measured, "plain") == {}
    assert common_target(measured) == 0


def test_differences_are_paired_by_repeat() -> None:
    curves = {
        "plain": [curve(0.2), curve(0.6), curve(0.4)],
        "harness": [curve(0.3), curve(0.7), curve(0.5)],
    }
    gap = differences(Measured(timings={}, rates=RATES, curves=curves), "plain")["harness"]
    assert gap.mean == pytest.approx(0.1)
    assert gap.half_width == pytest.approx(0, abs=1e-12)
    three = difference([0.0, 0.1, 0.2])
    assert three.half_width == pytest.approx(4.302653 * 0.1 / 3**0.5)  # Student's t of two degrees of freedom
    assert difference([0.1]).half_width is None


def test_everyone_is_first_in_turn() -> None:
    assert [turns("abc", repetition) for repetition in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]

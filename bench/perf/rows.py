"""From measurements to the rows of the table. Ratios are to the baseline, measurement by measurement, then the median:
what slows the machine for a while slows both sides of a ratio."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev
from typing import Literal

from scipy import stats

from bench.perf.records import Lap, Measured, elapsed
from bench.perf.roofline import Roof

Kind = Literal["rate", "seconds", "iou", "bytes", "share"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measure of all contenders."""

    label: str
    kind: Kind
    values: dict[str, float | None]
    """None: never reached, or not to be had."""
    ratios: dict[str, float | None]
    """To the baseline's value; empty where a ratio says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Final validation IoU less the baseline's, paired by seed."""

    mean: float
    half_width: float | None
    """Of the 95 % interval by Student's t; None for a single seed."""
    seeds: int


def speed_rows(measured: Measured, baseline: str) -> list[Row]:
    """Images per second in training and in inference: medians of the repetitions."""
    return [
        _rate_row("training, images/s", measured.laps, baseline, lambda lap: lap.train_rate),
        _rate_row("inference, images/s", measured.laps, baseline, lambda lap: lap.val_rate),
    ]


def _rate_row(label: str, laps: Mapping[str, Sequence[Lap]], baseline: str, rate: Callable[[Lap], float]) -> Row:
    rates = {name: [rate(lap) for lap in of] for name, of in laps.items()}
    return Row(
        label=label,
        kind="rate",
        values={name: median(of) for name, of in rates.items()},
        ratios={name: median_ratio(of, rates[baseline]) for name, of in rates.items()},
    )


def median_ratio(values: Sequence[float], baseline: Sequence[float]) -> float:
    """Median of the ratios of values measured one after the other."""
    return median(value / base for value, base in zip(values, baseline, strict=True))


def memory_rows(measured: Measured, baseline: str) -> list[Row]:
    """Peaks: of the process, and on CUDA of the device."""
    process = {name: max(lap.process_peak for lap in laps) for name, laps in measured.laps.items()}
    rows = [_peak_row("peak memory of the process", process, baseline)]
    device = {name: [lap.device_peak for lap in laps if lap.device_peak] for name, laps in measured.laps.items()}
    if all(device.values()):
        peaks = {name: max(of) for name, of in device.items()}
        rows.append(_peak_row("peak memory on the device", peaks, baseline))
    return rows


def _peak_row(label: str, peaks: Mapping[str, int], baseline: str) -> Row:
    ratios: dict[str, float | None] = {name: peak / peaks[baseline] for name, peak in peaks.items()}
    return Row(label=label, kind="bytes", values=dict(peaks), ratios=ratios)


def share_row(measured: Measured, roofs: Mapping[str, Sequence[Roof]]) -> Row:
    """Share of what the machine could do, reached in training: against the contender's roof in each repetition."""
    shares: dict[str, float | None] = {
        name: median_ratio([lap.train_rate for lap in laps], [roof.images for roof in roofs[name]])
        for name, laps in measured.laps.items()
    }
    return Row(label="training, share of the roof", kind="share", values=shares, ratios={})


def curve_rows(measured: Measured, baseline: str, target: float) -> list[Row]:
    """Seconds to the target, and where the trainings end; none without curves."""
    if not any(measured.curves.values()):
        return []
    seconds = {name: [seconds_to(curve, target) for curve in of] for name, of in measured.curves.items()}
    ends = {name: [curve[-1].val_iou for curve in of] for name, of in measured.curves.items()}
    return [
        Row(
            label=f"seconds to validation IoU {target:.2f}",
            kind="seconds",
            values={name: _finite(median(of)) for name, of in seconds.items()},
            ratios={name: _ratio_if_reached(of, seconds[baseline]) for name, of in seconds.items()},
        ),
        Row(
            label="validation IoU at the end",
            kind="iou",
            values={name: mean(of) for name, of in ends.items()},
            ratios={},
        ),
    ]


def seconds_to(curve: list[Lap], target: float) -> float:
    """Seconds until the end of the first epoch that reaches the target; infinite if none does."""
    reached = (now for now, lap in zip(elapsed(curve), curve, strict=True) if lap.val_iou >= target)
    return next(reached, math.inf)


def common_target(measured: Measured) -> float:
    """The highest IoU in whole hundredths that every training reached in one of its epochs; 0 without trainings."""
    bests = [max(lap.val_iou for lap in curve) for of in measured.curves.values() for curve in of]
    return math.floor(100 * min(bests, default=0.0)) / 100


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ratio_if_reached(seconds: Sequence[float], baseline: Sequence[float]) -> float | None:
    return median_ratio(seconds, baseline) if all(map(math.isfinite, (*seconds, *baseline))) else None


def differences(measured: Measured, baseline: str) -> dict[str, Difference]:
    """How far each contender's trainings end from the baseline's."""
    ends = {name: [curve[-1].val_iou for curve in of] for name, of in measured.curves.items()}
    return {
        name: difference([value - base for value, base in zip(of, ends[baseline], strict=True)])
        for name, of in ends.items()
        if name != baseline and of
    }


def difference(pairs: Sequence[float]) -> Difference:
    """Mean of paired differences with its interval."""
    count = len(pairs)
    half = float(stats.t.ppf(0.975, count - 1)) * stdev(pairs) / math.sqrt(count) if count > 1 else None
    return Difference(mean=mean(pairs), half_width=half, seeds=count)

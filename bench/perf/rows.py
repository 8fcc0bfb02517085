"""From measurements to the rows of the table. Ratios are to the baseline, measurement by measurement, then the median:
what slows the machine for a while slows both sides of a ratio."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev
from typing import Literal

from scipy import stats

from hourglass_bench.bench.perf.records import EpochTiming, Measured, elapsed
from hourglass_bench.bench.perf.roofline import Roof

Kind = Literal["rate", "seconds", "iou", "bytes", "share"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measure of all implementations."""

    label: str
    kind: Kind
    values: dict[str, float | None]
    """None: never reached."""
    ratios: dict[str, float | None]
    """To the baseline's value; empty where a ratio says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Final validation IoU less the baseline's, paired by repeat."""

    mean: float
    half_width: float | None
    """Of the 95 % interval by Student's t; None for a single training."""
    trainings: int


def speed_rows(measured: Measured, baseline: str) -> list[Row]:
    """Images per second in training and in inference: medians of the repetitions."""
    train = {name: [epoch.train_rate for epoch in epochs] for name, epochs in measured.timings.items()}
    val = {name: [epoch.val_rate for epoch in epochs] for name, epochs in measured.timings.items()}
    return [
        _row("training, images/s", "rate", train, median, baseline),
        _row("inference, images/s", "rate", val, median, baseline),
    ]


def memory_rows(measured: Measured, baseline: str) -> list[Row]:
    """Peaks: of the process, and on CUDA of the device."""
    process = {name: [max(epoch.process_peak for epoch in epochs)] for name, epochs in measured.timings.items()}
    device = {name: [max(epoch.device_peak or 0 for epoch in epochs)] for name, epochs in measured.timings.items()}
    rows = [_row("peak memory of the process", "bytes", process, max, baseline)]
    if all(map(any, device.values())):
        rows.append(_row("peak memory on the device", "bytes", device, max, baseline))
    return rows


def share_row(measured: Measured, roofs: Mapping[str, Sequence[Roof]]) -> Row:
    """Share of what the machine could do, reached in training: against the implementation's roof in each repetition."""
    shares = {
        name: [epoch.train_rate / roof.images for epoch, roof in zip(epochs, roofs[name], strict=True)]
        for name, epochs in measured.timings.items()
    }
    return _row("training, share of the roof", "share", shares, median)


def curve_rows(measured: Measured, baseline: str, target: float) -> list[Row]:
    """Seconds to the target, and where the trainings end; none without curves."""
    if not any(measured.curves.values()):
        return []
    seconds = {name: [seconds_to(curve, target) for curve in curves] for name, curves in measured.curves.items()}
    return [
        _row(f"seconds to validation IoU {target:.2f}", "seconds", seconds, median, baseline),
        _row("validation IoU at the end", "iou", _ends(measured), mean),
    ]


def seconds_to(curve: list[EpochTiming], target: float) -> float:
    """Seconds until the end of the first epoch that reaches the target; infinite if none does."""
    reached = (now for now, epoch in zip(elapsed(curve), curve, strict=True) if epoch.val_iou >= target)
    return next(reached, math.inf)


def common_target(measured: Measured) -> float:
    """The highest IoU in whole hundredths that every training reached in one of its epochs; 0 without trainings."""
    bests = [max(epoch.val_iou for epoch in curve) for curves in measured.curves.values() for curve in curves]
    return math.floor(100 * min(bests, default=0.0)) / 100


def differences(measured: Measured, baseline: str) -> dict[str, Difference]:
    """How far each implementation's trainings end from the baseline's."""
    ends = _ends(measured)
    return {
        name: difference([value - base for value, base in zip(of, ends[baseline], strict=True)])
        for name, of in ends.items()
        if name != baseline and of
    }


def difference(gaps: Sequence[float]) -> Difference:
    """Mean of paired differences with its interval."""
    count = len(gaps)
    half = float(stats.t.ppf(0.975, count - 1)) * stdev(gaps) / math.sqrt(count) if count > 1 else None
    return Difference(mean=mean(gaps), half_width=half, trainings=count)


def median_ratio(values: Sequence[float], baseline: Sequence[float]) -> float | None:
    """Median of the ratios of values measured one after the other; None if one of them is infinite."""
    if not all(map(math.isfinite, (*values, *baseline))):
        return None
    return median(value / base for value, base in zip(values, baseline, strict=True))


def _row(
    label: str,
    kind: Kind,
    measures: Mapping[str, Sequence[float]],
    summarise: Callable[[Sequence[float]], float],
    baseline: str | None = None,
) -> Row:
    """A summary of each implementation's measures, and ratios if there is a baseline."""
    values = {name: summarise(of) for name, of in measures.items()}
    return Row(
        label=label,
        kind=kind,
        values={name: value if math.isfinite(value) else None for name, value in values.items()},
        ratios={}
        if baseline is None
        else {name: median_ratio(of, measures[baseline]) for name, of in measures.items()},
    )


def _ends(measured: Measured) -> dict[str, list[float]]:
    return {name: [curve[-1].val_iou for curve in curves] for name, curves in measured.curves.items()}

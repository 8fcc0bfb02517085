"""What was measured, as plain values that become JSON."""

from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochTiming:
    """An epoch of one implementation, training and validation, or the epochs of a lap added up."""

    setup_seconds: float
    """From the implementation's start to its first epoch; imports not counted."""
    train_images: int
    train_seconds: float
    """The whole epochs, the start of their loaders included."""
    val_images: int
    val_seconds: float
    """Reading, forward pass and scores of all validation frames."""
    val_iou: float
    """Of the last epoch."""
    process_peak: int
    """Largest resident memory in bytes since the implementation's start, its loader's workers not counted."""
    device_peak: int | None
    """Largest number of bytes that CUDA's allocator held since then; None elsewhere."""

    @property
    def train_rate(self) -> float:
        """Images trained per second."""
        return self.train_images / self.train_seconds

    @property
    def val_rate(self) -> float:
        """Images predicted and scored per second."""
        return self.val_images / self.val_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """What the machine can do, measured once."""

    matmul: dict[str, dict[int, float]]
    """Floating-point operations per second of square matrix products: precision -> side -> rate."""
    copy: float
    """Bytes read and written per second by copying a buffer that no cache holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Everything measured on one network."""

    timings: dict[str, list[EpochTiming]]
    """Implementation -> its timed laps, one per repetition; equal places were measured after one another."""
    rates: list[Rates]
    """One per repetition."""
    curves: dict[str, list[list[EpochTiming]]] = field(default_factory=dict)
    """Implementation -> the epochs of each whole training; equal places are of the same repeat."""


def elapsed(curve: list[EpochTiming]) -> list[float]:
    """Seconds from the start of a training, its set-up included, to the end of each epoch."""
    seconds = (epoch.train_seconds + epoch.val_seconds for epoch in curve)
    return list(accumulate(seconds, initial=curve[0].setup_seconds))[1:]

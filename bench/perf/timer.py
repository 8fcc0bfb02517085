"""The clock that an implementation carries: it stands still while others are measured."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from hourglass_bench.bench.machine.clock import Stopwatch, synchronize
from hourglass_bench.bench.machine.memory import process_peak_bytes, reset_process_peak
from hourglass_bench.bench.perf.config import GPU_LAP_SECONDS
from hourglass_bench.bench.perf.records import EpochTiming


def lap_seconds(device: torch.device) -> float:
    """Least seconds of training in a lap: 0 on a CPU, where an epoch is long enough; on a GPU it may take a few ms."""
    return 0.0 if device.type == "cpu" else GPU_LAP_SECONDS


class CudaStopwatch:
    """Seconds since construction by CUDA's events: both ends are marked in the queue, by the GPU's own clock."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._start = self._mark()

    def seconds(self) -> float:
        """Until all that has been asked of the device is done."""
        end = self._mark()
        end.synchronize()  # the start lies before it
        milliseconds: float = self._start.elapsed_time(end)
        return milliseconds / 1000

    def _mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event


class _Part(NamedTuple):
    """Training or validation of a lap."""

    images: int = 0
    seconds: float = 0.0

    def add(self, images: int, seconds: float) -> "_Part":
        return _Part(self.images + images, self.seconds + seconds)


class EpochTimer:
    """Times a training: `ready` after the set-up, then in every epoch `trained` and `validated`.

    Args:
        lap_seconds: epochs are added up until they have trained for so long; with 0 each epoch is a lap.
        report: is given each lap at its end and returns when the next one may begin.
    """

    def __init__(self, device: torch.device, lap_seconds: float, report: Callable[[EpochTiming], None]) -> None:
        self._device = device
        self._lap_seconds = lap_seconds
        self._report = report
        # Once: it also returns freed memory to the system, which an implementation may keep from epoch to epoch.
        reset_process_peak()
        synchronize(device)  # the device has no figures before it is used
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self._setup_seconds = 0.0
        self._train = self._val = _Part()
        self._clock = self._start()

    def ready(self) -> None:
        """Data, network and optimiser are there."""
        self._setup_seconds = self._split()

    def trained(self, images: int) -> None:
        """An epoch over so many images is done."""
        self._train = self._train.add(images, self._split())

    def validated(self, images: int, iou: float) -> None:
        """So many images were predicted and have this IoU: the epoch is over, and perhaps the lap."""
        self._val = self._val.add(images, self._split())
        if self._train.seconds < self._lap_seconds:
            return
        self._report(
            EpochTiming(
                setup_seconds=self._setup_seconds,
                train_images=self._train.images,
                train_seconds=self._train.seconds,
                val_images=self._val.images,
                val_seconds=self._val.seconds,
                val_iou=iou,
                process_peak=process_peak_bytes(),
                device_peak=torch.cuda.max_memory_reserved(self._device) if self._device.type == "cuda" else None,
            )
        )
        self._train = self._val = _Part()
        self._clock = self._start()

    def _split(self) -> float:
        seconds = self._clock.seconds()
        self._clock = self._start()
        return seconds

    def _start(self) -> Stopwatch | CudaStopwatch:
        return CudaStopwatch(self._device) if self._device.type == "cuda" else Stopwatch(self._device)

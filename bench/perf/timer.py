"""The clock that an implementation carries: it stands still while others are measured."""

from collections.abc import Callable

import torch

from bench.machine.clock import Stopwatch, synchronize
from bench.machine.memory import process_peak_bytes, reset_process_peak
from bench.perf.records import EpochTiming


class EpochTimer:
    """Times a training: `ready` after the set-up, then in every epoch `trained` and `validated`.

    Args:
        report: is given each epoch at its end and returns when the next one may begin.
    """

    def __init__(self, device: torch.device, report: Callable[[EpochTiming], None]) -> None:
        self._device = device
        self._report = report
        # Once: it also returns freed memory to the system, which an implementation may keep from epoch to epoch.
        reset_process_peak()
        synchronize(device)  # the device has no figures before it is used
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self._setup_seconds = 0.0
        self._train = (0, 0.0)
        self._clock = Stopwatch(device)

    def ready(self) -> None:
        """Data, network and optimiser are there."""
        self._setup_seconds = self._split()

    def trained(self, images: int) -> None:
        """An epoch over so many images is done."""
        self._train = (images, self._split())

    def validated(self, images: int, iou: float) -> None:
        """So many images were predicted and have this IoU: the epoch is over."""
        self._report(
            EpochTiming(
                setup_seconds=self._setup_seconds,
                train_images=self._train[0],
                train_seconds=self._train[1],
                val_images=images,
                val_seconds=self._split(),
                val_iou=iou,
                process_peak=process_peak_bytes(),
                device_peak=torch.cuda.max_memory_reserved(self._device) if self._device.type == "cuda" else None,
            )
        )
        self._clock = Stopwatch(self._device)

    def _split(self) -> float:
        seconds = self._clock.seconds()
        self._clock = Stopwatch(self._device)
        return seconds

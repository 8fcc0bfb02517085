"""Wall time of work on a device: the queue is drained at both ends, so asynchronous work counts too."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hourglass_bench.bench.machine import signs
from hourglass_bench.bench.schema import Phase


def synchronize(device: torch.device) -> None:
    """Wait until the device has done everything asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class Stopwatch:
    """Seconds since construction, with the device drained at both ends."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        synchronize(device)
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Elapsed wall time."""
        synchronize(self._device)
        return time.perf_counter() - self._start


class Phases:
    """Where the time goes: seconds spent in named phases, which may come again."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.seconds: dict[Phase, float] = {}

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Add the time inside to the phase; also if it ends with an error."""
        clock = Stopwatch(self._device)
        signs.give()
        try:
            yield
        finally:
            signs.give()
            self.seconds[name] = self.seconds.get(name, 0.0) + clock.seconds()

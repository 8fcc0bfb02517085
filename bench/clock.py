"""Wall time of work on a device: the queue is drained at both ends, so asynchronous work counts too."""

import time

import torch


def synchronize(device: torch.device) -> None:
    """Wait until the device has done everything asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


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

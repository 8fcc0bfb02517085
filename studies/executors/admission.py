"""Which trials run beside each other on a device: what fits there does not depend on the number of workers.

A trial is granted an equal share of its device, or what it needs if that is more. It starts when its grant has room
beside those of the trials that run there, so that a large one has the device to itself. One whose need is more than
there is may still be tried, since what it needs is a cautious guess.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

USABLE_SHARE = 0.8
"""Of the memory that is free, for workers; fragments, and what other processes come to need, take of the rest."""
MARGIN = 1.25
"""Memory that a trial needs, by its predicted tensor peak: allocators round up, and kernels need scratch space."""
BASELINE = 2**30
"""Bytes of a worker beside tensors and data: on a GPU the context and workspaces, on a node also the process."""
CPU_BASELINE = 2**29
"""The same where the device is the CPU: 0.43 GiB of its own has a process that has predicted and trained."""


class Room(NamedTuple):
    """What a device has for trials, in bytes."""

    capacity: int
    """For all its workers together."""
    data: int = 0
    """Of the data set, which each worker holds there."""
    baseline: int = BASELINE

    @classmethod
    def of(cls, free: int, data: int, device: str) -> "Room":
        """Of a device of some type with so many bytes free before there are workers."""
        return cls(int(USABLE_SHARE * free), data, CPU_BASELINE if device == "cpu" else BASELINE)

    @property
    def held(self) -> int:
        """By a worker between its trials."""
        return self.baseline + self.data

    @property
    def largest_peak(self) -> int:
        """Predicted tensor peak of the largest trial that is tried, alone."""
        return max(0, self.capacity - self.data)

    def need(self, peak: int | None) -> int:
        """Of a trial with a predicted tensor peak; without one it needs all there is."""
        return self.capacity if peak is None else self.held + math.ceil(MARGIN * peak)

    def grant(self, peak: int | None, workers: int) -> int:
        """What the trial gets on a device of so many workers."""
        return min(self.capacity, max(self.need(peak), self.capacity // workers))

    def limit(self, grant: int) -> int | None:
        """What a worker is held to: nothing (None) where no other one has a part of the device."""
        return None if grant == self.capacity else grant

    def holds(self, peak: int, workers: int) -> bool:
        """Whether so many trials with a predicted tensor peak can run at the same time."""
        return peak <= self.largest_peak and workers * self.grant(peak, workers) <= self.capacity

    def fits(self, grant: int, running: Iterable[int], idle: int = 0) -> bool:
        """Whether a grant has room beside running ones, and beside what so many idle workers hold."""
        return grant + sum(running) + idle * self.held <= self.capacity

"""Which trials run beside each other on a device: what fits there does not depend on the number of workers.

A trial is granted an equal share of its device, or what it needs if that is more. It starts when its grant has room
beside those of the trials that run there, so that a large one has the device to itself.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

USABLE_SHARE = 0.8
"""Of the memory that is free, for workers; fragments, and what other processes come to need, take of the rest."""
MARGIN = 1.25
"""Memory that a trial needs, by its predicted tensor peak: allocators round up, and kernels need scratch space."""
BASELINE = 2**30
"""Bytes of a worker beside tensors and data: interpreter and libraries, on a GPU the context and their workspaces."""


class Room(NamedTuple):
    """What a device has for trials, in bytes."""

    capacity: int
    """For all its workers together."""
    data: int = 0
    """Of the data set, which each worker holds there."""

    @classmethod
    def of(cls, free: int, data: int) -> "Room":
        """Of a device with so many bytes free before there are workers."""
        return cls(int(USABLE_SHARE * free), data)

    @property
    def held(self) -> int:
        """By a worker between its trials."""
        return BASELINE + self.data

    def largest_peak(self, workers: int = 1) -> int:
        """Predicted tensor peak of the largest trials of which so many fit at the same time."""
        return max(0, int((self.capacity // workers - self.held) / MARGIN))

    def need(self, peak: int | None) -> int:
        """Of a trial with a predicted tensor peak; without one it needs all there is."""
        return self.capacity if peak is None else self.held + math.ceil(MARGIN * peak)

    def grant(self, peak: int | None, workers: int) -> int:
        """What the trial gets on a device of so many workers."""
        return min(self.capacity, max(self.need(peak), self.capacity // workers))

    def fits(self, grant: int, running: Iterable[int], idle: int = 0) -> bool:
        """Whether a grant has room beside running ones, and beside what so many idle workers hold."""
        return grant + sum(running) + idle * self.held <= self.capacity

"""Worker processes on this machine, one per slot, each living from task to task and replaced when it dies.

A slot is a pool of one process: when a process dies, Python breaks its pool at once, so only the one task is lost.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import torch

from bench.config import RunConfig
from bench.machine.device import memory_limit
from studies import worker
from studies.channel import LOOPBACK
from studies.executors import Ending, Failed, Lost
from studies.worker import Outcome, Place, Task

USABLE_SHARE = 0.8
"""Of the memory, for tensors: the rest is for interpreters, the data and what kernels scratch."""


class LocalExecutor:
    """One worker per place."""

    host = LOOPBACK

    def __init__(self, places: Sequence[Place]) -> None:
        self._slots = [_Slot(place) for place in places]
        self.settle(places)

    @property
    def slots(self) -> int:
        """Number of workers."""
        return len(self._slots)

    def submit(self, task: Task, done: Callable[[Ending], None]) -> None:
        """Start a task on a free worker."""
        slot = self._free.popleft()

        def finish(future: Future[Outcome]) -> None:
            ending = _ending(future)
            self._free.append(slot)
            done(ending)

        slot.call(worker.work, task, slot.place).add_done_callback(finish)

    def benchmark(self, configs: Sequence[RunConfig], cache: Path, places: Sequence[Place]) -> list[list[float]]:
        """Images per second of each config in each of the places, all places working at the same time."""
        calls = [
            slot.call(worker.benchmark, configs, cache, place) for slot, place in zip(self._slots, places, strict=False)
        ]
        return [call.result() for call in calls]

    def settle(self, places: Sequence[Place]) -> None:
        """Keep a worker for each of the places, and no others."""
        for slot in self._slots[len(places) :]:
            slot.close()
        self._slots = self._slots[: len(places)]
        self._free = deque(self._slots)
        for slot, place in zip(self._slots, places, strict=True):
            slot.place = place
        self.memory = min(_share(place, places) for place in places)

    def close(self) -> None:
        """Kill the workers."""
        for slot in self._slots:
            slot.close()


class _Slot:
    """A worker process and its successors."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._start()

    def _start(self) -> None:
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_initialise)
        self._pid = self._pool.submit(os.getpid)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        try:
            return self._pool.submit(function, *arguments)
        except BrokenProcessPool:  # it died while idle
            self._start()
            return self._pool.submit(function, *arguments)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        with suppress(ProcessLookupError, BrokenProcessPool):
            if self._pid.done():
                os.kill(self._pid.result(), signal.SIGKILL)


def _share(place: Place, places: Sequence[Place]) -> int:
    """Bytes for one of several workers on a device."""
    sharing = sum(other.device == place.device for other in places)
    return int(memory_limit(torch.device(place.device)) * USABLE_SHARE / sharing)


def _initialise() -> None:
    """A worker leaves Ctrl-C and SIGTERM, which go to the whole group, to the driver, and ends when the driver does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    worker.volunteer_for_the_kernel()
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _ending(future: Future[Outcome]) -> Ending:
    try:
        return future.result()
    except BrokenProcessPool:
        return Lost("its worker process died")
    except Exception as error:
        return Failed(error)

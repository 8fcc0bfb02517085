"""Worker processes on this machine, one per slot, each living from task to task and replaced when one ends badly.

One that gives no sign of life for too long is ended, which ends its task like any other death.

A slot is a pool of one process: when a process dies, Python breaks its pool at once, so only the one task is lost.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from ctypes import c_uint64
from functools import partial
from pathlib import Path
from threading import RLock, Thread
from typing import Any, NamedTuple, TypeVar

from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.machine import signs
from hourglass_bench.bench.spawn import SPAWN
from hourglass_bench.studies import benchmark, worker
from hourglass_bench.studies.benchmark import CannotTrainError
from hourglass_bench.studies.channel import LOOPBACK
from hourglass_bench.studies.executors import Ending, Failed, Forecast, Lost
from hourglass_bench.studies.executors.admission import Room
from hourglass_bench.studies.executors.answers import as_forecast, is_healthy, told
from hourglass_bench.studies.executors.silence import LOOK, Silence
from hourglass_bench.studies.worker import Place, Task

DIED = "its worker process died"
HUNG = "its worker gave no sign of life for {:.0f} s and was ended"
FOR_THE_DRIVER = (signal.SIGINT, signal.SIGTERM)
"""Signals that go to the whole group."""
Result = TypeVar("Result")


class _Call(NamedTuple):
    """What waits for a worker."""

    peak: int | None
    """Bytes by which it is admitted; None: it needs a device to itself."""
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    """A place comes after them."""
    done: Callable[[Any], None]


class LocalExecutor:
    """One worker per place, of which as many work at a time as their devices have room for.

    Args:
        rooms: of every device that places name.
        timeout: seconds without a sign of life after which a worker is ended; None: by its own pace.
    """

    host = LOOPBACK

    def __init__(self, places: Sequence[Place], rooms: Mapping[str, Room], timeout: float | None = None) -> None:
        self._rooms = rooms
        self._timeout = timeout
        self._looked = time.monotonic()
        self._waiting: deque[_Call] = deque()
        self._lock = RLock()  # the driver's thread and those on which calls end share what follows
        self._closed = False
        self._slots = [_Slot(place) for place in places]
        self.settle(places)

    @property
    def slots(self) -> int:
        """Number of workers."""
        return len(self._slots)

    def forecast(self, config: RunConfig, ignores: bool, done: Callable[[Forecast], None]) -> None:
        """Predict in a worker. It makes a GPU's context, and is admitted like a trial without tensors."""
        self._enqueue(_Call(0, worker.forecast, (config, ignores), lambda answer: done(as_forecast(answer))))

    def submit(self, task: Task, done: Callable[[Ending], None]) -> None:
        """Start a task on a free worker whose device has room for it, once there is one."""
        self._enqueue(_Call(None if task.alone else task.predicted_peak, worker.work, (task,), done))

    def watch(self) -> dict[str, float]:
        """See `Executor.watch`; forecasts are ended too."""
        now = time.monotonic()
        # What passes while this process is stopped, or waits for a store, says nothing of the workers.
        elapsed, self._looked = min(now - self._looked, 2 * LOOK), now
        for slot in self._slots:
            slot.look(elapsed, self._timeout)
        return {slot.run_id: slot.silence.seconds for slot in self._slots if slot.run_id and slot.is_busy}

    def benchmark(self, config: RunConfig, ignores: bool, cache: Path, places: Sequence[Place]) -> float | str:
        """Images per second that all of the places train together, or why one of them cannot.

        They begin when all are ready, each with an equal share of its device. `ignores` as in `predict_peak_bytes`.
        """
        sharing = Counter(place.device for place in places)
        rooms = {device: self._rooms[device] for device in sharing}
        shares = [_share(place, rooms[place.device], sharing[place.device]) for place in places]
        slots = self._slots[: len(places)]
        self._forget(self._slots)  # none of them is still starting when steps are timed
        try:
            (peak,) = self._in_each(slots[:1], partial(worker.forecast, config, ignores), shares[:1])
            if isinstance(peak, int) and not all(rooms[device].holds(peak, sharing[device]) for device in rooms):
                return benchmark.OUT_OF_MEMORY
            self._in_each(slots, partial(benchmark.get_ready, config, cache), shares)
            speed: float | str = sum(self._in_each(slots, benchmark.time_steps))
        except CannotTrainError as error:
            speed = str(error)
        self._forget(slots)  # not where Ctrl-C comes: they would be waited for
        return speed

    def settle(self, places: Sequence[Place]) -> None:
        """Keep a worker for each of the places, and no others."""
        for slot in self._slots[len(places) :]:
            slot.close()
        self._slots = self._slots[: len(places)]
        self._free = deque(self._slots)
        for slot, place in zip(self._slots, places, strict=True):
            slot.place = place
        self.memory = min(self._rooms[place.device].largest_peak for place in places)

    def close(self) -> None:
        """Kill the workers."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
        for slot in self._slots:  # without the lock: a pool that breaks holds its own while it calls `_finish`
            slot.close()

    def _enqueue(self, call: _Call) -> None:
        with self._lock:
            self._waiting.append(call)
            self._start_waiting()

    def _start_waiting(self) -> None:
        """First come, first served: nothing overtakes a large trial that waits for room, or it might wait forever."""
        while self._waiting and (slot := self._admit(self._waiting[0].peak)):
            self._free.remove(slot)
            call, place = self._waiting.popleft(), slot.place._replace(memory=self._room(slot).limit(slot.grant))
            slot.call(call.function, *call.arguments, place).add_done_callback(partial(self._finish, slot, call.done))

    def _admit(self, peak: int | None) -> "_Slot | None":
        """A free worker to which memory is granted. If only idle ones are in the way, they are renewed first."""
        in_the_way: list[_Slot] = []
        for slot in self._free:
            room, others = self._room(slot), self._neighbours(slot)
            grant, running = room.grant(peak, 1 + len(others)), [other.grant for other in others]
            idle = [other for other in others if other in self._free and other.used]
            if room.fits(grant, running, len(idle)):
                slot.grant = grant
                return slot
            if room.fits(grant, running):
                in_the_way = in_the_way or idle
        for other in in_the_way:
            self._free.remove(other)
            other.grant = self._room(other).held
            self._renew(other)
        return None

    def _room(self, slot: "_Slot") -> Room:
        return self._rooms[slot.place.device]

    def _neighbours(self, slot: "_Slot") -> list["_Slot"]:
        """The other workers of its device."""
        return [other for other in self._slots if other is not slot and other.place.device == slot.place.device]

    def _finish(self, slot: "_Slot", done: Callable[[Any], None], future: Future[Any]) -> None:
        answer = _answer(future, slot.death, alone=self._room(slot).limit(slot.grant) is None)
        with self._lock:
            if is_healthy(answer):
                self._release(slot)
            else:
                self._renew(slot)
        done(answer)

    def _release(self, slot: "_Slot") -> None:
        slot.grant = 0
        self._free.append(slot)
        self._start_waiting()

    def _renew(self, slot: "_Slot") -> None:
        """Give the worker a new process. Its grant counts until the old one has ended and all of its memory is free."""
        if pool := slot.kill():
            Thread(target=self._replace, args=(slot, pool), daemon=True).start()

    def _replace(self, slot: "_Slot", pool: ProcessPoolExecutor) -> None:
        pool.shutdown()
        with self._lock:
            if not self._closed:
                slot.start()
                self._release(slot)

    def _forget(self, slots: Sequence["_Slot"]) -> None:
        """See `benchmark.forget`; a process that has died has forgotten too."""
        with suppress(CannotTrainError):
            self._in_each(slots, benchmark.forget)

    def _in_each(
        self, slots: Sequence["_Slot"], function: Callable[..., Result], *arguments: Sequence[Any]
    ) -> list[Result]:
        """What a function returns in each of the workers, given its one of each of the arguments.

        Waits for all; who fails gets a new process.

        Raises:
            CannotTrainError: one failed, died or hung.
        """
        calls = [slot.call(function, *given) for slot, *given in zip(slots, *arguments, strict=True)]
        while wait(calls, LOOK).not_done:
            self.watch()
        errors = [call.exception() for call in calls]
        reasons = [
            slot.death if isinstance(error, BrokenProcessPool) else str(error)
            for slot, error in zip(slots, errors, strict=True)
            if error
        ]
        for slot, error in zip(slots, errors, strict=True):
            if error:
                slot.renew()
        for reason in reasons:
            raise CannotTrainError(reason)
        return [call.result() for call in calls]


class _Slot:
    """A worker process and its successors."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.grant = 0
        """Bytes of its device; 0 while it is idle."""
        self._signs: c_uint64 = SPAWN.RawValue(c_uint64)
        self.start()

    def start(self) -> None:
        """A process, which holds nothing of the device yet."""
        self.used = False
        self.death = DIED
        """Why, if the process is found dead."""
        self._signs.value = 0
        self._pool: ProcessPoolExecutor | None
        self._pool = ProcessPoolExecutor(1, SPAWN, initializer=_initialise, initargs=(self._signs,))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_DRIVER)  # which a process inherits as it starts
        try:
            self._begin(self._pool.submit(os.getpid))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function in the process."""
        assert self._pool is not None
        self.used = True
        try:
            return self._begin(self._pool.submit(function, *arguments), *arguments)
        except BrokenProcessPool:  # it died while idle
            self.start()
            return self.call(function, *arguments)

    def _begin(self, call: Future[Any], *arguments: Any) -> Future[Any]:
        self._call, self.silence = call, Silence(self._signs.value)
        self.run_id = next((one.run_id for one in arguments if isinstance(one, Task)), "")
        return call

    @property
    def is_busy(self) -> bool:
        """Whether a call has not ended."""
        return not self._call.done()

    def look(self, elapsed: float, timeout: float | None) -> None:
        """End the process if it hangs; so many seconds have passed since the last look."""
        if self.is_busy:
            self.silence.look(self._signs.value, elapsed)
            if self.silence.is_too_long(timeout):
                self.death = HUNG.format(self.silence.seconds)
                _kill(self._pool)

    def kill(self) -> ProcessPoolExecutor | None:
        """End the process: -> its pool, which is still to be shut down, or None if it has been killed before."""
        pool, self._pool = self._pool, None
        _kill(pool)
        return pool

    def renew(self) -> None:
        """A new process, once all memory of the old one is free."""
        if pool := self.kill():
            pool.shutdown()
        self.start()

    def close(self) -> None:
        """End the process, and wait for nothing."""
        if pool := self.kill():
            pool.shutdown(wait=False, cancel_futures=True)


def _share(place: Place, room: Room, workers: int) -> Place:
    """An equal one of a place's device."""
    return place._replace(memory=room.limit(room.capacity // workers))


def _kill(pool: ProcessPoolExecutor | None) -> None:
    """End a pool's process, which may be stopped or still starting."""
    for process in list(((pool and pool._processes) or {}).values()):
        process.kill()


def _initialise(count: c_uint64) -> None:
    """A worker leaves Ctrl-C, SIGTERM and stdout to the driver, whose answer is alone there, and ends when it does.

    Args:
        count: where it gives signs of life.
    """
    signs.share(count)
    sys.stdout = sys.stderr
    for number in FOR_THE_DRIVER:
        signal.signal(number, signal.SIG_IGN)
    worker.volunteer_for_the_kernel()
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _answer(future: Future[Any], death: str, *, alone: bool) -> Any:
    """What a worker returned, or how it did not."""
    try:
        return told(future.result(), alone=alone)
    except BrokenProcessPool:
        return Lost(death)
    except Exception as error:
        return Failed(error)

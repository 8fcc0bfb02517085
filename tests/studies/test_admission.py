"""Which trials run beside each other: grants, first come first served, and that workers do not decide what fits."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any

import pytest

from hourglass_bench.bench.config import RunConfig
from hourglass_bench.studies.channel import Address
from hourglass_bench.studies.executors import Crowded, Ending, local
from hourglass_bench.studies.executors.admission import BASELINE, MARGIN, USABLE_SHARE, Room
from hourglass_bench.studies.executors.local import LocalExecutor
from hourglass_bench.studies.worker import Outcome, Place, Task

GIB = 2**30
COMPLETE, FULL = Outcome("complete", "", {}), Outcome("out_of_memory", "RuntimeError: CUDA error: out of memory", {})


def test_what_fits_alone_does_not_depend_on_the_workers() -> None:
    """What is larger than the margins allow runs alone, and is held to nothing."""
    room = Room.of(100 * GIB, data=4 * GIB, device="cuda")
    assert room.capacity == int(100 * GIB * USABLE_SHARE)
    assert room.largest_peak == room.capacity - 4 * GIB
    cautious = int((room.capacity - BASELINE - 4 * GIB) / MARGIN)
    for workers in (1, 2, 4, 8):
        assert room.need(cautious) <= room.grant(cautious, workers) <= room.capacity < room.need(cautious + 2)
        assert room.grant(None, workers) == room.grant(room.largest_peak, workers) == room.capacity
    assert room.limit(room.capacity) is None
    assert room.limit(room.capacity - 1) == room.capacity - 1


@pytest.mark.parametrize(("free", "beside"), [(100 * 2**20, False), (700 * 2**20, False), (3 * 2**29, True)])
def test_a_small_machine_is_not_refused(free: int, beside: bool) -> None:
    """One may have less than a worker usually takes: its trials run one by one, as long as their tensors have room."""
    room = Room.of(free, data=0, device="cpu")
    assert room.largest_peak == int(USABLE_SHARE * free)
    grant = room.grant(30 * 2**20, 2)
    assert room.fits(grant, [])
    assert room.fits(grant, [grant]) == beside
    assert not Room.of(0, data=0, device="cpu").holds(1, 1)


def test_a_worker_on_the_cpu_takes_less_than_one_with_a_gpu() -> None:
    """Of four cores none is idle for want of 3 GiB."""
    assert Room.of(3 * GIB, 0, "cpu").holds(30 * 2**20, 4)
    assert not Room.of(3 * GIB, 0, "cuda").holds(30 * 2**20, 4)


def test_small_trials_share_equally_and_larger_ones_get_what_they_need() -> None:
    room = Room(80 * GIB, data=GIB)
    assert [room.grant(0, workers) for workers in (1, 2, 4)] == [80 * GIB, 40 * GIB, 20 * GIB]
    assert room.grant(24 * GIB, 4) == 32 * GIB  # with a margin, the data and the process itself
    assert room.grant(0, 100) == 2 * GIB
    quarter = int((20 - 2) * GIB / MARGIN)
    assert room.holds(quarter, 4)
    assert not room.holds(quarter + 1, 4)
    assert room.holds(room.largest_peak, 1)
    assert not room.holds(room.largest_peak + 1, 1)


def test_idle_workers_hold_what_trials_left_behind() -> None:
    room = Room(10 * GIB, data=GIB)
    assert room.fits(4 * GIB, [6 * GIB])
    assert not room.fits(4 * GIB, [6 * GIB + 1])
    assert room.fits(4 * GIB, [2 * GIB], idle=2)
    assert not room.fits(4 * GIB, [2 * GIB], idle=3)


def test_nothing_fits_where_there_is_nothing() -> None:
    assert Room(GIB // 2, data=GIB).largest_peak == 0


class FakeSlot(local._Slot):
    """A worker without a process: what it is given waits until a test ends it."""

    def start(self) -> None:
        self.used, self._pool, self.death = False, None, "died"
        self.starts = getattr(self, "starts", 0) + 1

    def call(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        self.used = True
        self.task, self.given = arguments[0], arguments[-1].memory
        self.future: Future[Any] = Future()
        return self.future

    def kill(self) -> Any:
        return type("Pool", (), {"shutdown": lambda *_, **__: None})()


class Trials:
    """An executor whose trials end when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, config: RunConfig, places: list[Place], room: Room) -> None:
        monkeypatch.setattr(local, "_Slot", FakeSlot)
        monkeypatch.setattr(local, "Thread", Immediately)
        self.executor = LocalExecutor(places, {place.device: room for place in places})
        self.endings: dict[str, Ending] = {}
        self._config = config

    def submit(self, name: str, peak: int | None, *, alone: bool = False) -> None:
        nowhere = Address("", 0, b"")
        task = Task(self._config, name, "", None, None, False, peak, nowhere, False, alone)  # type: ignore[arg-type]
        self.executor.submit(task, lambda ending: self.endings.update({name: ending}))

    def slot(self, name: str) -> FakeSlot:
        (slot,) = (slot for slot in self.executor._slots if slot.grant and slot.task.run_id == name)
        return slot

    def end(self, name: str, outcome: Outcome = COMPLETE) -> None:
        self.slot(name).future.set_result(outcome)

    @property
    def running(self) -> set[str]:
        return {slot.task.run_id for slot in self.executor._slots if slot.grant}


class Immediately:
    """A thread that has ended when it starts."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...] = (), daemon: bool = True) -> None:
        self.start = lambda: target(*args)


MakeTrials = Callable[..., Trials]


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tiny_config: Callable[..., RunConfig]) -> MakeTrials:
    """Function that makes an executor of so many workers on each device with a capacity of 20 GiB."""

    def make(workers: int, devices: tuple[str, ...] = ("cuda:0",)) -> Trials:
        places = [Place(device, 1) for device in devices for _ in range(workers)]
        return Trials(monkeypatch, tiny_config(), places, Room(20 * GIB))

    return make


def test_a_large_trial_waits_for_room_and_is_not_overtaken(trials: MakeTrials) -> None:
    """Small ones that came later and would have room wait behind it, so that it cannot wait forever."""
    four = trials(4)
    for name in "ab":
        four.submit(name, 0)
    four.submit("large", 12 * GIB)  # needs 16
    four.submit("late", 0)
    assert four.running == {"a", "b"}
    four.end("a")
    assert four.running == {"b"}
    four.end("b")
    assert four.running == {"large"}
    assert four.slot("large").given == 16 * GIB
    four.end("large")
    assert four.running == {"late"}
    assert four.slot("late").given == 5 * GIB


def test_trials_of_which_several_fit_run_together(trials: MakeTrials) -> None:
    four = trials(4)
    for name, gib in (("a", 5), ("b", 5), ("c", 0)):  # they are granted 7.25, 7.25 and 5 GiB
        four.submit(name, gib * GIB)
    assert four.running == {"a", "b", "c"}
    four.submit("d", 0)
    assert four.running == {"a", "b", "c"}
    four.end("b")
    assert four.running == {"a", "c", "d"}


@pytest.mark.parametrize("peak", [None, 0])
def test_without_a_prediction_and_when_told_so_a_trial_runs_alone(trials: MakeTrials, peak: int | None) -> None:
    two = trials(2)
    two.submit("small", 0)
    two.submit("alone", peak, alone=peak is not None)
    two.submit("next", 0)
    assert two.running == {"small"}
    two.end("small")
    assert two.running == {"alone"}
    assert two.slot("alone").given is None, "held to nothing"
    two.end("alone")
    assert two.running == {"next"}


def test_a_trial_takes_a_free_worker_of_a_device_with_room(trials: MakeTrials) -> None:
    pair = trials(2, ("cuda:0", "cuda:1"))
    for name in ("large", "larger"):
        pair.submit(name, 14 * GIB)
    assert {pair.slot(name).place.device for name in pair.running} == {"cuda:0", "cuda:1"}
    pair.submit("small", 0)
    assert pair.running == {"large", "larger"}


@pytest.mark.parametrize("workers", [1, 2])
def test_out_of_memory_is_a_result_only_of_a_trial_that_was_alone(trials: MakeTrials, workers: int) -> None:
    some = trials(workers)
    some.submit("a", 0)
    some.end("a", FULL)
    assert some.endings["a"] == (FULL if workers == 1 else Crowded(FULL.reason))
    some.submit("again", 0, alone=True)
    some.end("again", FULL)
    assert some.endings["again"] == FULL
    assert [slot.starts for slot in some.executor._slots][0] >= 2, "memory may be left over: a new process"


def test_a_failed_trial_costs_its_process_and_a_good_one_does_not(trials: MakeTrials) -> None:
    one = trials(1)
    for state, starts in (("complete", 1), ("pruned", 1), ("diverged", 1), ("failed", 2), ("out_of_memory", 3)):
        one.submit(state, 0)
        one.end(state, Outcome(state, "", {}))  # type: ignore[arg-type]
        assert one.executor._slots[0].starts == starts


def test_idle_workers_give_back_what_a_large_trial_needs(trials: MakeTrials) -> None:
    """They hold a context and the data; a small trial has room beside that."""
    two = trials(2)
    for name in "ab":
        two.submit(name, 0)
    for name in "ab":
        two.end(name)
    two.submit("small", 0)
    assert [slot.starts for slot in two.executor._slots] == [1, 1]
    two.end("small")
    two.submit("large", 15 * GIB)  # 19.75 GiB
    assert two.running == {"large"}
    other = next(slot for slot in two.executor._slots if not slot.grant)
    assert (other.starts, other.used) == (2, False)
    assert two.slot("large").starts == 1


def test_a_worker_that_has_room_outright_is_taken_before_idle_ones_are_renewed(trials: MakeTrials) -> None:
    """Of more workers than have room some wait, and none is renewed for a small trial that another could take."""
    many = trials(30)  # of 1 GiB each, 20 fit
    names = [str(number) for number in range(30)]
    for name in names:
        many.submit(name, 0)
    assert len(many.running) == 20
    for name in names[:10]:
        many.end(name)
        assert len(many.running) == 20
    assert {slot.starts for slot in many.executor._slots} == {1}


def test_another_device_is_taken_before_idle_workers_are_renewed(trials: MakeTrials) -> None:
    pair = trials(2, ("cuda:0", "cuda:1"))
    for name in "abcd":
        pair.submit(name, 0)
    for name, state in (("a", "complete"), ("b", "complete"), ("c", "failed"), ("d", "failed")):
        pair.end(name, Outcome(state, "", {}))  # type: ignore[arg-type]
    before = [slot.starts for slot in pair.executor._slots]
    pair.submit("large", None)
    assert pair.slot("large").place.device == "cuda:1"
    assert [slot.starts for slot in pair.executor._slots] == before


def test_closing_holds_nothing_for_which_a_worker_that_ends_meanwhile_waits(trials: MakeTrials) -> None:
    """From Python 3.12 on a pool that breaks holds its lock, which shutting it down asks for, while it tells so."""
    one = trials(1)
    one.submit("a", 0)
    told = Thread(target=one.end, args=("a",), daemon=True)

    def close() -> None:
        told.start()
        told.join(5)

    one.slot("a").close = close  # type: ignore[method-assign]
    one.executor.close()
    assert not told.is_alive()
    assert one.endings["a"] == COMPLETE

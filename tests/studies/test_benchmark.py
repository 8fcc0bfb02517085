"""Workers measured beside each other: they wait for each other, and what one cannot train is a result."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.training.autotune import Tuned
from hourglass_bench.bench.training.execution import Execution
from hourglass_bench.bench.training.setup import Setup
from hourglass_bench.bench.training.trainer import Trainer
from hourglass_bench.studies import benchmark
from hourglass_bench.studies.benchmark import OUT_OF_MEMORY, CannotTrainError
from hourglass_bench.studies.executors import local
from hourglass_bench.studies.executors.admission import MARGIN, Room
from hourglass_bench.studies.executors.local import LocalExecutor
from hourglass_bench.studies.worker import Place

NewConfig = Callable[..., RunConfig]
ROOM = Room(2**33)
PLACES = [Place("cpu", 1)] * 2


class FakeSlot:
    """A worker on a thread of this process. What it is called with is what it does."""

    run_id, death = "", local.DIED

    def __init__(self, place: Place) -> None:
        self.place = place
        self.renewals = 0
        self._thread = ThreadPoolExecutor(1)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        function, given = (function.func, function.args) if isinstance(function, partial) else (function, ())
        return self._thread.submit(getattr(self, function.__name__), *given, *arguments)

    def renew(self) -> None:
        self.renewals += 1

    def look(self, *_: float) -> None:
        pass

    def close(self) -> None:
        self._thread.shutdown()


class Diary:
    """What each of several workers did, in order; `acts` replaces what the one of that number does."""

    def __init__(self, peak: int = 1) -> None:
        self.entries: list[tuple[int, str]] = []
        self.given: dict[str, list[tuple[Any, ...]]] = {}
        """Arguments by what is done."""
        self.acts: dict[tuple[int, str], Callable[[], Any]] = {}
        self.results = {"forecast": peak, "time_steps": 10.0}

    def act(self, worker: int, name: str, *given: Any) -> Any:
        self.given.setdefault(name, []).append(given)
        result = self.acts.get((worker, name), lambda: self.results.get(name))()
        self.entries.append((worker, name))
        return result

    def done(self) -> list[str]:
        """Without who did it."""
        return [name for _, name in self.entries]


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def executor(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalExecutor]:
    """Of three workers, of which two are measured."""

    class Slot(FakeSlot):
        count = 0

        def __init__(self, place: Place) -> None:
            super().__init__(place)
            for name in ("forget", "forecast", "get_ready", "time_steps"):
                setattr(self, name, partial(diary.act, Slot.count, name))
            Slot.count += 1

    monkeypatch.setattr(local, "_Slot", Slot)
    executor = LocalExecutor([*PLACES, PLACES[0]], {"cpu": ROOM})
    yield executor
    executor.close()


def fail(error: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


def renewals(executor: LocalExecutor) -> list[int]:
    slots: Sequence[Any] = executor._slots
    return [slot.renewals for slot in slots]


def speed(executor: LocalExecutor, config: RunConfig) -> float | str:
    return executor.benchmark(config, False, Path(), PLACES)


@pytest.mark.parametrize("slow", ["get_ready", "time_steps"])
def test_all_workers_wait_for_the_slowest(
    slow: str, executor: LocalExecutor, diary: Diary, tiny_config: NewConfig
) -> None:
    diary.acts[0, slow] = lambda: time.sleep(0.1) or diary.results.get(slow)
    assert speed(executor, tiny_config()) == 20
    expected = [*["forget"] * 3, "forecast", *["get_ready"] * 2, *["time_steps"] * 2, *["forget"] * 2]
    assert diary.done() == expected
    assert renewals(executor) == [0, 0, 0]


def test_each_gets_an_equal_share_of_the_memory(executor: LocalExecutor, diary: Diary, tiny_config: NewConfig) -> None:
    config, share = tiny_config(), Place("cpu", 1, ROOM.capacity // 2)
    speed(executor, config)
    assert diary.given["get_ready"] == [(config, Path(), share)] * 2
    diary.given.clear()
    executor.benchmark(config, False, Path(), PLACES[:1])
    assert diary.given["get_ready"] == [(config, Path(), PLACES[0])], "one that is alone is held to nothing"


def test_what_is_predicted_not_to_fit_as_often_is_not_tried(
    executor: LocalExecutor, diary: Diary, tiny_config: NewConfig
) -> None:
    half = int((ROOM.capacity // 2 - ROOM.held) / MARGIN)
    diary.results["forecast"] = half
    assert speed(executor, tiny_config()) == 20
    assert diary.given["forecast"] == [(tiny_config(), False, Place("cpu", 1, ROOM.capacity // 2))]
    diary.entries.clear()
    diary.results["forecast"] = half + 1
    assert speed(executor, tiny_config()) == OUT_OF_MEMORY
    assert "get_ready" not in diary.done()
    assert renewals(executor) == [0, 0, 0]


@pytest.mark.parametrize("when", ["get_ready", "time_steps"])
@pytest.mark.parametrize(
    ("error", "result"),
    [
        (CannotTrainError(OUT_OF_MEMORY), "out of memory"),
        (CannotTrainError("RuntimeError: no"), "RuntimeError: no"),
        (BrokenProcessPool("terminated abruptly"), "its worker process died"),
    ],
)
def test_what_a_worker_cannot_train_is_a_result_and_the_worker_is_renewed(
    when: str, error: BaseException, result: str, executor: LocalExecutor, diary: Diary, tiny_config: NewConfig
) -> None:
    diary.acts[1, when] = fail(error)
    assert speed(executor, tiny_config()) == result
    assert renewals(executor) == [0, 1, 0]
    assert diary.entries[-2:] == [(0, "forget"), (1, "forget")] or diary.entries[-2:] == [(1, "forget"), (0, "forget")]
    if when == "get_ready":
        assert "time_steps" not in diary.done()
    diary.acts.clear()
    assert speed(executor, tiny_config()) == 20


@pytest.mark.parametrize("when", ["first", "last"])
def test_a_process_that_dies_between_two_measurements_is_none(
    when: str, executor: LocalExecutor, diary: Diary, tiny_config: NewConfig
) -> None:
    def die() -> None:
        assert (when == "first") == ("time_steps" not in diary.done())
        raise BrokenProcessPool("terminated abruptly")

    if when == "first":
        diary.acts[1, "forget"] = lambda: diary.acts.clear() or die()
    else:
        diary.acts[1, "time_steps"] = lambda: diary.acts.update({(1, "forget"): die}) or 10.0
    assert speed(executor, tiny_config()) == 20
    assert renewals(executor) == [0, 1, 0]


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_waits_for_no_worker(executor: LocalExecutor, diary: Diary, tiny_config: NewConfig) -> None:
    """Getting ready can take a minute."""
    end = threading.Event()

    def interrupt() -> None:
        main = threading.main_thread().ident or 0
        while sys._current_frames()[main].f_code.co_filename != threading.__file__:
            time.sleep(0.05)
        time.sleep(0.3)  # a signal that comes just before one waits is noticed after it
        signal.pthread_kill(main, signal.SIGINT)
        end.wait(5)

    diary.acts[0, "get_ready"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        speed(executor, tiny_config())
    assert (0, "get_ready") not in diary.entries
    end.set()


def test_a_process_that_dies_is_a_result(tmp_path: Path, tiny_config: NewConfig) -> None:
    """Real processes: the executor goes on with new ones."""
    executor = LocalExecutor([Place("cpu", 1)], {"cpu": ROOM})
    with pytest.raises(CannotTrainError, match="its worker process died"):
        executor._in_each(executor._slots, os._exit, [1])
    rate = executor.benchmark(tiny_config(), False, tmp_path, [Place("cpu", 1)])
    assert isinstance(rate, float)
    assert rate > 0
    executor.close()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Sizes of the batches that were trained, each of which takes a hundredth of a second."""
    sizes: list[int] = []
    step = Trainer.step

    def counted(self: Trainer, images: torch.Tensor, *others: Any) -> torch.Tensor:
        sizes.append(len(images))
        return step(self, images, *others)

    class Watch:
        def __init__(self, _: torch.device) -> None:
            self.start = len(sizes)

        def seconds(self) -> float:
            return (len(sizes) - self.start) / 100

    monkeypatch.setattr(Trainer, "step", counted)
    monkeypatch.setattr(benchmark, "Stopwatch", Watch)
    yield sizes
    benchmark.forget()


def test_the_rate_is_of_whole_batches_of_training_frames(
    steps: list[int], tmp_path: Path, tiny_config: NewConfig
) -> None:
    benchmark.get_ready(tiny_config(), tmp_path, Place("cpu", 1))
    warm_up = len(steps)
    assert warm_up == 1
    assert benchmark.time_steps() == pytest.approx(400)
    assert set(steps) == {4}
    assert 100 <= len(steps) - warm_up < 120
    benchmark.forget()
    assert benchmark._ready == []


def test_steps_are_those_of_the_tuned_trainer_after_its_capture(
    steps: list[int], tmp_path: Path, tiny_config: NewConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a run trains: with what the autotune chooses, if the training is long enough to ask it."""
    tuned: list[Trainer] = []

    def tune(_config: RunConfig, setup: Setup, _cache: Path, _device: torch.device) -> Tuned:
        setup.trainer.execution = Execution(graph=True)
        tuned.append(setup.trainer)
        return Tuned(setup, {})

    monkeypatch.setattr(benchmark, "tune", tune)
    monkeypatch.setattr(benchmark, "is_worth_tuning", lambda *_: True)
    benchmark.get_ready(tiny_config(), tmp_path, Place("cpu", 1))
    assert [ready.trainer for ready in benchmark._ready] == tuned
    assert len(steps) == benchmark.EAGER_CALLS + 1


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "^out of memory$"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "^out of memory$"),
        (
            RuntimeError("CUDA error: device-side assert triggered\nand more"),
            "^RuntimeError: CUDA error: device-side a",
        ),
    ],
)
def test_errors_become_texts_that_reach_the_driver(
    error: BaseException, result: str, tmp_path: Path, tiny_config: NewConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "prepare", lambda *_: fail(error)())
    with pytest.raises(CannotTrainError, match=result):
        benchmark.get_ready(tiny_config(), tmp_path, Place("cpu", 1))
    trainer = SimpleNamespace(device=torch.device("cpu"))
    monkeypatch.setattr(benchmark, "_ready", [SimpleNamespace(trainer=trainer)])
    monkeypatch.setattr(benchmark, "_train", lambda *_: fail(error)())
    with pytest.raises(CannotTrainError, match=result):
        benchmark.time_steps()

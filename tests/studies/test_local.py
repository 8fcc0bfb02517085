"""Worker processes on this machine: what their death costs, and that they end with the executor."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from unittest.mock import Mock

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.studies.channel import Channel, Epoch, reporter
from hourglass_bench.studies.executors import Ending, Lost
from hourglass_bench.studies.executors.admission import Room
from hourglass_bench.studies.executors.local import LocalExecutor
from hourglass_bench.studies.worker import Outcome, Place, Task
from tests.studies.conftest import make_task
from tests.studies.storm import command, wait

SECONDS = 60
ROOMS = {"cpu": Room(2**33)}
NewTask = Callable[..., Task]


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    executor = LocalExecutor([Place("cpu", 1)], ROOMS)
    yield executor
    executor.close()


def process(executor: LocalExecutor) -> int:
    """Of the only worker."""
    identity: int = executor._slots[0].call(os.getpid).result(SECONDS)
    return identity


def wait_for_end(identity: int) -> None:
    wait(lambda: not command(identity), "the worker ends")


@pytest.fixture
def new_task(tmp_path: Path, tiny_config: Callable[..., RunConfig]) -> NewTask:
    return lambda **changes: make_task(tiny_config(**changes), tmp_path)


def ending_of(executor: LocalExecutor, task: Task) -> Ending:
    endings: SimpleQueue[Ending] = SimpleQueue()
    executor.submit(task, endings.put)
    return endings.get(timeout=SECONDS)


def test_a_worker_lives_from_task_to_task(executor: LocalExecutor, new_task: NewTask) -> None:
    before = process(executor)
    for repeat in (0, 1):
        ending = ending_of(executor, new_task(repeat=repeat))
        assert isinstance(ending, Outcome)
        assert ending.state == "complete"
        assert 0 <= ending.metrics[schema.TEST_IOU.name] <= 1
    assert process(executor) == before


def test_what_a_network_prints_in_a_worker_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    executor = LocalExecutor([Place("cpu", 1)], ROOMS)
    executor._slots[0].call(partial(print, "hello", flush=True)).result(SECONDS)
    executor.close()
    assert capfd.readouterr().out == ""


def test_an_exception_is_the_outcome_and_costs_the_process(executor: LocalExecutor, new_task: NewTask) -> None:
    before = process(executor)
    ending = ending_of(executor, new_task()._replace(run_id="nothing"))
    assert ending == Outcome("failed", "MlflowException: Run with id=nothing not found", {})
    wait(lambda: bool(executor._free), "the worker is renewed")
    assert process(executor) != before
    assert not command(before)


def test_a_killed_worker_loses_its_task_and_is_replaced(executor: LocalExecutor, new_task: NewTask) -> None:
    """Also one that is killed while it waits for work."""
    for idle in (False, True):
        victim = process(executor)
        if idle:
            os.kill(victim, signal.SIGKILL)
            wait_for_end(victim)
        else:
            endings: SimpleQueue[Ending] = SimpleQueue()
            silent = Channel(lambda _: None)  # the trial waits for an answer that does not come
            executor.submit(new_task()._replace(reports=silent.address), endings.put)
            time.sleep(0.5)
            os.kill(victim, signal.SIGKILL)
            assert endings.get(timeout=SECONDS) == Lost("its worker process died")
            silent.close()
        wait(lambda: bool(executor._free), "the worker is renewed")
        ending = ending_of(executor, new_task())
        assert isinstance(ending, Outcome | Lost)
        assert isinstance(ending_of(executor, new_task()), Outcome)
        assert process(executor) != victim


def test_ctrl_c_and_sigterm_are_the_drivers_to_answer(executor: LocalExecutor) -> None:
    worker = process(executor)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(worker, number)
    assert process(executor) == worker


def test_so_they_are_while_a_worker_starts() -> None:
    """Or it would end with a traceback where somebody stops a study early, or while workers are renewed."""
    executor = LocalExecutor([Place("cpu", 1)], ROOMS)
    pool = executor._slots[0]._pool
    assert pool
    (starting,) = pool._processes
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(starting, number)
    assert process(executor) == starting
    executor.close()


def test_closing_kills_what_runs() -> None:
    executor = LocalExecutor([Place("cpu", 1)], ROOMS)
    worker = process(executor)
    executor._slots[0].call(time.sleep, SECONDS)
    executor.close()
    wait_for_end(worker)


RECORD = EpochRecord(1, 1, {schema.VAL_LOSS.name: 1, schema.VAL_IOU.name: 0.5}, 1e-3, 0.1)


def test_a_report_is_answered_by_the_driver(tmp_path: Path) -> None:
    """Reasons to stop travel back to the trial; a stranger without the key gets no answer."""
    reports: list[Epoch] = []

    def receive(epoch: Epoch) -> None:
        reports.append(epoch)
        epoch.answer("enough" if epoch.record.epoch == 2 else None)

    channel = Channel(receive)
    with pytest.raises(AuthenticationError, match="digest sent was rejected"):
        Client((channel.address.host, channel.address.port), authkey=b"guess")
    with reporter(channel.address, "run", waits=True) as report:
        assert report(RECORD) is None
        assert report(RECORD._replace(epoch=2)) == "enough"
    channel.close()
    assert [(epoch.run_id, epoch.record.epoch) for epoch in reports] == [("run", 1), ("run", 2)]


def test_a_trial_that_cannot_be_stopped_waits_for_no_answer() -> None:
    reports: SimpleQueue[Epoch] = SimpleQueue()  # nobody answers
    channel = Channel(reports.put)
    with reporter(channel.address, "run", waits=False) as report:
        assert [report(RECORD._replace(epoch=epoch)) for epoch in (1, 2, 3)] == [None] * 3
        assert [reports.get(timeout=SECONDS).record.epoch for _ in range(3)] == [1, 2, 3]
    channel.close()


class GoneError(Exception):
    """Where a process would end."""


@pytest.mark.parametrize("waits", [True, False])
def test_a_trial_whose_driver_is_gone_ends_at_its_next_epoch(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    monkeypatch.setattr(os, "_exit", Mock(side_effect=GoneError))
    closed = Event()

    def die(epoch: Epoch) -> None:
        epoch.answer.args[0].close()  # type: ignore[attr-defined]
        closed.set()

    channel = Channel(die)
    with reporter(channel.address, "run", waits=waits) as report:
        if not waits:
            assert report(RECORD) is None
            assert closed.wait(SECONDS)
        with pytest.raises(GoneError):
            report(RECORD)
    channel.close()

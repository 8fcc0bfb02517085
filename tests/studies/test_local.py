"""Worker processes on this machine: what their death costs, and that they end with the executor."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from queue import SimpleQueue

import pytest

from bench import schema
from bench.config import RunConfig
from bench.training.train import EpochRecord
from studies.channel import Channel, Epoch, reporter
from studies.executors import Ending, Failed, Lost
from studies.executors.local import LocalExecutor
from studies.worker import Outcome, Place, Task
from tests.studies.conftest import make_task
from tests.studies.storm import command, wait

SECONDS = 60
NewTask = Callable[..., Task]


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    executor = LocalExecutor([Place("cpu", 1)])
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


def test_an_exception_costs_the_task_and_not_the_worker(executor: LocalExecutor, new_task: NewTask) -> None:
    before = process(executor)
    ending = ending_of(executor, new_task()._replace(run_id="nothing"))
    assert isinstance(ending, Failed)
    assert "nothing" in str(ending.error)
    assert process(executor) == before


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
        ending = ending_of(executor, new_task())
        assert isinstance(ending, Outcome | Lost)
        assert isinstance(ending_of(executor, new_task()), Outcome)
        assert process(executor) != victim


def test_ctrl_c_and_sigterm_are_the_drivers_to_answer(executor: LocalExecutor) -> None:
    worker = process(executor)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(worker, number)
    assert process(executor) == worker


def test_closing_kills_what_runs() -> None:
    executor = LocalExecutor([Place("cpu", 1)])
    worker = process(executor)
    executor._slots[0].call(time.sleep, SECONDS)
    executor.close()
    wait_for_end(worker)


def test_a_report_is_answered_by_the_driver(tmp_path: Path) -> None:
    """Reasons to stop travel back to the trial; a stranger without the key gets no answer."""
    reports: list[Epoch] = []

    def receive(epoch: Epoch) -> None:
        reports.append(epoch)
        epoch.answer("enough" if epoch.record.epoch == 2 else None)

    channel = Channel(receive)
    with pytest.raises(AuthenticationError, match="digest sent was rejected"):
        Client((channel.address.host, channel.address.port), authkey=b"guess")
    record = EpochRecord(1, 1, {schema.VAL_LOSS.name: 1, schema.VAL_IOU.name: 0.5}, 1e-3, 0.1)
    with reporter(channel.address, "run") as report:
        assert report(record) is None
        assert report(record._replace(epoch=2)) == "enough"
    channel.close()
    assert [(epoch.run_id, epoch.record.epoch) for epoch in reports] == [("run", 1), ("run", 2)]

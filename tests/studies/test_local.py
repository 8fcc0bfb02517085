"""Worker processes on this machine: what their death costs, and that they end with the executor."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from bench import schema
from bench.config import RunConfig
from bench.tracking.store import RunLog, get_experiment, open_store, tracking_url
from studies.channel import Channel, Epoch
from studies.executors import Ending, Failed, Lost
from studies.executors.local import LocalExecutor
from studies.worker import Outcome, Place, Task

SECONDS = 60


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    executor = LocalExecutor([Place("cpu", 1)])
    yield executor
    executor.close()


def process(executor: LocalExecutor) -> int:
    """Of the only worker."""
    identity: int = executor._slots[0].call(os.getpid).result(SECONDS)
    return identity


def is_alive(identity: int) -> bool:
    stat = Path(f"/proc/{identity}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end(identity: int) -> None:
    deadline = time.monotonic() + SECONDS
    while is_alive(identity):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def make_task(tmp_path: Path, tiny_config: Callable[..., RunConfig]) -> Iterator[Callable[..., Task]]:
    client = open_store(tracking_url(tmp_path))
    experiment = get_experiment(client, "x", tmp_path)
    channel = Channel(lambda epoch: epoch.answer(None))

    def make(**changes: object) -> Task:
        return Task(
            config=tiny_config(**changes),
            run_id=RunLog.create(client, experiment, "x", {}).run_id,
            tracking=tracking_url(tmp_path),
            cache=tmp_path / "cache",
            test=True,
            predicted_peak=1,
            reports=channel.address,
        )

    yield make
    channel.close()


def ending_of(executor: LocalExecutor, task: Task) -> Ending:
    endings: SimpleQueue[Ending] = SimpleQueue()
    executor.submit(task, endings.put)
    return endings.get(timeout=SECONDS)


def test_a_worker_lives_from_task_to_task(executor: LocalExecutor, make_task: Callable[..., Task]) -> None:
    before = process(executor)
    for repeat in (0, 1):
        ending = ending_of(executor, make_task(repeat=repeat))
        assert isinstance(ending, Outcome)
        assert ending.state == "complete"
        assert 0 <= ending.metrics[schema.TEST_IOU.name] <= 1
    assert process(executor) == before


def test_an_exception_costs_the_task_and_not_the_worker(
    executor: LocalExecutor, make_task: Callable[..., Task]
) -> None:
    before = process(executor)
    task = make_task()._replace(run_id="nothing")
    ending = ending_of(executor, task)
    assert isinstance(ending, Failed)
    assert "nothing" in str(ending.error)
    assert process(executor) == before


def test_a_killed_worker_loses_its_task_and_is_replaced(
    executor: LocalExecutor, make_task: Callable[..., Task]
) -> None:
    """Also one that is killed while it waits for work."""
    for idle in (False, True):
        victim = process(executor)
        if idle:
            os.kill(victim, signal.SIGKILL)
            wait_for_end(victim)
        else:
            endings: SimpleQueue[Ending] = SimpleQueue()
            silent = Channel(lambda _: None)  # the trial waits for an answer that does not come
            executor.submit(make_task()._replace(reports=silent.address), endings.put)
            time.sleep(0.5)
            os.kill(victim, signal.SIGKILL)
            assert endings.get(timeout=SECONDS) == Lost("its worker process died")
            silent.close()
        ending = ending_of(executor, make_task())
        assert isinstance(ending, Outcome | Lost)
        assert isinstance(ending_of(executor, make_task()), Outcome)
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
    assert not is_alive(worker)


def test_a_report_is_answered_by_the_driver(tmp_path: Path) -> None:
    """Reasons to stop travel back to the trial; a stranger without the key gets no answer."""
    from multiprocessing import AuthenticationError
    from multiprocessing.connection import Client

    from bench.training.train import EpochRecord
    from studies.channel import Reporter

    reports: list[Epoch] = []

    def receive(epoch: Epoch) -> None:
        reports.append(epoch)
        epoch.answer("enough" if epoch.record.epoch == 2 else None)

    channel = Channel(receive)
    with pytest.raises(AuthenticationError, match="digest sent was rejected"):
        Client((channel.address.host, channel.address.port), authkey=b"guess")
    record = EpochRecord(1, 1, {schema.VAL_LOSS.name: 1, schema.VAL_IOU.name: 0.5}, 1e-3, 0.1)
    with Reporter(channel.address, "run") as report:
        assert report(record) is None
        assert report(record._replace(epoch=2)) == "enough"
    channel.close()
    assert [(epoch.run_id, epoch.record.epoch) for epoch in reports] == [("run", 1), ("run", 2)]

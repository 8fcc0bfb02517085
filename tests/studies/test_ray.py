"""The executor ray: on a cluster of its own, on one that is there, and when parts of it die."""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest
import torch

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.tracking.store import RunLog, open_store, tracking_url
from hourglass_bench.studies.channel import Epoch
from hourglass_bench.studies.executors import Broken, Crowded, Ending, Lost
from hourglass_bench.studies.executors.admission import BASELINE, MARGIN, USABLE_SHARE, Room
from hourglass_bench.studies.executors.ray_cluster import RayExecutor
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.spaces import grid, to_units
from hourglass_bench.studies.status import Status
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit
from hourglass_bench.studies.worker import TRACEBACK, Outcome
from tests.studies.conftest import make_task, trial_runs
from tests.studies.storm import RAY, command, descendants, wait

ray = pytest.importorskip("ray", reason="the executor ray needs Ray: pip install hourglass-bench[ray]")

pytestmark = pytest.mark.slow

Opener = Callable[..., RayExecutor]
CPU = torch.device("cpu")
CUDA = torch.device("cuda")
ROOM = Room.of(80 * 2**30, data=2**30, device="cuda")
"""Of a GPU, if there were one."""
LONG = 100
"""Epochs of a trial that is still running when something happens to it."""


@pytest.fixture(autouse=True, scope="module")
def environment() -> Iterator[None]:
    """Clusters of tests take no token: one process cannot change it from test to test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.delenv("RAY_ADDRESS", raising=False)
        yield


@pytest.fixture(scope="module")
def nodes(environment: None) -> Iterator[Any]:
    """A cluster of a head that runs no trials and a node with one CPU."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


@pytest.fixture
def cluster(nodes: Any) -> Iterator[Any]:
    """The cluster, to which this process is connected."""
    ray.init(nodes.address, log_to_driver=False)
    nodes.wait_for_nodes()
    yield nodes
    ray.shutdown()


@pytest.fixture
def open_executor(cluster: Any) -> Iterator[Opener]:
    """Function that makes executors, which are closed in the end."""
    with ExitStack() as stack:

        def make(workers: int | None, device: torch.device = CPU, threads: int = 1) -> RayExecutor:
            executor = RayExecutor(workers, device, ROOM, threads)
            stack.callback(executor.close)
            return executor

        yield make


def trainers() -> list[int]:
    """Processes that train, among those of Ray."""
    return [pid for pid in descendants(os.getpid()) if RAY.is_worker(command(pid))]


def study_of(study: Factorial, *, epochs: int, architectures: tuple[str, ...] = ("hourglass", "unet")) -> Factorial:
    """The tiny study with trainings of some length."""

    def plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
        return to_units(grid(architectures, depth=(2,), base_width=(8,), norm="batch"), data, training)

    return replace(study, plan=plan, training=replace(study.training, epochs=epochs, lr=0.01))


def run_on_ray(study: Factorial, runs: Path, workers: str = "auto") -> Status:
    return run_study(study, Options(executor="ray", workers=workers, device="cpu", runs=runs))


def by_unit(runs: Path, status: str) -> Counter[str]:
    """Units of the trial runs with a status."""
    return Counter(run.data.tags[schema.UNIT] for run in trial_runs(runs) if run.info.status == status)


def test_a_study_on_a_cluster_of_its_own(
    tmp_path: Path, tiny_study: Factorial, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit of each repeat raises in the worker: it is recorded with its reason and not tried again."""

    def plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
        units = tiny_study.plan(data, training)
        broken = replace(units[0].config, data=replace(data, path=str(tmp_path / "nowhere")))
        return [*units, Unit(config=broken, factors={"architecture": "hourglass"})]

    before = (sys.stdout, signal.getsignal(signal.SIGTERM))
    study = replace(tiny_study, plan=plan)
    status = run_on_ray(study, tmp_path, workers="2")
    assert (status.states["complete"], status.states["failed"], status.waiting) == (4, 2, 0)
    runs = trial_runs(tmp_path)
    assert Counter(run.info.status for run in runs) == {"FINISHED": 4, "FAILED": 2}
    for run in runs:
        if run.info.status == "FINISHED":
            assert run.data.metrics[schema.PREDICTED_PEAK.name] == run.data.metrics[schema.TENSOR_PEAK.name]
        else:
            reason = f"ValueError: {tmp_path}/nowhere must be a folder"
            assert run.data.tags[schema.STATE_REASON].startswith(reason)
            log = RunLog(open_store(tracking_url(tmp_path)), run.info.run_id)
            assert "Traceback" in Path(log.artifact(TRACEBACK)).read_text()
    said = capsys.readouterr()
    assert "workers: 2 x 1 thread(s) on 1 Ray node(s)" in said.err
    assert said.out == ""
    assert not ray.is_initialized()
    assert (sys.stdout, signal.getsignal(signal.SIGTERM)) == before


def test_a_killed_worker_costs_one_attempt(
    nodes: Any, tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    study = study_of(tiny_study, epochs=LONG, architectures=("unet",))
    thread = Thread(target=kill_first_trainer)
    thread.start()
    status = run_on_ray(study, tmp_path, workers="1")
    thread.join()
    assert (status.states["complete"], status.waiting) == (2, 0)
    assert by_unit(tmp_path, "FINISHED").total() == len(by_unit(tmp_path, "FINISHED")) == 2
    (killed,) = [run for run in trial_runs(tmp_path) if run.info.status == "KILLED"]
    assert killed.data.tags[schema.STATE_REASON] == "its worker process died"
    assert not ray.is_initialized(), "a cluster that was joined must be left"


def kill_first_trainer() -> None:
    wait(lambda: bool(trainers()), "a trial runs")
    time.sleep(0.5)
    os.kill(trainers()[0], signal.SIGKILL)


def test_a_lost_node_costs_the_attempts_on_it(
    cluster: Any, tmp_path: Path, tiny_study: Factorial, open_executor: Opener
) -> None:
    """The other node goes on, with every unit complete exactly once."""
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    executor = open_executor(None)
    assert executor.slots == 2

    def lose_node() -> None:
        wait(lambda: len(trainers()) == 2, "trials run on both nodes")
        time.sleep(1)
        cluster.remove_node(second)

    thread = Thread(target=lose_node)
    thread.start()
    status = run_on_ray(study_of(tiny_study, epochs=LONG), tmp_path, workers="2")
    thread.join()
    assert (status.states["complete"], status.waiting) == (4, 0)
    assert list(by_unit(tmp_path, "FINISHED").values()) == [1] * 4
    assert {run.info.status for run in trial_runs(tmp_path)} == {"FINISHED", "KILLED"}
    reasons = {run.data.tags[schema.STATE_REASON] for run in trial_runs(tmp_path) if run.info.status == "KILLED"}
    assert reasons
    assert reasons <= {"its node was lost", "its worker process died"}
    assert executor.slots == 1


def test_endings(tmp_path: Path, tiny_config: Callable[..., RunConfig], open_executor: Opener) -> None:
    """Of a trial that raises, and of one that is closed in the middle: one call of `done` each, at most."""
    executor = open_executor(1)
    endings: SimpleQueue[Ending] = SimpleQueue()
    wrong = tiny_config(architecture=configure("unet", (4, 8), decoder_channels=(4,)))
    executor.submit(make_task(wrong, tmp_path, lambda _: None, executor.host), endings.put)
    ending = endings.get(timeout=120)
    assert isinstance(ending, Outcome)
    assert ending.state == "failed"
    assert ending.reason.startswith("ValueError: ")
    assert "one width per level" in ending.reason

    epochs: SimpleQueue[Epoch] = SimpleQueue()  # nobody answers: the trial waits after its first epoch
    executor.submit(make_task(tiny_config(), tmp_path, epochs.put, executor.host), endings.put)
    assert epochs.get(timeout=120).record.epoch == 1
    (process,) = trainers()
    executor.close()
    executor.close()
    wait(lambda: not RAY.is_worker(command(process)), "the worker of a closed executor ends")
    time.sleep(1)
    assert [type(endings.get()) for _ in range(endings.qsize())] in ([], [Lost])
    assert ray.is_initialized(), "a cluster that was there must stay"


def test_the_end_of_ray_itself_is_no_ending_of_a_trial() -> None:
    from concurrent.futures import Future

    from ray import exceptions

    lost = [
        exceptions.WorkerCrashedError(),
        exceptions.OutOfMemoryError("node 1 is full"),
        exceptions.NodeDiedError("node 1"),
        exceptions.ObjectLostError("00", b"", "here"),
        exceptions.TaskCancelledError(),
    ]
    executor = object.__new__(RayExecutor)
    executor._session = type("Session", (), {"ray": ray})()
    for error in [*lost, exceptions.LocalRayletDiedError()]:
        future: Future[Any] = Future()
        future.set_exception(error)
        ending = executor._answer(future, alone=True)
        assert isinstance(ending, Lost if error in lost else Broken)
        assert "\n" not in ending.reason
        assert len(ending.reason) < 80


def test_out_of_memory_on_a_share_of_a_gpu_is_no_result() -> None:
    from concurrent.futures import Future

    executor = object.__new__(RayExecutor)
    executor._session = type("Session", (), {"ray": ray})()
    full: Future[Any] = Future()
    full.set_result(Outcome("out_of_memory", "full", {}))
    assert executor._answer(full, alone=True) == full.result()
    assert executor._answer(full, alone=False) == Crowded("full")


def test_what_trials_ask_for(cluster: Any, open_executor: Opener) -> None:
    """They fit on a node with a CPU and on one with GPUs, and never ask for more than any node has."""
    executor = open_executor(None)
    largest = max(node.memory for node in executor._session.nodes())
    assert executor.slots == 1
    assert executor.memory == largest
    small, huge = executor._request(2**20), executor._request(2**60)
    assert (small["num_cpus"], small["num_gpus"], small["memory"]) == (1, 0, BASELINE + 2**20 * MARGIN)
    assert executor._request(executor.memory)["memory"] <= huge["memory"] == largest

    gib = 2**30
    gpus = cluster.add_node(num_cpus=8, num_gpus=2)
    cluster.wait_for_nodes()
    whole = open_executor(None, CUDA)
    assert (whole.slots, whole._threads, whole._request(gib)["num_gpus"]) == (2, 4, 1.0)
    shared = open_executor(4, CUDA)
    assert (shared.slots, shared._threads) == (4, 2)
    assert shared._request(gib)["num_gpus"] == 0.5  # an equal share, so that Ray does not put all on one GPU
    assert shared._request(40 * gib)["num_gpus"] == 0.82  # (40 * MARGIN + 1 + 1) / (80 * USABLE_SHARE), rounded up
    assert shared._request(79 * gib)["num_gpus"] == 1.0
    assert shared._request(None)["num_gpus"] == 1.0
    assert shared.memory == whole.memory == int((80 * USABLE_SHARE - 1) * gib)
    assert open_executor(100).slots == 9
    assert open_executor(3)._threads == 1
    assert (open_executor(None, threads=4).slots, open_executor(2, threads=4)._request(0)["num_cpus"]) == (2, 4)
    cluster.remove_node(gpus)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "RAY_ADDRESS must be the address of a Ray cluster that answers, got 127.0.0.1:1"),
        ("no-such-host.invalid:6379", "RAY_ADDRESS must be the address of a Ray cluster that answers"),
        ("ray://127.0.0.1:10001", "RAY_ADDRESS must be HOST:PORT or auto"),
    ],
)
def test_a_cluster_that_does_not_answer_is_refused_at_once(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    start = time.monotonic()
    with pytest.raises(ValueError, match=said):
        run_on_ray(tiny_study, tmp_path / "runs")
    assert time.monotonic() - start < 10
    assert not (tmp_path / "runs").exists()


def test_without_ray_the_message_says_what_to_install(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"the executor ray needs Ray: pip install \"hourglass-bench\[ray\]\""):
        run_on_ray(tiny_study, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_nodes_with_other_code_are_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourglass_bench.studies.executors.ray_session.code_digest", lambda: "0123abcd")
    with pytest.raises(ValueError, match="every node of the Ray cluster must have the code of this machine, 0123abcd"):
        RayExecutor(1, CPU, ROOM, 1)

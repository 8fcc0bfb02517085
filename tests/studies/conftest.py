"""What the tests of the studies share: a registered tiny study, an executor without processes, and what is stored."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import optuna
import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.run import RunResult, run
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, open_store, tracking_url
from hourglass_bench.studies import placement, storage, worker
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.channel import LOOPBACK, Channel, Epoch
from hourglass_bench.studies.executors import Ending, Failed, Forecast
from hourglass_bench.studies.executors.admission import Room
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.worker import Place, Task


class InlineExecutor:
    """Runs each task on a thread of this process: no worker has to be started, and tests can replace what it does."""

    host = LOOPBACK
    memory = 2**40
    crash: Callable[[Task], Ending | None] = staticmethod(lambda _: None)
    """Ending of a task that does not run, or None."""

    def __init__(self, places: Sequence[Place], rooms: Mapping[str, Room], timeout: float | None = None) -> None:
        self.places = places

    @property
    def slots(self) -> int:
        return len(self.places)

    def forecast(self, config: RunConfig, ignores: bool, done: Callable[[Forecast], None]) -> None:
        Thread(target=lambda: done(worker.forecast(config, ignores, self.places[0])), daemon=True).start()

    def submit(self, task: Task, done: Callable[[Ending], None]) -> None:
        Thread(target=lambda: done(self._run(task)), daemon=True).start()

    def _run(self, task: Task) -> Ending:
        if ending := type(self).crash(task):
            return ending
        try:
            return worker.work(task, self.places[0])
        except Exception as error:
            return Failed(error)

    def watch(self) -> Mapping[str, float]:
        return {}

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies end without models of their best networks, whose export takes longer than the tiny trainings."""
    monkeypatch.setattr("hourglass_bench.studies.models.log", lambda *_: None)


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> type[InlineExecutor]:
    """Sweeps of this test run in threads."""

    class Inline(InlineExecutor):
        pass

    monkeypatch.setattr(placement, "LocalExecutor", Inline)
    return Inline


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch, tiny_study: Factorial) -> None:
    """The study `tiny` can be asked for by name."""
    monkeypatch.setitem(CATALOG, tiny_study.name, tiny_study)


def sweep(runs: Path, *arguments: str, study: str = "tiny") -> int:
    """Exit code of `studies run`."""
    options = ["--runs", str(runs), "--device", "cpu", "--workers", "1", "--json"]
    return main(["run", study, *options, *arguments])


def trial_runs(runs: Path, study: str = "tiny", *, kind: str = "trial", tracking: str = "") -> list[Any]:
    """The MLflow runs of a study's trials, or its parent run."""
    client = open_store(tracking_url(runs, tracking))
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], f"tags.{schema.KIND} = '{kind}'"))


def find_study(runs: Path, name: str = "tiny") -> optuna.Study:
    """The study's own Optuna study."""
    study = storage.find(storage.storage_url(runs), name)
    assert study is not None
    return study


def stop_at(monkeypatch: pytest.MonkeyPatch, trial: int, stop: signal.Signals) -> None:
    """This process gets a signal when so many trials have begun; the trial itself goes on."""
    begun: list[RunConfig] = []

    def stopped(config: RunConfig, *arguments: Any, **options: Any) -> RunResult:
        begun.append(config)
        if len(begun) == trial:
            os.kill(os.getpid(), stop)
        return run(config, *arguments, **options)

    monkeypatch.setattr(worker, "run", stopped)


def pretended(log: Any, metrics: dict[str, float], *, reason: str = "", epochs: int = 1) -> RunResult:
    """Of a training that did not happen; pruned if there is a reason."""
    return RunResult(
        run_id=log.settle().run_id,
        state="pruned" if reason else "complete",
        reason=reason,
        epochs=epochs,
        bottleneck=(1, 1, 1),
        metrics=metrics,
        checkpoint="",
    )


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """Configurations that were trained since, by trainings that did not happen."""
    configs: list[RunConfig] = []

    def pretend(config: RunConfig, log: Any, **_: Any) -> RunResult:
        configs.append(config)
        return pretended(log, {schema.BEST_VAL_IOU.name: 0.5})

    monkeypatch.setattr(worker, "run", pretend)
    return configs


def make_task(
    config: RunConfig,
    runs: Path,
    receive: Callable[[Epoch], None] = lambda epoch: epoch.answer(None),
    host: str = LOOPBACK,
) -> Task:
    """A trial whose epochs go to `receive`."""
    client = open_store(tracking_url(runs))
    log = RunLog.create(client, get_experiment(client, "tiny", runs), "?", {schema.KIND: "trial"})
    reports = Channel(receive, host).address
    data = load(config.data, runs / "cache").digest
    return Task(config, log.run_id, tracking_url(runs), runs, data, True, 2**20, reports, prunable=True)

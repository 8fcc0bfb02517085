"""What the tests of the studies share: a registered tiny study, and an executor without processes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bench import schema
from bench.tracking.store import open_store, tracking_url
from studies import placement, worker
from studies.__main__ import main
from studies.catalog import CATALOG
from studies.channel import LOOPBACK
from studies.executors import Ending, Failed
from studies.study import Factorial
from studies.worker import Place, Task


class InlineExecutor:
    """Runs each task on a thread of this process: no worker has to be started, and tests can replace what it does."""

    host = LOOPBACK
    memory = 2**40
    crash: Callable[[Task], Ending | None] = staticmethod(lambda _: None)
    """Ending of a task that does not run, or None."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places

    @property
    def slots(self) -> int:
        return len(self.places)

    def submit(self, task: Task, done: Callable[[Ending], None]) -> None:
        Thread(target=lambda: done(self._run(task)), daemon=True).start()

    def _run(self, task: Task) -> Ending:
        if ending := type(self).crash(task):
            return ending
        try:
            return worker.work(task, self.places[0])
        except Exception as error:
            return Failed(error)

    def close(self) -> None:
        pass


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


def trial_runs(runs: Path, study: str = "tiny") -> list[Any]:
    """The MLflow runs of a study's trials."""
    client = open_store(tracking_url(runs))
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], f"tags.{schema.KIND} = 'trial'"))

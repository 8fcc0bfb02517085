"""A study whose stores are away for a while or do not answer: nothing is lost, nothing is there twice."""

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from sqlalchemy import Engine, event

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.run import RunResult, run
from hourglass_bench.bench.tracking import patience
from hourglass_bench.bench.tracking.patience import Patience
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from hourglass_bench.studies import worker
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import find_study, sweep
from tests.studies.once import require_once

pytestmark = pytest.mark.usefixtures("catalog", "inline")


def test_calls_that_arrive_and_are_not_answered_leave_nothing_twice(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third call of the driver is repeated: trials and runs are made twice, and the first of each is ended."""
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)
    call, calls = Patience.call, count()

    def unanswered(self: Patience, store: str, function: Callable[[], Any], *more: Any, **named: Any) -> Any:
        unlucky = [next(calls) % 3 == 0]

        def once() -> Any:
            result = function()
            if unlucky and unlucky.pop():
                raise ConnectionError("reset by peer")
            return result

        return call(self, store, once, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Patience, "call", unanswered)
        assert sweep(tmp_path) == 0
    statuses = Counter(run.info.status for run in require_once(tmp_path, "tiny", tiny_study.training.epochs))
    assert statuses["FINISHED"] == 4
    assert len(find_study(tmp_path).get_trials()) + statuses["KILLED"] > 4


@pytest.fixture
def impatient_sqlite() -> Iterator[None]:
    """Who finds a database locked is told so at once: MLflow waits for 20 s, Optuna for five."""

    def connected(connection: Any, _: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    def execute(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> tuple[str, Any]:
        return statement.replace("busy_timeout = 20000", "busy_timeout = 50"), parameters

    event.listen(Engine, "connect", connected)
    event.listen(Engine, "before_cursor_execute", execute, retval=True)
    yield
    event.remove(Engine, "connect", connected)
    event.remove(Engine, "before_cursor_execute", execute)


@pytest.mark.usefixtures("impatient_sqlite")
def test_a_tracking_store_that_another_process_locks_costs_no_training(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the middle of the second trial on: it ends, its results are kept, and the next session writes them."""
    trained: list[RunConfig] = []
    open_store(tracking_url(tmp_path))
    other = sqlite3.connect(tmp_path / schema.TRACKING_DB, isolation_level=None, check_same_thread=False)

    def locked(config: RunConfig, log: Any, **options: Any) -> RunResult:
        trained.append(config)
        if len(trained) == 2:
            other.execute("BEGIN IMMEDIATE")
        return run(config, log, **options)

    monkeypatch.setattr(worker, "run", locked)
    assert sweep(tmp_path, "--store-patience", "0.5") == 2
    said = capsys.readouterr().err
    assert "mlflow.db was away for" in said
    assert "(database is locked); what was recorded before is kept" in said
    assert "Traceback" not in said
    assert len(list((tmp_path / schema.SPOOL_DIR).iterdir())) == 1
    other.rollback()
    other.close()
    assert sweep(tmp_path) == 0
    assert not (tmp_path / schema.SPOOL_DIR).exists()
    attempts = require_once(tmp_path, "tiny", tiny_study.training.epochs)
    assert len(attempts) == len(trained) == 4


@pytest.mark.usefixtures("impatient_sqlite", "interruptible")
def test_who_stops_a_study_does_not_wait_for_its_store(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_store(tracking_url(tmp_path))
    other = sqlite3.connect(tmp_path / schema.TRACKING_DB, isolation_level=None, check_same_thread=False)
    said: list[str] = []

    def locked(config: RunConfig, log: Any, **options: Any) -> RunResult:
        said.append("")
        if len(said) == 2:
            other.execute("BEGIN IMMEDIATE")
            Timer(5, os.kill, (os.getpid(), signal.SIGINT)).start()
        return run(config, log, **options)

    monkeypatch.setattr(worker, "run", locked)
    began = time.monotonic()
    assert sweep(tmp_path) == 130
    assert time.monotonic() - began < 60
    assert "the same command resumes study tiny" in capsys.readouterr().err
    other.rollback()
    other.close()
    assert sweep(tmp_path) == 0
    require_once(tmp_path, "tiny", tiny_study.training.epochs)


def test_a_lock_file_that_was_removed_stops_the_driver_before_another_one_writes(
    tmp_path: Path, tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[RunConfig] = []

    def removed(config: RunConfig, log: Any, **options: Any) -> RunResult:
        trained.append(config)
        if len(trained) == 2:
            (tmp_path / "optuna.lock").unlink()
        return run(config, log, **options)

    monkeypatch.setattr(worker, "run", removed)
    assert sweep(tmp_path) == 2
    said = capsys.readouterr().err
    assert (
        "optuna.lock must stay in its place while a driver works, got one that was removed, moved or replaced" in said
    )
    assert sweep(tmp_path) == 0
    assert len(trained) == 5
    require_once(tmp_path, "tiny", tiny_study.training.epochs)


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf"])
def test_a_patience_is_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str], seconds: str) -> None:
    assert sweep(tmp_path / "runs", "--store-patience", seconds) == 2
    assert "--store-patience must be at least 0 and finite, got" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()

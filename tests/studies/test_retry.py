"""Units that failed: the study stops if all would, says so by its exit code, and does them again if it is asked to."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.run import run
from hourglass_bench.bench.tracking.store import connect, tracking_url
from hourglass_bench.reports.__main__ import main as reports
from hourglass_bench.studies import driver, storage, worker
from hourglass_bench.studies.executors import Lost
from hourglass_bench.studies.status import status
from hourglass_bench.studies.streak import Streak
from tests.studies.conftest import InlineExecutor, find_study, pretended, sweep, trial_runs

pytestmark = pytest.mark.usefixtures("catalog", "inline")

GROWING = "RuntimeError: [enforce fail at alloc_cpu.cpp:127] can't allocate memory: you tried to allocate {} bytes"


def fail(message: str, network: str = "") -> Any:
    """A training that raises; only of an architecture, if one is named."""

    def planted(config: RunConfig, log: Any, **_: Any) -> Any:
        if config.architecture.name.startswith(network):
            raise RuntimeError(message)
        return pretended(log, {schema.BEST_VAL_IOU.name: 0.5})

    return planted


def counts(runs: Path) -> dict[str, int]:
    """Units by state; nothing may be open anywhere, and no unit may count twice."""
    now = status("tiny", runs)
    assert sum(now.states.values()) + now.waiting == len(now.units)
    assert "RUNNING" not in {run.info.status for run in (*trial_runs(runs), *trial_runs(runs, kind="study"))}
    trials = [trial for stage in storage.stages(find_study(runs)) for trial in stage.get_trials()]
    assert all(trial.state.is_finished() for trial in trials)
    of_unit = Counter(run.data.tags[schema.UNIT] for run in counted(runs))
    assert max(of_unit.values(), default=1) == 1
    return dict(+Counter(now.states) + Counter(waiting=now.waiting))


def counted(runs: Path) -> list[Any]:
    """Runs with an outcome that a report counts."""
    return [
        run
        for run in trial_runs(runs)
        if schema.STATE in run.data.tags and schema.SUPERSEDED not in run.data.tags and run.info.status != "KILLED"
    ]


def test_an_error_that_hits_everything_stops_the_study_and_costs_three_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trained: list[RunConfig]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(worker, "run", fail("the disk at 0x7f12 is on fire"))
        assert sweep(tmp_path, "--repeats", "4") == cli.EXIT_INPUT
    said = capsys.readouterr().err
    refusal = said.splitlines()[-1]
    assert "units or more failed one after the other in the same way (RuntimeError: the disk at 0x7f12" in refusal
    assert "once the cause is gone, run all of them with --retry-failed (make sweep RETRY_FAILED=1)" in refusal
    assert "the same command resumes study tiny." in refusal
    assert counts(tmp_path) == {"failed": 3, "waiting": 5}
    (parent,) = trial_runs(tmp_path, kind="study")
    assert parent.info.status == "KILLED"

    assert sweep(tmp_path, "--repeats", "4") == cli.EXIT_FAILED
    assert counts(tmp_path) == {"failed": 3, "complete": 5}
    assert len(trained) == 5
    capsys.readouterr()
    assert sweep(tmp_path, "--retry-failed") == 0
    assert "units that failed and are done again: 3" in capsys.readouterr().err
    assert counts(tmp_path) == {"complete": 8}
    assert len(trained) == 8
    assert {run.data.tags[schema.STATE] for run in counted(tmp_path)} == {"complete"}
    assert Counter(run.data.tags[schema.STATE] for run in trial_runs(tmp_path)) == {"complete": 8, "failed": 3}
    assert sweep(tmp_path, "--retry-failed") == 0
    assert len(trained) == 8


def test_a_report_counts_a_unit_that_was_retried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    def fails_once(config: RunConfig, *arguments: Any, **options: Any) -> Any:
        if config.repeat == 1 and config.architecture.name == "unet":
            raise RuntimeError("a cause that goes")
        return run(config, *arguments, **options)

    monkeypatch.setattr(worker, "run", fails_once)
    assert sweep(tmp_path) == cli.EXIT_FAILED
    told = json.loads(capsys.readouterr().out)
    assert (told["failed"], told["complete"]) == (1, 3)
    monkeypatch.setattr(worker, "run", run)
    assert sweep(tmp_path, "--retry-failed") == 0
    capsys.readouterr()
    assert reports(["build", "--study", "tiny", "--runs", str(tmp_path), "--no-html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 4
    tables = {file.stem: file.read_text() for file in (tmp_path / "reports" / "tiny" / "data").glob("*.csv")}
    assert len(tables["units"].splitlines()) == 1 + 4
    assert not any("a cause that goes" in table for table in tables.values())


def test_failures_for_which_nothing_waits_stop_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[RunConfig] = []

    def planted(config: RunConfig, log: Any, **_: Any) -> Any:
        begun.append(config)
        if len(begun) > 1:
            raise RuntimeError("planted")
        return pretended(log, {schema.BEST_VAL_IOU.name: 0.5})

    monkeypatch.setattr(worker, "run", planted)
    assert sweep(tmp_path) == cli.EXIT_FAILED
    assert counts(tmp_path) == {"failed": 3, "complete": 1}
    assert json.loads(capsys.readouterr().out)["failed"] == 3
    (parent,) = trial_runs(tmp_path, kind="study")
    assert parent.info.status == "FINISHED"


def test_a_failure_that_was_cut_off_as_it_was_recorded_is_retried_and_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[RunConfig]
) -> None:
    """The driver was killed between the outcome and the end of its run, and the next session is to retry."""
    with monkeypatch.context() as patch:
        patch.setattr(worker, "run", fail("planted", "hourglass"))
        assert sweep(tmp_path) == cli.EXIT_FAILED
    failed = next(run.info.run_id for run in trial_runs(tmp_path) if run.data.tags[schema.STATE] == "failed")
    client = connect(tracking_url(tmp_path))
    client.delete_tag(failed, schema.STATE)
    client.update_run(failed, "RUNNING")
    (trial,) = (
        trial._trial_id
        for stage in storage.stages(find_study(tmp_path))
        for trial in stage.get_trials()
        if trial.user_attrs[storage.RUN_ID] == failed
    )
    with closing(sqlite3.connect(tmp_path / schema.STUDY_DB)) as database, database:
        database.execute("UPDATE trials SET state = 'RUNNING' WHERE trial_id = ?", (trial,))
    assert sweep(tmp_path, "--retry-failed") == 0
    assert counts(tmp_path) == {"complete": 4}
    assert {run.data.tags[schema.STATE] for run in counted(tmp_path)} == {"complete"}


def test_an_architecture_that_always_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trained: list[RunConfig]
) -> None:
    monkeypatch.setattr(worker, "run", fail("it cannot be trained", "hourglass"))
    assert sweep(tmp_path, "--repeats", "5") == cli.EXIT_FAILED
    assert counts(tmp_path) == {"failed": 5, "complete": 5}
    assert json.loads(capsys.readouterr().out)["failed"] == 5
    assert sweep(tmp_path, "--retry-failed") == cli.EXIT_FAILED, "and again"
    assert counts(tmp_path) == {"failed": 5, "complete": 5}


@pytest.mark.parametrize(
    ("ended", "stops"),
    [
        ([("failed", "a", "unet"), ("failed", "a", "hourglass"), ("failed", "a", "unet")], True),
        ([("failed", "a", "unet"), ("failed", "a", "hourglass")], False),
        ([("failed", "a", "unet")] * 9, False),
        ([*[("failed", "a", "unet")] * 9, ("failed", "a", "hourglass")], True),
        ([("failed", "a", "unet"), ("failed", "b", "hourglass"), ("failed", "a", "unet")] * 3, False),
        ([("failed", "a", "unet"), ("out_of_memory", "a", "hourglass")] * 3, False),
        ([("failed", "a", "unet"), ("failed", "a", "hourglass"), ("complete", "", "unet")] * 3, False),
        ([("failed", "a", "unet"), ("failed", "a", "hourglass"), ("diverged", "", "unet")] * 3, False),
        ([("failed", "a", "unet"), ("infeasible", "x", "unet"), ("failed", "a", "hourglass")] * 2, True),
        ([("out_of_memory", GROWING.format(number), ("unet", "hourglass")[number % 2]) for number in range(3)], True),
        ([("failed", f"at 0x7f{number}a", ("unet", "hourglass")[number % 2]) for number in range(3)], True),
        ([("pruned", "early", "unet"), ("infeasible", "large", "hourglass")] * 9, False),
    ],
)
def test_failures_one_after_the_other(ended: Sequence[tuple[schema.State, str, str]], stops: bool) -> None:
    streak = Streak(["unet", "hourglass", "simple_conv", "unet"])
    assert any(streak.add(*one) for one in ended) == stops


def test_a_study_of_one_architecture_is_stopped_by_it() -> None:
    streak = Streak(["unet", "unet"])
    assert [streak.add("failed", "a", "unet") for _ in range(3)] == [False, False, True]


def test_a_unit_that_was_given_up_has_all_its_attempts_again(
    tmp_path: Path, inline: type[InlineExecutor], trained: list[RunConfig]
) -> None:
    dying: dict[str, int] = {}

    def crash(task: worker.Task) -> Lost | None:
        if task.config.repeat == 0 and task.config.architecture.name == "unet":
            dying["deaths"] = dying.get("deaths", 0) + 1
            return Lost("killed by a test")
        return None

    inline.crash = staticmethod(crash)
    for session, options in enumerate(((), ("--retry-failed",)), start=1):
        assert sweep(tmp_path, *options) == cli.EXIT_FAILED
        assert dying["deaths"] == session * driver.MAX_LOSSES
        assert counts(tmp_path) == {"failed": 1, "complete": 3}
    attempts = [int(run.data.tags[schema.ATTEMPT]) for run in trial_runs(tmp_path)]
    assert max(attempts) == 2 * driver.MAX_LOSSES


def test_trials_that_run_when_the_study_stops_come_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The slow one completes; nothing is started after the third failure, nor the rest of the study's rounds."""
    from threading import Event

    failed, failures = Event(), []

    def planted(config: RunConfig, log: Any, **_: Any) -> Any:
        if config.repeat == 0 and config.architecture.name == "hourglass":
            assert failed.wait(60)
            return pretended(log, {schema.BEST_VAL_IOU.name: 0.5})
        failures.append(config)
        raise RuntimeError("planted")

    ended = driver.Driver._stop

    def stop(self: driver.Driver, reason: str) -> None:
        ended(self, reason)
        failed.set()

    monkeypatch.setattr(worker, "run", planted)
    monkeypatch.setattr(driver.Driver, "_stop", stop)
    assert sweep(tmp_path, "--workers", "2", "--repeats", "4") == cli.EXIT_INPUT
    assert counts(tmp_path) == {"failed": 3, "complete": 1, "waiting": 4}
    said = capsys.readouterr().err
    assert "no more trials are started; the 1 that run come to their end" in said
    assert len(re.findall(r"RuntimeError: planted", said)) == 4, "once each, and once as the reason"


def test_the_status_says_how_to_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trained: list[RunConfig]
) -> None:
    from hourglass_bench.studies.__main__ import main

    monkeypatch.setattr(worker, "run", fail("planted", "unet"))
    assert sweep(tmp_path) == cli.EXIT_FAILED
    capsys.readouterr()
    assert main(["status", "tiny", "--runs", str(tmp_path)]) == 0, "a question is answered"
    said = " ".join(capsys.readouterr().out.split())
    assert "units that failed: 2; once the cause is gone, run them again with --retry-failed" in said

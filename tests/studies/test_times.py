"""Where a study's time went: what belongs to a trial, what is counted once, and that store and status agree."""

import json
import time
from pathlib import Path
from typing import Any

import optuna
import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.run import run
from hourglass_bench.studies import storage, times, worker
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.driver import Driver
from hourglass_bench.studies.executors import Ending, Lost
from hourglass_bench.studies.stages import Trials
from hourglass_bench.studies.status import status
from hourglass_bench.studies.worker import Outcome, Task
from tests.studies.conftest import InlineExecutor, find_study, sweep, trial_runs
from tests.studies.test_driver import sweep_until

DELAY = 0.05


def metrics(**seconds: float) -> dict[str, float]:
    return {f"time/{name}_seconds": value for name, value in seconds.items()} | {"time/seconds": 10.0}


def test_every_second_of_a_trial_has_one_name() -> None:
    spent = times.spent(metrics(setup=2, train=6, step=0.1), free=100, submitted=101, ended=115)
    assert spent == {"setup": 2, "train": 6, "other": 2, "idle": 5}
    assert sum(spent.values()) == 115 - 100


def test_a_run_that_ended_before_it_measured_was_not_idle() -> None:
    assert times.spent({}, free=100, submitted=103, ended=115) == {"other": 12, "idle": 3}


def test_clocks_that_disagree_make_no_negative_time() -> None:
    spent = times.spent(metrics(train=10.001), free=100, submitted=100, ended=109.999)
    assert spent == {"train": 10.001, "other": 0, "idle": 0}


def test_totals_name_everything_and_add_up() -> None:
    summed = times.total([{"train": 3, "idle": 1}, {}, {"train": 2, "autotune": 4}])
    assert summed == dict.fromkeys(times.NAMES, 0) | {"train": 5, "idle": 1, "autotune": 4}
    assert times.total([summed]) == summed


def test_a_worker_that_is_gone_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    free = times.Free()
    for moment, workers in ((1.0, 2), (2.0, 3), (3.0, 1)):
        monkeypatch.setattr(time, "monotonic", lambda moment=moment: moment)
        free.settle(workers)
    free.add(2.5)
    assert [free.take() for _ in range(3)] == [2.0, 2.5, 3.0]  # the last one came while nobody looked
    free.settle(-1)
    assert free.take() == 3.0


@pytest.fixture
def late(inline: type[InlineExecutor], monkeypatch: pytest.MonkeyPatch) -> type[InlineExecutor]:
    """Workers take a while to begin, runs of repeat 1 a while more, which they know, and the driver for the rest."""

    def slow(config: Any, log: Any, **options: Any) -> Any:
        began = time.monotonic()
        result = run(config, log, **options)
        if config.repeat == 1:
            time.sleep(10 * DELAY)
        result.metrics[schema.SECONDS.name] = time.monotonic() - began
        return result

    def delayed(_: Task) -> Ending | None:
        time.sleep(DELAY)
        return None

    finish = Trials.finish

    def tardy(*arguments: Any) -> None:
        time.sleep(3 * DELAY)
        finish(*arguments)

    monkeypatch.setattr(worker, "run", slow)
    monkeypatch.setattr(Trials, "finish", tardy)
    inline.crash = staticmethod(delayed)
    return inline


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the driver worked, of each time that it did."""
    seconds: list[float] = []
    original = Driver.work

    def clocked(self: Driver, *arguments: Any) -> None:
        began = time.monotonic()
        original(self, *arguments)
        seconds.append(time.monotonic() - began)

    monkeypatch.setattr(Driver, "work", clocked)
    return seconds


@pytest.mark.usefixtures("catalog", "late")
def test_idle_is_what_a_worker_waits_and_not_what_it_runs(tmp_path: Path, worked: list[float]) -> None:
    assert sweep(tmp_path) == 0
    spent = {trial.number: storage.outcome(trial)["time"] for trial in trials(tmp_path)}
    assert len(spent) == 4
    assert all(seconds["idle"] >= DELAY for seconds in spent.values())  # a trial is closed beside the next one
    slow = [trial.number for trial in trials(tmp_path) if trial.params["repeat"] == 1]
    assert all(spent[number]["other"] >= 10 * DELAY for number in slow)
    # One worker cannot have been busy and idle for longer than the driver worked: nothing is counted twice.
    assert sum(sum(seconds.values()) for seconds in spent.values()) <= sum(worked)


@pytest.mark.usefixtures("catalog", "inline")
def test_status_store_and_session_tell_the_same_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(tmp_path) == 0
    told = json.loads(capsys.readouterr().out)["time"]
    assert list(told) == list(times.NAMES)
    assert main(["status", "tiny", "--runs", str(tmp_path), "--json"]) == 0
    status_told = json.loads(capsys.readouterr().out)
    assert (status_told["time"], status_told["complete"]) == (told, 4)
    logged = [item.data.metrics for item in trial_runs(tmp_path)]
    names = {name: metric.name for name, metric in schema.PHASES.items()} | {"idle": schema.IDLE_SECONDS.name}
    for name, metric in names.items():
        assert told[name] == pytest.approx(sum(values.get(metric, 0) for values in logged), abs=1e-3)
    run_seconds = sum(values[schema.SECONDS.name] for values in logged)
    assert sum(told.values()) - told["idle"] == pytest.approx(run_seconds, abs=0.01)
    assert main(["status", "tiny", "--runs", str(tmp_path)]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first == "tiny: 4 of 4 units ended (4 complete, 0 running, 0 waiting)"
    assert second.startswith("time: ")


@pytest.mark.usefixtures("catalog", "inline")
@pytest.mark.parametrize(
    "step", ["hourglass_bench.studies.stages.Trials.record", "hourglass_bench.bench.tracking.store.RunLog.close"]
)
def test_a_unit_counts_once_however_often_the_study_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Also if its driver died before the outcome was written, or before it reached the run."""
    invented = {schema.BEST_VAL_IOU.name: 0.5, **metrics(train=8)}
    monkeypatch.setattr(worker, "work", lambda *_: Outcome("complete", "", invented))
    sweep_until(step, tmp_path)
    left = 8 * int(step.endswith("close"))
    assert status("tiny", tmp_path).time["train"] == left
    for _ in range(2):
        assert sweep(tmp_path) == 0
    spent = status("tiny", tmp_path).time
    assert (spent["train"], spent["other"]) == (4 * 8, 4 * 2)
    ended = [item.data for item in trial_runs(tmp_path) if schema.STATE in item.data.tags]
    idle = [data.metrics[schema.IDLE_SECONDS.name] for data in ended]
    assert sum(idle) == pytest.approx(spent["idle"])
    assert len(idle) == 4


@pytest.mark.usefixtures("catalog")
def test_an_attempt_that_is_lost_is_nobodys_time(
    tmp_path: Path, inline: type[InlineExecutor], worked: list[float]
) -> None:
    died: list[str] = []

    def crash(task: Task) -> Ending | None:
        if died:
            return None
        died.append(task.run_id)
        time.sleep(20 * DELAY)
        return Lost("killed by a test")

    inline.crash = staticmethod(crash)
    assert sweep(tmp_path) == 0
    assert sum(status("tiny", tmp_path).time.values()) <= sum(worked) - 20 * DELAY


@pytest.mark.usefixtures("catalog", "inline")
def test_outcomes_of_before_have_a_status_without_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def as_before(study: optuna.Study, trial: int, outcome: storage.Outcome, _: Any) -> None:
        blob = {name: value for name, value in outcome.items() if name != "time"}
        storage.attribute(study, trial, {storage.OUTCOME: blob})

    monkeypatch.setattr(storage, "record", as_before)
    sweep_until("hourglass_bench.bench.tracking.store.RunLog.close", tmp_path)
    assert sweep(tmp_path) == 0  # also closes the run that was left open
    capsys.readouterr()
    assert status("tiny", tmp_path).time == dict.fromkeys(times.NAMES, 0)
    assert main(["status", "tiny", "--runs", str(tmp_path)]) == 0
    assert "time" not in capsys.readouterr().out


def trials(runs: Path) -> list[optuna.trial.FrozenTrial]:
    """Those with an outcome."""
    return list(storage.done(find_study(runs)).values())

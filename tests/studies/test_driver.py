"""The driver: from a sweep to its report, what it does with every way a trial can end, and how it resumes."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from sqlalchemy import Engine, event

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.run import describe, run
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from hourglass_bench.reports.__main__ import main as reports
from hourglass_bench.studies import driver, storage, worker
from hourglass_bench.studies.executors import Crowded, Ending, Lost
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.status import Status, status
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit
from hourglass_bench.studies.worker import Outcome
from tests.studies.conftest import InlineExecutor, find_study, stop_at, sweep, trial_runs

pytestmark = pytest.mark.usefixtures("catalog")
Inline = type[InlineExecutor]

OPTIONS = Options(device="cpu", workers="1")


def states(runs: Path) -> dict[str, int]:
    """Units of the tiny study by state, as another shell would tell."""
    now = status("tiny", runs)
    counts = Counter(now.states) + Counter(running=len(now.running), waiting=now.waiting)
    assert counts.total() == 4
    return dict(counts)


@pytest.mark.usefixtures("inline")
def test_memory_is_predicted_as_measured_where_pixels_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_holes(data: DataConfig, cache: Path, _: object = None) -> Dataset:
        dataset = load(data, cache)
        ignored = np.zeros(dataset.frames.masks.shape, bool)
        ignored[:, :3] = True
        return dataset._replace(frames=dataset.frames._replace(ignored=ignored))

    monkeypatch.setattr("hourglass_bench.bench.commands.folds.load", with_holes)
    monkeypatch.setattr("hourglass_bench.bench.data.dataset.load", with_holes)
    assert sweep(tmp_path) == 0
    for stored_run in trial_runs(tmp_path):
        metrics = stored_run.data.metrics
        assert metrics[schema.PREDICTED_PEAK.name] == metrics[schema.TENSOR_PEAK.name]


@pytest.mark.usefixtures("inline")
def test_sweep_resume_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    assert sweep(runs) == 0
    first = capsys.readouterr().out
    told = json.loads(first)
    assert {name: told[name] for name in ("planned", "running", "waiting", *schema.STATES)} == dict.fromkeys(
        ("running", "waiting", *schema.STATES), 0
    ) | {"planned": 4, "complete": 4}
    stored = trial_runs(runs)
    assert len(stored) == 4
    assert {run.data.tags[schema.STAGE] for run in stored} == {"comparison"}
    for stored_run in stored:
        metrics = stored_run.data.metrics
        assert metrics[schema.PREDICTED_PEAK.name] == metrics[schema.TENSOR_PEAK.name]
        tags = stored_run.data.tags
        assert tags["mlflow.note.content"].startswith(f"{tags['mlflow.runName'].split()[0]} 4-8 on ")
        assert tags["mlflow.user"]
        assert tags["mlflow.source.type"] == "LOCAL"
        contexts = {one.tags[0].value: one.dataset for one in stored_run.inputs.dataset_inputs}
        assert contexts.keys() == {"train", "validation", "test"}
        assert len({dataset.digest for dataset in contexts.values()}) == 3
    assert {run.info.run_name for run in stored} == {
        f"{name} d2 w4 r{r}" for name in ("hourglass", "unet") for r in (0, 1)
    }
    (parent,) = {run.data.tags["mlflow.parentRunId"] for run in stored}
    tags = open_store(tracking_url(runs)).get_run(parent).data.tags
    assert tags[schema.STUDY_PLANNED] == "4"
    assert json.loads(tags[schema.STUDY_PLANNED_UNITS]) == {"comparison": {"hourglass": 2, "unet": 2}}

    assert sweep(runs) == 0
    assert capsys.readouterr().out == first
    assert len(trial_runs(runs)) == 4

    assert reports(["build", "--study", "tiny", "--runs", str(runs), "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert Path(built["report"]).read_bytes().startswith(b"%PDF")
    assert built["runs"] == 4
    assert {frozenset(trial.params.items()) for trial in find_study(runs).get_trials()} == {
        frozenset({"architecture": name, "depth": 2, "base_width": 4, "growth": 2.0, "repeat": repeat}.items())
        for name in ("hourglass", "unet")
        for repeat in (0, 1)
    }


@pytest.mark.usefixtures("inline", "interruptible")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_sweep_says_how_to_resume_and_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stop: signal.Signals
) -> None:
    stop_at(monkeypatch, 2, stop)
    assert sweep(tmp_path) == 130
    assert "the same command resumes study tiny" in capsys.readouterr().err
    assert states(tmp_path) == {"complete": 1, "waiting": 3}
    assert sweep(tmp_path) == 0
    assert states(tmp_path) == {"complete": 4}
    assert Counter(item.info.status for item in trial_runs(tmp_path)) == {"FINISHED": 4, "KILLED": 1}


def sweep_until(step: str, runs: Path) -> None:
    """A sweep whose driver ends as if killed when it reaches the step: what is open stays open."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step, Mock(side_effect=SystemExit))
        with pytest.raises(SystemExit):
            sweep(runs)


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(
    ("step", "left"),
    [
        ("hourglass_bench.studies.stages.Trials.attribute", 0),  # the trial has no run id yet
        ("hourglass_bench.studies.driver.Driver._decide", 0),
        ("hourglass_bench.studies.stages.Trials.record", 0),  # trained, and nobody wrote it down
        ("hourglass_bench.bench.tracking.store.RunLog.close", 1),  # the outcome is written, the run still open
        ("hourglass_bench.studies.stages.Trials.finish", 1),  # the run is closed, Optuna not yet told
    ],
)
def test_a_driver_killed_at_any_step_is_made_good(tmp_path: Path, step: str, left: int) -> None:
    """`left`: units that the killed session leaves done; when one is closed the next runs, so that one is cut off."""
    sweep_until(step, tmp_path)
    assert "RUNNING" in {item.info.status for item in trial_runs(tmp_path)}
    assert status("tiny", tmp_path).states["complete"] == left
    assert sweep(tmp_path) == 0
    assert states(tmp_path) == {"complete": 4}
    statuses = Counter(item.info.status for item in trial_runs(tmp_path))
    assert statuses == {"FINISHED": 4, "KILLED": 1}
    outcomes = Counter(item.data.tags.get(schema.STATE) for item in trial_runs(tmp_path))
    assert outcomes["complete"] == 4
    assert {trial.state.is_finished() for trial in find_study(tmp_path).get_trials()} == {True}


def test_a_unit_whose_worker_dies_runs_again(
    tmp_path: Path, inline: Inline, capsys: pytest.CaptureFixture[str]
) -> None:
    died: list[str] = []

    def crash(task: worker.Task) -> Lost | None:
        if not died:
            died.append(task.run_id)
            return Lost("killed by a test")
        return None

    inline.crash = staticmethod(crash)
    assert sweep(tmp_path) == 0
    assert states(tmp_path) == {"complete": 4}
    assert "killed by a test; it runs again" in capsys.readouterr().err
    (lost,) = [item for item in trial_runs(tmp_path) if item.info.status == "KILLED"]
    assert lost.info.run_id == died[0]
    (second,) = [item for item in trial_runs(tmp_path) if item.data.tags[schema.ATTEMPT] == "2"]
    assert second.data.tags[schema.UNIT] == lost.data.tags[schema.UNIT]


def test_a_unit_whose_worker_dies_again_and_again_is_given_up(
    tmp_path: Path, inline: Inline, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also across sessions; a driver that is killed does not count against its units."""
    unlucky: list[RunConfig] = []

    def crash(task: worker.Task) -> Lost | None:
        unlucky.append(task.config)
        return Lost("killed by a test") if task.config == unlucky[0] else None

    inline.crash = staticmethod(crash)
    assert sweep(tmp_path) == cli.EXIT_FAILED
    assert unlucky.count(unlucky[0]) == driver.MAX_LOSSES == 3
    assert states(tmp_path) == {"failed": 1, "complete": 3}
    assert "failed (killed by a test; so did the 2 attempts before)" in capsys.readouterr().err
    assert sweep(tmp_path) == cli.EXIT_FAILED
    assert len(trial_runs(tmp_path)) == 6


def run_units(runs: Path, configs: dict[str, RunConfig], repeats: int = 1, **options: Any) -> Status:
    units = [Unit(config=config, factors={"case": name}) for name, config in configs.items()]
    study = Factorial(
        name="states",
        question="?",
        size=16,
        training=TrainingConfig(),
        plan=lambda *_: units,
        repeats=repeats,
        data={"folds": 3},
    )
    return run_study(study, replace(OPTIONS, runs=runs, **options))


@pytest.mark.usefixtures("inline")
def test_states_other_than_complete_have_a_reason_and_are_not_run_again(
    tmp_path: Path, tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An absurd width is refused before it is started, an absurd rate diverges, and the rest completes."""
    configs = {
        "infeasible": tiny_config(architecture=configure("unet", (2,) * 5)),
        "over budget": tiny_config(architecture=configure("unet", (4096, 8192, 16384))),
        "diverged": tiny_config(training=TrainingConfig(epochs=2, batch_size=4, lr=1e30, clip_norm=0)),
        "failed": tiny_config(architecture=configure("unet", (4, 8), decoder_channels=(4,))),
        "out of memory": tiny_config(training=TrainingConfig(epochs=1)),
        "raises": tiny_config(training=TrainingConfig(epochs=2)),
        "complete": tiny_config(),
    }
    errors = {
        configs["out of memory"]: RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"
        ),
        configs["raises"]: ArithmeticError("planted"),
    }

    def planted(config: RunConfig, log: BackgroundLog, **options: Any) -> Any:
        if error := errors.get(config):
            log.params(describe(config))
            raise error
        return run(config, log, **options)

    monkeypatch.setattr(worker, "run", planted)
    told = run_units(tmp_path, configs, memory_budget="1GiB").states
    assert Counter(told) == Counter(complete=1, infeasible=2, diverged=1, out_of_memory=1, failed=2)
    stored = trial_runs(tmp_path, "states")
    reasons = {(item.data.tags[schema.STATE], item.data.tags[schema.STATE_REASON]) for item in stored}
    for state, text in (
        ("infeasible", "largest depth that fits is 4"),
        ("infeasible", "predicted tensor peak of 128 GiB, memory budget of 1 GiB"),
        ("diverged", "loss was nan in epoch 1"),
        ("out_of_memory", "can't allocate memory"),
        ("failed", "must hold one width per level"),
        ("failed", "ArithmeticError: planted"),
    ):
        assert any(found == state and text in reason for found, reason in reasons), (state, text, reasons)
    assert all("architecture.name" in item.data.params for item in stored)
    for item in stored:
        assert item.info.status == ("FINISHED" if item.data.tags[schema.STATE] == "complete" else "FAILED")
    (raised,) = [item for item in stored if "planted" in item.data.tags[schema.STATE_REASON]]
    folder = Path(raised.info.artifact_uri.removeprefix("file://"))
    assert "ArithmeticError" in (folder / worker.TRACEBACK).read_text()

    monkeypatch.setattr(worker, "run", lambda *_, **__: pytest.fail("a finished unit ran again"))
    assert run_units(tmp_path, configs, memory_budget="1GiB").states == told

    again: list[RunConfig] = []
    monkeypatch.setattr(worker, "run", lambda config, *_, **__: again.append(config) or 1 / 0)
    assert run_units(tmp_path, configs, memory_budget="1GiB", retry_failed=True).states == told | {
        "failed": 3,
        "out_of_memory": 0,
    }
    assert again == list(errors), "what ended otherwise has its result"


@pytest.mark.usefixtures("inline")
def test_a_full_disk_stops_the_sweep_and_costs_no_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(config: RunConfig, *arguments: Any, **options: Any) -> Any:
        if config.repeat == 1:
            raise OSError(28, "No space left on device")
        return run(config, *arguments, **options)

    monkeypatch.setattr(worker, "run", full)
    assert sweep(tmp_path) == 2
    said = capsys.readouterr().err
    assert "the disk or database refused: [Errno 28] No space left on device" in said
    assert "what was recorded before is kept, and the same command goes on from there" in said
    monkeypatch.setattr(worker, "run", run)
    assert sweep(tmp_path) == 0
    assert states(tmp_path) == {"complete": 4}
    assert "RUNNING" not in {item.info.status for item in trial_runs(tmp_path)}


@pytest.mark.usefixtures("inline")
def test_work_per_trial_does_not_grow_with_the_study(tmp_path: Path, tiny_config: Callable[..., RunConfig]) -> None:
    """Statements sent to the databases for one more trial, early and late in a study."""
    statements: list[str] = []
    record = lambda *arguments: statements.append(arguments[2])  # noqa: E731
    configs = {"infeasible": tiny_config(architecture=configure("unet", (2,) * 5))}
    marks: list[int] = []
    original = driver.Driver._open

    def marked(self: driver.Driver, *arguments: Any) -> None:
        marks.append(len(statements))
        original(self, *arguments)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(driver.Driver, "_open", marked)
            run_units(tmp_path, configs, repeats=30)
    finally:
        event.remove(Engine, "before_cursor_execute", record)
    costs = [after - before for before, after in zip(marks[1:], marks[2:], strict=False)]
    assert max(costs[-10:]) <= max(costs[:10])


def test_a_crowded_attempt_is_no_loss_and_the_next_is_alone(tmp_path: Path, inline: type[InlineExecutor]) -> None:
    """However often: the driver gives a unit up only if it kills its workers."""
    seen: list[worker.Task] = []

    def crash(task: worker.Task) -> Ending | None:
        seen.append(task)
        unit = [other for other in seen if other.config == task.config]
        return Crowded("full") if len(unit) <= 4 else None

    inline.crash = staticmethod(crash)
    assert sweep(tmp_path) == 0
    assert Counter(task.alone for task in seen) == {False: 4, True: 16}
    runs = trial_runs(tmp_path)
    assert Counter(run.info.status for run in runs) == {"FINISHED": 4, "KILLED": 16}
    assert not any(storage.LOST in trial.user_attrs for trial in find_study(tmp_path).get_trials())


@pytest.mark.usefixtures("inline")
def test_without_a_forecast_a_trial_runs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker, "predict_peak_bytes", Mock(side_effect=RuntimeError("no stream")))
    assert sweep(tmp_path) == 0
    runs = trial_runs(tmp_path)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert not any(schema.PREDICTED_PEAK.name in run.data.metrics for run in runs)
    assert all(schema.TENSOR_PEAK.name in run.data.metrics for run in runs)
    assert capsys.readouterr().err.count("is not predicted: RuntimeError: no stream") == 1


def test_trials_that_wait_for_the_same_forecast_ask_once(
    tmp_path: Path, inline: type[InlineExecutor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunConfig] = []
    submitted: list[worker.Task] = []

    def predict(config: RunConfig, *_: Any) -> int:
        asked.append(config)
        time.sleep(0.3)  # the other trials of its architecture are opened meanwhile
        return 2**20

    def end(task: worker.Task) -> Ending:
        submitted.append(task)
        return Outcome("complete", "", {schema.BEST_VAL_IOU.name: 0.5})

    monkeypatch.setattr(worker, "predict_peak_bytes", predict)
    inline.crash = staticmethod(end)
    assert sweep(tmp_path, "--workers", "4") == 0
    assert Counter(config.architecture.name for config in asked) == {"hourglass": 1, "unet": 1}
    assert [task.predicted_peak for task in submitted] == [2**20] * 4

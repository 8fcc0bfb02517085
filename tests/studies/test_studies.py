"""Plans, the driver, its resuming, and the line from sweep to PDF."""

import json
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from architectures.registry import PRESETS, configure
from bench import schema
from bench.config import RunConfig, TrainingConfig
from bench.run import run
from bench.tracking import open_store
from reports.__main__ import main as reports
from studies import driver, store
from studies.__main__ import main
from studies.catalog import CATALOG
from studies.study import Study, Unit


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch, tiny_study: Study) -> None:
    monkeypatch.setitem(CATALOG, tiny_study.name, tiny_study)


def sweep(runs: Path, *arguments: str, study: str = "tiny") -> int:
    return main(["run", study, "--runs", str(runs), "--device", "cpu", "--json", *arguments])


def cut_off(*_: Any, **__: Any) -> Any:
    """In place of `run`: a SystemExit leaves trial and run open, as kill -9 does."""
    raise SystemExit


def trial_runs(runs: Path, study: str = "tiny") -> list[Any]:
    client = open_store(runs)
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], f"tags.{schema.KIND} = 'trial'"))


@pytest.mark.parametrize("name", CATALOG)
def test_every_study_plans_paired_distinct_units(name: str) -> None:
    units = CATALOG[name].units(data="synthetic", epochs=None)
    assert len({unit.key for unit in units}) == len(units)
    per_architecture: dict[str, set[Any]] = {}
    for unit in units:
        sizes = (unit.config.architecture.channels, unit.config.seed)
        per_architecture.setdefault(unit.config.architecture.name, set()).add(sizes)
    assert per_architecture["hourglass"] == per_architecture["unet"]
    assert {len(set(unit.factors)) for unit in units} == {len(unit.factors) for unit in units}
    assert len({unit.config.training for unit in units}) == 1
    assert {seed for _, seed in per_architecture["unet"]} == {0, 1, 2}


@pytest.mark.parametrize("name", CATALOG)
def test_epochs_and_data_can_be_chosen(name: str) -> None:
    unit = CATALOG[name].units(data="elsewhere", epochs=7)[0]
    assert (unit.config.training.epochs, unit.config.data.path) == (7, "elsewhere")


def test_quick_crosses_three_architectures_with_depth_and_width() -> None:
    units = CATALOG["quick"].units(data="synthetic", epochs=None)
    cells = Counter((u.factors["depth"], u.factors["base_width"]) for u in units)
    assert len(cells) == 4
    assert set(cells.values()) == {9}


def test_practical_holds_its_presets_at_128_pixels() -> None:
    units = CATALOG["practical"].units(data="synthetic", epochs=None)
    attempts = Counter(unit.config.architecture for unit in units)
    assert all(attempts[preset] == 3 for preset in PRESETS.values())
    assert {unit.config.data.size for unit in units} == {(128, 128)}


def test_depth_width_covers_depths_and_widths() -> None:
    units = CATALOG["depth_width"].units(data="synthetic", epochs=None)
    assert {unit.factors["depth"] for unit in units} == set(range(1, 7))
    assert {unit.factors["base_width"] for unit in units} == {8, 16, 32, 64, 128}


@pytest.mark.usefixtures("catalog")
def test_sweep_resume_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    assert sweep(runs) == 0
    first = json.loads(capsys.readouterr().out)
    assert first == {"study": "tiny", "planned": 4, "running": 0, "waiting": 0} | dict.fromkeys(schema.STATES, 0) | {
        "complete": 4
    }
    stored = trial_runs(runs)
    assert len(stored) == 4
    parents = {item.data.tags["mlflow.parentRunId"] for item in stored}
    parent = open_store(runs).get_run(parents.pop())
    assert not parents
    assert parent.data.tags[schema.STUDY_PLANNED] == "4"

    assert sweep(runs) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert len(trial_runs(runs)) == 4

    assert main(["status", "tiny", "--runs", str(runs), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first

    assert reports(["build", "--study", "tiny", "--runs", str(runs), "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert Path(built["report"]).read_bytes().startswith(b"%PDF")
    assert built["runs"] == 4
    trials = store.find(runs, "tiny")
    assert trials is not None
    assert {tuple(sorted(trial.params.items())) for trial in trials.get_trials()} == {
        tuple(sorted({"architecture": name, "depth": 2, "base_width": 4, "growth": 2.0, "seed": seed}.items()))
        for name in ("hourglass", "unet")
        for seed in (0, 1)
    }


@pytest.mark.usefixtures("catalog")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_sweep_says_how_to_resume_and_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stop: signal.Signals
) -> None:
    calls: list[RunConfig] = []

    def interrupted(config: RunConfig, *arguments: Any, **options: Any) -> Any:
        calls.append(config)
        if len(calls) == 2:
            signal.raise_signal(stop)
        return run(config, *arguments, **options)

    monkeypatch.setattr(driver, "run", interrupted)
    assert sweep(tmp_path) == 130
    assert "the same command resumes study tiny" in capsys.readouterr().err
    assert main(["status", "tiny", "--runs", str(tmp_path), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert (counts["planned"], counts["complete"], counts["running"], counts["waiting"]) == (4, 1, 0, 3)
    assert sweep(tmp_path) == 0
    assert json.loads(capsys.readouterr().out)["complete"] == 4
    assert Counter(item.info.status for item in trial_runs(tmp_path)) == {"FINISHED": 4, "KILLED": 1}


@pytest.mark.usefixtures("catalog")
def test_killed_sweep_recovers_without_repeating_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(driver, "run", cut_off)
    with pytest.raises(SystemExit):
        sweep(tmp_path)
    assert [item.info.status for item in trial_runs(tmp_path)] == ["RUNNING"]
    monkeypatch.setattr(driver, "run", run)
    assert sweep(tmp_path) == 0
    assert json.loads(capsys.readouterr().out)["complete"] == 4
    assert Counter(item.info.status for item in trial_runs(tmp_path)) == {"FINISHED": 4, "KILLED": 1}


@pytest.mark.usefixtures("catalog")
def test_a_unit_that_is_cut_off_again_and_again_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(driver, "run", cut_off)
    for _ in range(driver.MAX_ATTEMPTS):
        with pytest.raises(SystemExit):
            sweep(tmp_path)
    monkeypatch.setattr(driver, "run", run)
    assert sweep(tmp_path) == 0
    said = capsys.readouterr()
    assert (json.loads(said.out)["failed"], json.loads(said.out)["complete"]) == (1, 3)
    assert "failed: cut off 3 times" in said.err


def test_states_other_than_complete_have_a_reason_and_are_not_run_again(
    tmp_path: Path, tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = {
        "infeasible": tiny_config(architecture=configure("unet", (2,) * 5)),
        "diverged": tiny_config(training=TrainingConfig(epochs=2, batch_size=4, lr=1e30, clip_norm=0)),
        "failed": tiny_config(architecture=configure("unet", (4, 8), decoder_channels=(4,))),
        "complete": tiny_config(),
    }
    units = [Unit(config=config, factors={"case": name}) for name, config in configs.items()]
    study = Study(
        name="states", question="?", size=16, training=TrainingConfig(), plan=lambda *_: units, data={"folds": 3}
    )
    counts = driver.run_study(study, runs=tmp_path, data="synthetic", epochs=None, device="cpu")
    assert {name: counts[name] for name in configs} == dict.fromkeys(configs, 1)
    reasons = {
        item.data.tags[schema.STATE]: item.data.tags[schema.STATE_REASON] for item in trial_runs(tmp_path, "states")
    }
    assert "largest depth that fits is 4" in reasons["infeasible"]
    assert "the training loss was" in reasons["diverged"]
    assert "must hold one width per level" in reasons["failed"]
    assert all("architecture.name" in item.data.params for item in trial_runs(tmp_path, "states"))
    monkeypatch.setattr(driver, "run", lambda *_, **__: pytest.fail("a finished unit ran again"))
    assert driver.run_study(study, runs=tmp_path, data="synthetic", epochs=None, device="cpu") == counts


@pytest.mark.usefixtures("catalog")
def test_wrong_input_is_refused_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    for arguments, message in (
        (("nowhere", "tiny"), "nowhere/images must be a folder"),
        (("synthetic", "slow"), "study must be one of quick, practical, depth_width, tiny, got 'slow'"),
    ):
        assert sweep(runs, "--data", arguments[0], study=arguments[1]) == 2
        assert message in capsys.readouterr().err
    assert main(["status", "quick", "--runs", str(runs)]) == 2
    assert "must have been started" in capsys.readouterr().err
    assert not runs.exists()


@pytest.mark.usefixtures("catalog")
def test_other_options_need_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(tmp_path, "--epochs", "1") == 0
    assert sweep(tmp_path, "--epochs", "2") == 2
    message = "must keep the options it was started with (epochs 1), got epochs 2; use another RUNS folder"
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("catalog")
def test_second_driver_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.mkdir(exist_ok=True)
    with store.exclusive(tmp_path):
        assert store.is_held(tmp_path)
        assert sweep(tmp_path) == 2
    assert "a sweep that runs there already" in capsys.readouterr().err
    assert not store.is_held(tmp_path)


def test_list_names_every_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == CATALOG.keys()


def test_a_changed_plan_keeps_what_still_belongs_to_it(tmp_path: Path, tiny_study: Study) -> None:
    driver.run_study(tiny_study, runs=tmp_path, data="synthetic", epochs=1, device="cpu")
    shorter = replace(tiny_study, plan=lambda data, training: tiny_study.plan(data, training)[:3])
    counts = driver.run_study(shorter, runs=tmp_path, data="synthetic", epochs=1, device="cpu")
    assert (counts["planned"], counts["complete"]) == (3, 3)

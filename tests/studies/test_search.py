"""Searches: as many trials for each architecture, pruning, refits, the memory constraint, and samplers that resume."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.bench.run import RunResult
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.studies import storage, worker
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.executors import Ending, Failed
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.search import Search
from hourglass_bench.studies.spaces import encoder_decoder_space
from tests.conftest import TINY_DATA
from tests.studies.conftest import InlineExecutor, pretended, trial_runs

pytestmark = pytest.mark.usefixtures("inline")

EPOCHS = 9
Trained = list[tuple[RunConfig, bool]]
"""Configurations, and whether they were tested."""
STUDY = Search(
    name="seek",
    question="?",
    size=16,
    training=TrainingConfig(epochs=EPOCHS, batch_size=4),
    data=TINY_DATA,
    architectures=("hourglass", "unet"),
    trials=12,
    distributions=lambda: encoder_decoder_space(depths=range(1, 4), bases=range(4, 9)),
    repeats=2,
)
PARETO = replace(STUDY, name="front", repeats=0, objectives=(schema.BEST_VAL_IOU, schema.TENSOR_PEAK))


def quality(config: RunConfig, epoch: int) -> float:
    """A learning curve with one best setting: depth 3, and a learning rate of 3e-3."""
    lr = abs(config.training.lr - 3e-3) * 20
    return max(0.05, 0.3 * config.architecture.depth - lr) * epoch / EPOCHS


@pytest.fixture(autouse=True)
def learn(monkeypatch: pytest.MonkeyPatch) -> Trained:
    """Trainings without training; returns the list of what was trained, and whether it was tested."""
    trained: Trained = []

    def pretend(
        config: RunConfig, log: Any, *, stop: Callable[[EpochRecord], str | None], test: bool, **_: Any
    ) -> RunResult:
        trained.append((config, test))
        for epoch in range(1, EPOCHS + 1):
            iou = quality(config, epoch)
            scores = {schema.VAL_LOSS.name: 1.0, schema.VAL_IOU.name: iou}
            if reason := stop(EpochRecord(epoch, 1, scores, 1e-3, 0.1)):
                break
        metrics = {schema.BEST_VAL_IOU.name: iou, schema.TENSOR_PEAK.name: 1_000_000 * config.architecture.depth}
        return pretended(log, metrics, reason=reason or "", epochs=epoch)

    monkeypatch.setattr(worker, "run", pretend)
    monkeypatch.setattr(worker, "predict_peak_bytes", lambda config, *_: 1_000_000 * config.architecture.depth)
    return trained


def go(study: Search, runs: Path, **options: Any) -> Any:
    return run_study(study, replace(Options(device="cpu", workers="1", runs=runs), **options))


def stage(runs: Path, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=storage.open_storage(storage.storage_url(runs)))


def trials_of(runs: Path, name: str) -> list[FrozenTrial]:
    return stage(runs, name).get_trials()


def test_a_search_gives_each_architecture_as_many_trials_prunes_and_refits_the_winners(
    tmp_path: Path, learn: Trained
) -> None:
    status = go(STUDY, tmp_path)
    assert status.planned_units == {
        "search": {"hourglass": (12, 12), "unet": (12, 12)},
        "comparison": {"hourglass": (2, 2), "unet": (2, 2)},
    }
    assert status.states["pruned"] > 0
    assert status.states["complete"] + status.states["pruned"] == 28
    searched = [config for config, test in learn if not test]
    refitted = [config for config, test in learn if test]
    assert {config.repeat for config in searched} == {0}
    assert Counter(config.repeat for config in refitted) == {1: 2, 2: 2}
    for name in STUDY.architectures:
        complete = [t for t in trials_of(tmp_path, f"seek/{name}") if t.state == TrialState.COMPLETE]
        best = max(complete, key=lambda trial: trial.values[0])
        for config in refitted:
            if config.architecture.name == name:
                assert config.training.lr == best.params["lr"]
                assert config.architecture.depth == best.params["depth"]
    tags = [run.data.tags for run in trial_runs(tmp_path, "seek")]
    assert Counter(of[schema.STAGE] for of in tags) == {"search": 24, "comparison": 4}
    reasons = [of[schema.STATE_REASON] for of in tags if of[schema.STATE] == "pruned"]
    assert all(reason.startswith("by Hyperband after epoch") for reason in reasons)


def test_architectures_start_from_the_same_samples(tmp_path: Path) -> None:
    go(replace(STUDY, repeats=0), tmp_path)
    first = {name: [t.params for t in trials_of(tmp_path, f"seek/{name}")[:5]] for name in STUDY.architectures}
    assert first["hourglass"] == first["unet"]


@pytest.fixture
def resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inline: type[InlineExecutor]) -> list[FrozenTrial]:
    """Trials of a search of one architecture that was stopped in its sixth trial and resumed."""
    study = replace(STUDY, architectures=("unet",), repeats=0)
    started: list[str] = []
    submit = inline.submit

    def interrupted(self: InlineExecutor, task: worker.Task, done: Any) -> None:
        started.append(task.run_id)
        if len(started) > 5:
            raise KeyboardInterrupt
        submit(self, task, done)

    with monkeypatch.context() as patch:
        patch.setattr(inline, "submit", interrupted)
        with pytest.raises(KeyboardInterrupt, match="the same command resumes study seek"):
            go(study, tmp_path)
    go(study, tmp_path)
    return trials_of(tmp_path, "seek/unet")


def test_a_resumed_sampler_does_not_repeat_its_first_samples(resumed: list[FrozenTrial]) -> None:
    samples = [tuple(trial.params.items()) for trial in resumed if storage.has_outcome(trial)]
    assert len(samples) == 12
    assert len(set(samples)) == 12


def test_a_trial_that_was_cut_off_runs_again_with_its_hyperparameters(resumed: list[FrozenTrial]) -> None:
    first, second = (trial for trial in resumed if trial.user_attrs[storage.UNIT] == "unet-005")
    assert first.state == TrialState.FAIL
    assert second.state.is_finished()
    assert storage.has_outcome(second)
    assert first.params == second.params


def test_a_sampler_knows_how_every_trial_before_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing is pruned; trials that are compared may be closed while the next one runs."""
    ask, known = optuna.Study.ask, []

    def asked(study: optuna.Study, *arguments: Any, **options: Any) -> Any:
        if study.study_name == "front/unet":
            known.append([trial.state for trial in study.get_trials(deepcopy=False)])
        return ask(study, *arguments, **options)

    monkeypatch.setattr(optuna.Study, "ask", asked)
    go(replace(PARETO, trials=3, architectures=("unet",)), tmp_path)
    assert known == [[TrialState.COMPLETE] * count for count in range(3)]


def test_equal_seeds_search_alike_and_other_seeds_do_not(tmp_path: Path) -> None:
    study = replace(STUDY, architectures=("unet",), repeats=0)
    samples = []
    for number, seed in enumerate((0, 0, 1)):
        go(replace(study, sampler_seed=seed), tmp_path / str(number))
        samples.append([(t.params, t.state) for t in trials_of(tmp_path / str(number), "seek/unet")])
    assert samples[0] == samples[1] != samples[2]


def test_the_memory_budget_is_a_constraint_and_what_exceeds_it_is_not_started(tmp_path: Path, learn: Trained) -> None:
    status = go(PARETO, tmp_path, memory_budget="2MB")
    assert status.states["infeasible"] > 0
    assert status.states["complete"] == len(learn) > 0
    assert sum(status.states.values()) == 24
    assert not any(test for _, test in learn)
    for name in PARETO.architectures:
        study = stage(tmp_path, f"front/{name}")
        assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
        for trial in study.get_trials():
            excess = trial.constraints["memory"]
            assert (excess > 0) == (storage.outcome(trial)["state"] == "infeasible")
        assert all(trial.constraints["memory"] <= 0 for trial in study.best_trials)


@pytest.mark.parametrize("predicted", [True, False])
def test_of_a_trial_whose_memory_was_not_measured_the_prediction_counts(
    predicted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not predicted either is the dearest."""
    if not predicted:
        monkeypatch.setattr(worker, "predict_peak_bytes", Mock(side_effect=RuntimeError("planted")))
    usual = worker.run

    def lose(config: RunConfig, *args: Any, **options: Any) -> RunResult:
        result = usual(config, *args, **options)
        lost = {schema.TENSOR_PEAK.name} if config.architecture.depth == 3 else set()
        return replace(result, metrics={name: result.metrics[name] for name in result.metrics.keys() - lost})

    monkeypatch.setattr(worker, "run", lose)
    assert go(PARETO, tmp_path).states["complete"] == 24
    for name in PARETO.architectures:
        study = stage(tmp_path, f"front/{name}")
        assert any(trial.params["depth"] == 3 for trial in study.trials)
        for trial in study.trials:
            lost = trial.params["depth"] == 3 and not predicted
            assert math.isinf(trial.values[1]) == lost
            assert lost or trial.values[1] > 0


def test_an_architecture_without_a_complete_trial_has_no_winner_to_refit(
    tmp_path: Path, inline: type[InlineExecutor], capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(task: worker.Task) -> Ending | None:
        return Failed(ArithmeticError("planted")) if task.config.architecture.name == "unet" else None

    inline.crash = staticmethod(crash)
    status = go(STUDY, tmp_path)
    assert status.planned_units["comparison"] == {"hourglass": (2, 2), "unet": (0, 2)}
    assert status.waiting == 2
    assert "no search trial of unet completed, so its 2 refits cannot be made" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name, study in CATALOG.items() if isinstance(study, Search)])
def test_every_sample_of_a_catalogued_space_is_a_configuration(name: str) -> None:
    study = CATALOG[name]
    assert isinstance(study, Search)
    setting = study.setting(path="synthetic")
    samples = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(50):
        params = samples.ask(study.space_of(study.architectures[0])).params
        for architecture in study.architectures:
            config = study.configure(architecture, params, setting)
            assert config.architecture.depth == params["depth"]
            assert config.training.weight_decay == params["weight_decay"]

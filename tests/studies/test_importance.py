"""Which hyperparameter decided a search: found where one of them decides everything, and logged when a search ends."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.bench.run import RunResult
from hourglass_bench.studies import importance, storage, worker
from hourglass_bench.studies.importance import LEAST_TRIALS, best_iou, importances
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from tests.studies.conftest import InlineExecutor, find_study, pretended, trial_runs
from tests.studies.test_search import PARETO

SPACE: dict[str, BaseDistribution] = {
    "depth": IntDistribution(1, 5),
    "base_width": IntDistribution(4, 32, log=True),
    "norm": CategoricalDistribution(("none", "batch", "group")),
    "lr": FloatDistribution(1e-4, 1e-1, log=True),
}


def trials_of(quality: Any, count: int, others: tuple[float, ...] = ()) -> list[FrozenTrial]:
    """Random complete trials with an IoU of `quality(params)`, and further objectives."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    sampled = [study.ask(SPACE).params for _ in range(count)]
    return [create_trial(values=[quality(params), *others], params=params, distributions=SPACE) for params in sampled]


@pytest.mark.parametrize(
    ("deciding", "quality"),
    [
        ("depth", lambda params: params["depth"] / 5),
        ("base_width", lambda params: params["base_width"] / 32),
        ("norm", lambda params: {"none": 0.2, "batch": 0.5, "group": 0.8}[params["norm"]]),
        ("lr", lambda params: 1 - abs(np.log10(params["lr"]) + 3) / 2),
    ],
)
@pytest.mark.parametrize("others", [(), (2e6,)])
def test_the_hyperparameter_that_decides_everything_is_found(deciding: str, quality: Any, others: Any) -> None:
    found = importances(trials_of(quality, 40, others))
    assert list(found) == ["PED-ANOVA", "fANOVA"]
    for shares in found.values():
        assert shares.keys() == SPACE.keys()
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert max(shares, key=shares.__getitem__) == deciding
    assert found["fANOVA"][deciding] > 0.9
    assert found == importances(trials_of(quality, 40, others))


def test_ped_anova_asks_what_made_trials_good_and_fanova_what_made_them_differ() -> None:
    """Without a norm nothing is learnt; of the others, a depth of 5 is best."""

    def quality(params: Any) -> float:
        learnt = params["norm"] != "none"
        return float(learnt * (0.9 if params["depth"] == 5 else 0.5) + 0.001 * np.log10(params["lr"]))

    found = importances(trials_of(quality, 80))
    assert found["PED-ANOVA"]["depth"] > 0.7
    assert found["fANOVA"]["norm"] > 0.7


def test_a_range_searched_on_a_logarithmic_scale_counts_evenly_there() -> None:
    """The rate decides in the lowest of three decades; nine tenths of the range, on a linear scale, are the highest."""

    def quality(params: Any) -> float:
        return float(0.2 + 0.4 * (params["lr"] > 1e-3) - 0.2 * (params["depth"] > 3) * (params["lr"] > 1e-2))

    assert importances(trials_of(quality, 80))["fANOVA"]["lr"] > 0.7


def test_pruned_trials_count_with_the_best_they_had() -> None:
    def pruned(state: str, *ious: float) -> FrozenTrial:
        return create_trial(
            state=TrialState.PRUNED,
            params={"lr": 0.01},
            distributions={"lr": SPACE["lr"]},
            user_attrs={storage.OUTCOME: {"state": state}},
            intermediate_values=dict(enumerate(ious, 1)),
        )

    assert best_iou(pruned("pruned", 0.2, 0.4, 0.3)) == 0.4
    assert best_iou(pruned("pruned")) is None
    assert best_iou(pruned("diverged", 0.2)) is None
    assert best_iou(trials_of(lambda _: 0.5, 1)[0]) == 0.5


def test_too_few_or_equal_trials_have_no_importance() -> None:
    assert importances(trials_of(lambda params: params["depth"], LEAST_TRIALS - 1)) == {}
    assert importances(trials_of(lambda params: params["depth"], LEAST_TRIALS)) != {}
    assert importances(trials_of(lambda _: 0.5, 30)) == {}


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inline: type[InlineExecutor]) -> Any:
    """Function that runs or resumes a search of the given size in which only the depth matters; returns the tag."""

    def pretend(config: RunConfig, log: Any, **_: Any) -> RunResult:
        metrics = {schema.BEST_VAL_IOU.name: config.architecture.depth / 5, schema.TENSOR_PEAK.name: 1e6}
        return pretended(log, metrics)

    monkeypatch.setattr(worker, "run", pretend)
    monkeypatch.setattr(worker, "predict_peak_bytes", lambda *_: 1_000_000)

    def go(trials: int) -> Any:
        study = replace(PARETO, training=TrainingConfig(epochs=1, batch_size=4), trials=trials)
        run_study(study, Options(device="cpu", workers="1", runs=tmp_path, accept_changes=True))
        (parent,) = trial_runs(tmp_path, study.name, kind="study")
        return json.loads(parent.data.tags[schema.STUDY_IMPORTANCE])

    return go


def test_a_search_logs_the_importances_of_its_trials(searched: Any, tmp_path: Path) -> None:
    logged = searched(LEAST_TRIALS)
    assert list(logged) == ["hourglass", "unet"]
    for architecture, stage in zip(logged, storage.stages(find_study(tmp_path, "front")), strict=True):
        assert stage.study_name == f"front/{architecture}"
        assert logged[architecture] == {"trials": LEAST_TRIALS, "shares": importances(stage.get_trials())}
        assert max(logged[architecture]["shares"]["fANOVA"].items(), key=lambda item: item[1])[0] == "depth"


def test_importances_are_computed_anew_only_where_trials_were_added(
    searched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert searched(LEAST_TRIALS - 1) == {}
    counts: list[int] = []
    monkeypatch.setattr(importance, "importances", lambda trials: counts.append(len(trials)) or {"fANOVA": {}})
    assert searched(LEAST_TRIALS - 1) == {}
    assert counts == []
    found = {"trials": LEAST_TRIALS, "shares": {"fANOVA": {}}}
    assert searched(LEAST_TRIALS) == {"hourglass": found, "unet": found}
    assert counts == [LEAST_TRIALS] * 2

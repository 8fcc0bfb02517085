"""A study of several stages: what reconstructs, what segments, and what is pre-trained."""

import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.status import status
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit
from tests.studies.conftest import stop_at, sweep, trial_runs

STAGES: tuple[schema.Stage, ...] = ("generative", "comparison", "pretraining")


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    size, latent = data.size, 3
    vaes = [configure("vae", (4, 8), target=target, latent=latent, image_size=size) for target in ("mask", "image")]
    hourglass = configure("hourglass", (4, 8))
    pretrained = replace(training, pretrain_epochs=training.epochs // 2)
    few = replace(data, labelled_scenes=1)
    planned: list[tuple[schema.Stage, RunConfig]] = [
        *(("generative", RunConfig(architecture=vae, data=data, training=training)) for vae in vaes),
        ("generative", RunConfig(architecture=replace(vaes[0], latent=latent + 1), data=data, training=training)),
        ("comparison", RunConfig(architecture=hourglass, data=data, training=training)),
        ("pretraining", RunConfig(architecture=hourglass, data=few, training=pretrained)),
    ]
    return [
        Unit(config=config, factors={"number": number}, stage=stage) for number, (stage, config) in enumerate(planned)
    ]


@pytest.fixture
def staged(tiny_study: Factorial, monkeypatch: pytest.MonkeyPatch) -> Factorial:
    study = replace(tiny_study, name="staged", plan=_plan, repeats=1)
    monkeypatch.setitem(CATALOG, study.name, study)
    return study


def stages_of(runs: Path) -> list[str]:
    """Of the trials' runs, oldest first."""
    every = sorted(trial_runs(runs, "staged"), key=lambda item: item.info.start_time)
    return [item.data.tags[schema.STAGE] for item in every]


@pytest.mark.usefixtures("inline", "staged")
def test_stages_run_side_by_side_and_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at(monkeypatch, 4, signal.SIGTERM)
    assert sweep(tmp_path, study="staged") == 130
    assert sorted(stages_of(tmp_path)[:3]) == sorted(STAGES)
    assert sweep(tmp_path, study="staged") == 0
    now = status("staged", tmp_path)
    assert (now.states["complete"], len(now.units), now.waiting) == (5, 5, 0)
    assert now.planned_units["generative"] == {"vae": (3, 3)}
    assert now.best.keys() == {("comparison", "hourglass"), ("pretraining", "hourglass")}
    complete = [item for item in trial_runs(tmp_path, "staged") if item.data.tags.get(schema.STATE) == "complete"]
    stages = Counter(item.data.tags[schema.STAGE] for item in complete)
    assert stages == {"generative": 3, "comparison": 1, "pretraining": 1}
    for item in complete:
        metrics = item.data.metrics
        assert schema.TEST_OPENED in item.data.tags
        assert metrics[schema.PREDICTED_PEAK.name] == metrics[schema.TENSOR_PEAK.name]
        assert (schema.PRETRAIN_SECONDS.name in metrics) == (item.data.tags[schema.STAGE] == "pretraining")
        assert (schema.TEST_ELBO.name in metrics) == (item.data.tags[schema.STAGE] == "generative")


@pytest.mark.usefixtures("inline")
def test_scenes_that_cannot_be_labelled_are_refused_before_a_store_is_made(
    tmp_path: Path, staged: Factorial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
        units = _plan(data, training)
        scarce = replace(units[-1].config.data, labelled_scenes=3)
        return [*units[:-1], replace(units[-1], config=replace(units[-1].config, data=scarce))]

    monkeypatch.setitem(CATALOG, "staged", replace(staged, plan=plan))
    assert sweep(tmp_path, study="staged") == 2
    said = capsys.readouterr().err
    assert r"data.labelled_scenes must be at most the training scenes (2), got 3" in said
    assert not (tmp_path / schema.STUDY_DB).exists()
    assert not (tmp_path / schema.TRACKING_DB).exists()

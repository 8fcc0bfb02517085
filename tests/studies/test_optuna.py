"""Our studies in Optuna's own tools: what its trials tell, and every plot that Optuna has."""

import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy.exc import IntegrityError

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.run import RunResult
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.studies import storage, worker
from hourglass_bench.studies.options import Options
from hourglass_bench.studies.run import run_study
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import pretended, trial_runs
from tests.studies.test_search import PARETO, STUDY

pytestmark = pytest.mark.usefixtures("inline")
FRONT = {"plot_pareto_front", "plot_hypervolume_history"}
"""Plots of several objectives."""
CURVES = {"plot_intermediate_values", "plot_terminator_improvement"}
"""Plots of one."""
PLOTS = [name for name in optuna.visualization.__all__ if name.startswith("plot_")]


@pytest.fixture(autouse=True)
def learn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings without training, of two epochs."""

    def pretend(config: RunConfig, log: Any, *, stop: Any, **_: Any) -> RunResult:
        iou = 0.1 * config.architecture.depth + config.training.lr + 0.01 * config.repeat
        for epoch in (1, 2):
            stop(EpochRecord(epoch, 1, {schema.VAL_LOSS.name: 1.0, schema.VAL_IOU.name: iou * epoch / 2}, 1e-3, 0.1))
        time.sleep(0.5)  # a real one evaluates now; reports that come after the end are dropped
        metrics = {
            schema.BEST_VAL_IOU: iou,
            schema.TEST_IOU: 0.5,
            schema.TENSOR_PEAK: 2**20 * config.architecture.depth,
        }
        return pretended(log, {metric.name: value for metric, value in metrics.items()}, epochs=2)

    monkeypatch.setattr(worker, "run", pretend)
    monkeypatch.setattr(worker, "predict_peak_bytes", lambda config, *_: 2**20 * config.architecture.depth)


def swept(study: Any, runs: Path, name: str) -> optuna.Study:
    """An Optuna study as its user loads it."""
    run_study(study, Options(device="cpu", workers="1", runs=runs))
    return optuna.load_study(study_name=name, storage=f"sqlite:///{runs / 'optuna.db'}")


def arguments(plot: str, study: optuna.Study) -> dict[str, Any]:
    """What a plot needs of a study of this kind."""
    if plot == "plot_hypervolume_history":
        return {"reference_point": [0.0, 1e9]}
    aimed = plot not in FRONT | CURVES | {"plot_timeline"}
    return {"target": lambda trial: trial.values[0]} if aimed and len(study.directions) > 1 else {}


def draw_everything(study: optuna.Study) -> set[str]:
    """Names of the plots that can be drawn of the study, by Plotly and by Matplotlib."""
    plt = pytest.importorskip("matplotlib.pyplot")
    pytest.importorskip("plotly", reason="the extra `dashboard` has Plotly")
    several = len(study.directions) > 1
    fitting = [plot for plot in PLOTS if plot not in (CURVES if several else FRONT)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # most plots are marked as experimental
        for plot in fitting:
            figure = getattr(optuna.visualization, plot)(study, **arguments(plot, study))
            assert figure.data, plot
            if hasattr(optuna.visualization.matplotlib, plot):
                getattr(optuna.visualization.matplotlib, plot)(study, **arguments(plot, study))
                plt.close("all")
    return set(fitting)


def test_every_plot_of_a_factorial_study_is_drawn(tmp_path: Path, tiny_study: Factorial) -> None:
    assert draw_everything(swept(tiny_study, tmp_path, "tiny")) == set(PLOTS) - FRONT


def test_every_plot_of_a_search_is_drawn(tmp_path: Path) -> None:
    study = replace(STUDY, trials=6, architectures=("unet",), repeats=0)
    assert draw_everything(swept(study, tmp_path, "seek/unet")) == set(PLOTS) - FRONT


def test_every_plot_of_two_objectives_is_drawn(tmp_path: Path) -> None:
    study = replace(PARETO, trials=6, architectures=("unet",))
    front = swept(study, tmp_path, "front/unet")
    assert draw_everything(front) == set(PLOTS) - CURVES
    assert front.metric_names == ["best validation IoU", "tensor peak memory (B)"]


def test_a_trial_tells_people_what_its_run_was(tmp_path: Path, tiny_study: Factorial) -> None:
    study = swept(tiny_study, tmp_path, "tiny")
    runs = {run.info.run_id: run for run in trial_runs(tmp_path)}
    assert study.metric_names == ["best validation IoU"]
    for trial in study.trials:
        told = trial.user_attrs
        run = runs.pop(told[storage.RUN_ID])
        assert told["run"] == run.info.run_name
        assert (told["state"], told["reason"]) == ("complete", "")
        assert told["test IoU"] == 0.5
        assert told["peak memory (MiB)"] == 2
        assert storage.OUTCOME not in told
        assert trial.intermediate_values == {1: pytest.approx(trial.value / 2), 2: pytest.approx(trial.value)}
    assert runs == {}


def test_outcomes_of_before_are_read(tmp_path: Path, tiny_study: Factorial) -> None:
    """Older trials have one attribute, and the oldest neither floor nor time."""
    study = swept(tiny_study, tmp_path, "tiny")
    newer = storage.outcome(study.trials[0])
    blob = {name: value for name, value in newer.items() if name not in ("floor", "time")}
    older = optuna.trial.create_trial(value=1.0, user_attrs={storage.UNIT: "unit", storage.OUTCOME: blob})
    assert storage.has_outcome(older)
    assert storage.outcome(older) == newer | {"floor": 0.0, "time": {}}
    begun = optuna.trial.create_trial(value=1.0, user_attrs={storage.UNIT: "unit", storage.REASON: ""})
    assert not storage.has_outcome(begun)


def test_attributes_are_written_all_or_none_and_are_seen_at_once(tmp_path: Path) -> None:
    """By SQL beside Optuna's cache."""
    study = storage.create(storage.open_storage(storage.storage_url(tmp_path)), "s", [schema.BEST_VAL_IOU])
    trial = study.ask()
    assert study.get_trials(deepcopy=False)[0].user_attrs == {}
    storage.attribute(study, trial._trial_id, {"state": "complete", "values": [0.5]})
    with pytest.raises(IntegrityError, match="UNIQUE constraint"):
        storage.attribute(study, trial._trial_id, {"new": 1, "state": "failed"})
    assert study.get_trials(deepcopy=False)[0].user_attrs == {"state": "complete", "values": [0.5]}

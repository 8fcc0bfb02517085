"""One run from configuration to what it leaves in the store."""

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from PIL import Image
from torch import Tensor

from hourglass_bench.bench import run as run_module
from hourglass_bench.bench import schema
from hourglass_bench.bench.checkpoint import load_checkpoint
from hourglass_bench.bench.commands.train import train_one
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.inference import predict
from hourglass_bench.bench.run import run
from hourglass_bench.bench.stored_config import config_hash, unflatten
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, open_store, tracking_url
from hourglass_bench.bench.training.measure import measure_bottleneck, measure_memory
from hourglass_bench.bench.training.setup import Setup, make_trainer, prepare
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.bench.training.trainer import StepSample, Trainer
from tests.bench.conftest import MakeConfig

RECONSTRUCTS = {
    metric.name
    for metric in (
        *(schema.VAL_MSE, schema.VAL_KL, schema.VAL_SIGMA),
        *(*schema.RECONSTRUCTION_METRICS, *schema.BOUND_METRICS, schema.TEST_BITS, schema.TEST_SIGMA),
        *(schema.ACTIVE_UNITS, schema.PROBE_IOU),
        *(schema.SAMPLE_DISTANCE, schema.UNSEEN_DISTANCE, schema.COPIED_SHARE),
    )
}
"""What only auto-encoders and VAEs log (tests/bench/generative)."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def answer(runs: Path, tiny_config: MakeConfig) -> dict[str, Any]:
    return train_one(tiny_config(), runs=runs, device="cpu")


@pytest.fixture(scope="module")
def client(runs: Path) -> MlflowClient:
    return open_store(tracking_url(runs))


def test_answer_holds_what_the_command_promises(answer: dict[str, Any]) -> None:
    assert answer["state"] == "complete"
    assert answer["epochs"] == 2
    assert answer["bottleneck"] == [8, 4, 4]
    for name in ("val_iou", "test_iou"):
        assert 0 <= answer[name] <= 1
    for name in ("train_images_per_second", "tensor_peak_bytes", "seconds", "params", "macs"):
        assert answer[name] > 0
    json.dumps(answer)


def test_mlflow_shows_datasets_and_a_picture_of_each_test_scene(
    answer: dict[str, Any], client: MlflowClient, tiny_config: MakeConfig
) -> None:
    stored = client.get_run(answer["run_id"])
    inputs = {one.tags[0].value: one.dataset for one in stored.inputs.dataset_inputs}
    assert list(inputs) == ["train", "validation", "test"]
    split = json.loads((Path(answer["checkpoint"]).parents[1] / schema.SPLIT_FILE).read_text())
    for (role, dataset), stems in zip(inputs.items(), (split["train"], split["val"], split["test"]), strict=True):
        assert dataset.digest == digest(stored.data.tags[schema.DATA_DIGEST], *stems)
        assert json.loads(dataset.profile)["frames"] == len(stems), role
        features = json.loads(json.loads(dataset.schema)["mlflow_tensorspec"]["features"])
        assert features[0]["tensor-spec"]["shape"] == [-1, *tiny_config().data.size, 3]
    assert stored.data.tags["mlflow.loggedImages"] == "True"
    scenes = len({stem.partition("_")[0] for stem in split["test"]})
    folder = Path(answer["checkpoint"]).parents[1] / "images"
    found = sorted(file.name.split("+")[:3] + [file.suffix] for file in folder.iterdir())
    key = schema.PREDICTION_IMAGES.replace("/", "~")
    assert found == [[key, "step", str(step), end] for step in range(scenes) for end in (".png", ".webp")]


def test_run_is_tracked_completely(answer: dict[str, Any], client: MlflowClient, tiny_config: MakeConfig) -> None:
    stored = client.get_run(answer["run_id"])
    assert stored.info.status == "FINISHED"
    assert unflatten(stored.data.params) == tiny_config()
    assert stored.data.params[schema.BOTTLENECK_PREDICTED] == stored.data.params[schema.BOTTLENECK_MEASURED] == "8x4x4"
    optional = {schema.RESERVED_PEAK.name, schema.PREDICTED_PEAK.name, schema.IDLE_SECONDS.name}  # of CUDA, and studies
    optional |= {schema.AUTOTUNE_SECONDS.name, schema.PRETRAIN_SECONDS.name}  # of longer trainings, and pre-trained
    optional |= {name for name in schema.METRICS if name.startswith("study/")}  # of a study's parent run
    assert schema.METRICS.keys() - optional - RECONSTRUCTS == stored.data.metrics.keys()
    for metric in schema.METRICS.values():
        value = stored.data.metrics.get(metric.name, metric.lower or 0)
        assert metric.lower is None or value >= metric.lower, metric.name
        assert metric.upper is None or value <= metric.upper, metric.name
    tags = stored.data.tags
    assert tags[schema.UNIT] == config_hash(tiny_config())
    assert tags[schema.STATE] == "complete"
    assert tags[schema.ENVIRONMENT + "torch"] == torch.__version__
    assert {schema.DATA_DIGEST, schema.GIT_COMMIT} <= tags.keys()
    assert tags[schema.EXECUTION + "memory_format"] == "channels_last"
    assert not {schema.EXECUTION_TRIED, schema.GRAPH_FAILURE, schema.MEMORY_UNKNOWN} & tags.keys()


def test_phases_are_most_of_the_run_and_no_more(answer: dict[str, Any], client: MlflowClient) -> None:
    metrics = client.get_run(answer["run_id"]).data.metrics
    spent = [metrics[phase.name] for name, phase in schema.PHASES.items() if name not in ("autotune", "pretrain")]
    assert min(spent) > 0
    assert 0.8 * metrics[schema.SECONDS.name] < sum(spent) <= metrics[schema.SECONDS.name]


def test_curves_have_one_point_per_epoch(answer: dict[str, Any], client: MlflowClient) -> None:
    for metric in schema.METRICS.values():
        steps = [point.step for point in client.get_metric_history(answer["run_id"], metric.name)]
        expected = [1, 2] if metric.curve and metric.name not in RECONSTRUCTS else steps[:1]
        assert steps == expected, metric.name


def test_pretraining_takes_its_epochs_from_the_runs_and_is_a_phase_of_its_own(
    tmp_path: Path, tiny_config: MakeConfig
) -> None:
    training = TrainingConfig(epochs=5, pretrain_epochs=2, batch_size=4)
    answer = train_one(tiny_config(training=training), runs=tmp_path, device="cpu")
    assert (answer["state"], answer["epochs"]) == ("complete", 3)
    client = open_store(tracking_url(tmp_path))
    stored = client.get_run(answer["run_id"]).data
    assert stored.metrics[schema.PRETRAIN_SECONDS.name] > 0
    spent = [stored.metrics[phase.name] for name, phase in schema.PHASES.items() if name != "autotune"]
    assert 0.8 * stored.metrics[schema.SECONDS.name] < sum(spent) <= stored.metrics[schema.SECONDS.name]
    for metric in (schema.TRAIN_LOSS, schema.VAL_IOU):
        assert [point.step for point in client.get_metric_history(answer["run_id"], metric.name)] == [1, 2, 3]
    assert unflatten(stored.params).training == training


def test_artifacts_agree_with_the_metrics(
    answer: dict[str, Any], client: MlflowClient, tiny_config: MakeConfig
) -> None:
    stored = client.get_run(answer["run_id"])
    checkpoint = Path(answer["checkpoint"])
    folder = checkpoint.parent.parent
    table = pd.read_parquet(folder / schema.FRAME_TABLE)
    assert {"stem", "scene", *(metric.column for metric in schema.TEST_METRICS)} <= set(table.columns)
    for metric in schema.TEST_METRICS:
        means = [np.mean(table.loc[table["scene"] == scene, metric.column]) for scene in set(table["scene"])]
        assert np.mean(means) == pytest.approx(answer[f"test_{metric.column}"])
    for name in schema.BASELINES:
        mean = table.groupby("scene")[schema.baseline_column(name)].mean().mean()
        assert mean == pytest.approx(stored.data.metrics[schema.baseline_metric(name, "iou").name]), name
    panel = np.load(folder / schema.PANEL_DATA)
    assert panel["images"].shape == (2, 16, 16, 3)
    assert panel["truth"].shape == panel["probability"].shape == panel["ignored"].shape == (2, 16, 16)
    assert not panel["ignored"].any()
    assert set(panel["stems"].tolist()) <= set(table["stem"])
    assert panel["scenes"].tolist() == sorted(set(table["scene"]))
    reliability = pd.read_parquet(folder / schema.CALIBRATION_TABLE)
    assert list(reliability.columns) == ["scene", "bin", "pixels", "probability", "foreground"]
    pixels = table.groupby("scene").size() * 16 * 16
    assert (reliability.groupby("scene")["pixels"].sum() == pixels).all()
    split = json.loads((folder / schema.SPLIT_FILE).read_text())
    assert split["test"] == list(table["stem"])
    assert {stem.split("_")[0] for stem in split["train"]} & set(table["scene"]) == set()
    seal = json.loads((folder / schema.SEAL_FILE).read_text())
    assert (seal["unit"], seal["opened"]) == (config_hash(tiny_config()), stored.data.tags[schema.TEST_OPENED])
    with Image.open(min((folder / "images").glob("*.png"))) as picture:
        assert picture.size == (4 * 128, 128)
    network, config = load_checkpoint(checkpoint)
    assert config == tiny_config()
    probability = predict(network, panel["images"][0], (16, 16), "squash", torch.device("cpu"))
    assert ((probability > 0.5) == (panel["probability"][0] > 0.5)).mean() > 0.99


def test_the_last_epochs_weights_are_tested_too_in_the_same_look(tmp_path: Path, tiny_config: MakeConfig) -> None:
    """At such a rate the first of these epochs is the best one; what is tested at it stays as it was."""
    config = tiny_config(training=TrainingConfig(epochs=6, batch_size=4, lr=0.3))
    kept: list[dict[str, Tensor]] = []
    with pytest.MonkeyPatch.context() as patch:
        step_memory = run_module.step_memory
        patch.setattr(run_module, "step_memory", lambda of, setup, on: keep(setup, kept) or step_memory(of, setup, on))
        answer = train_one(config, runs=tmp_path, device="cpu")
    stored = open_store(tracking_url(tmp_path)).get_run(answer["run_id"]).data
    assert stored.metrics[schema.BEST_EPOCH.name] < 6
    folder = Path(answer["checkpoint"]).parent.parent
    table = pd.read_parquet(folder / schema.FRAME_TABLE)
    assert table[schema.FRAME_LAST_IOU].tolist() == ious_by(kept[0], config, tmp_path)
    assert table["iou"].tolist() == ious_by(torch.load(answer["checkpoint"]), config, tmp_path)
    assert table[schema.FRAME_LAST_IOU].tolist() != table["iou"].tolist()
    means = table.groupby("scene")[[schema.FRAME_LAST_IOU, "iou"]].mean().mean()
    assert stored.metrics[schema.LAST_IOU.name] == pytest.approx(means[schema.FRAME_LAST_IOU], rel=1e-12)
    assert stored.metrics[schema.TEST_IOU.name] == pytest.approx(means["iou"], rel=1e-12)


def keep(setup: Setup, kept: list[dict[str, Tensor]]) -> None:
    """The weights that training left."""
    kept.append({name: value.clone() for name, value in setup.trainer.network.state_dict().items()})


def ious_by(state: dict[str, Tensor], config: RunConfig, runs: Path) -> list[float]:
    """Of every test frame, by counting pixels."""
    setup = prepare(config, runs / "cache", torch.device("cpu"))
    setup.trainer.network.load_state_dict(state)
    test, frames = setup.split.test, setup.dataset.frames
    predictions = setup.trainer.predict(setup.data, torch.from_numpy(test)).squeeze(1).numpy() > 0.5
    pairs = zip(predictions, frames.masks[test] >= 128, strict=True)
    return [float((ours & truth).sum() / (ours | truth).sum()) for ours, truth in pairs]


@pytest.mark.parametrize("best", [1, 2])
def test_a_last_epoch_that_is_the_best_is_not_tested_again(
    tmp_path: Path, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, best: int
) -> None:
    passes = []
    predict_frames = Trainer.predict
    monkeypatch.setattr(Trainer, "predict", lambda *of: passes.append(1) or predict_frames(*of))
    monkeypatch.setattr(EpochRecord, "is_better", lambda record, *_: record.epoch == best)
    answer = train_one(tiny_config(), runs=tmp_path, device="cpu")
    metrics = open_store(tracking_url(tmp_path)).get_run(answer["run_id"]).data.metrics
    assert metrics[schema.BEST_EPOCH.name] == best
    assert len(passes) == 3 - best
    assert best == 1 or metrics[schema.LAST_IOU.name] == metrics[schema.TEST_IOU.name]


def test_mlflow_database_is_in_wal_mode(answer: dict[str, Any], runs: Path) -> None:
    assert answer["run_id"]
    with sqlite3.connect(runs / schema.TRACKING_DB) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_undeclared_metric_is_refused(answer: dict[str, Any], client: MlflowClient) -> None:
    with pytest.raises(KeyError, match=r"metrics must be declared in bench/schema.py, got \['val/mIoU'\]"):
        RunLog(client, answer["run_id"]).metrics({"val/mIoU": 0.5})


def test_mismatch_of_predicted_and_measured_bottleneck_fails_the_run(
    runs: Path, client: MlflowClient, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourglass_bench.bench.run.measure_bottleneck", lambda *_: (8, 5, 4))
    log = BackgroundLog(lambda: RunLog.create(client, get_experiment(client, "mismatch", runs), "mismatch", {}))
    with pytest.raises(RuntimeError, match=r"must be \(8, 4, 4\) as predicted, got \(8, 5, 4\)"):
        run(tiny_config(), log, cache=runs / "cache", device=torch.device("cpu"))


def test_memory_of_a_step_is_measured_once_for_all_runs_of_a_shape(
    tmp_path: Path, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourglass_bench.bench.training.measure._MEASURED", {})
    measured: list[RunConfig] = []
    monkeypatch.setattr(
        "hourglass_bench.bench.training.measure.measure_memory",
        lambda config, *rest: measured.append(config) or measure_memory(config, *rest),
    )
    configs = [tiny_config(repeat=3), tiny_config(repeat=4), tiny_config("hourglass", repeat=3)]
    peaks = [train_one(config, runs=tmp_path, device="cpu")["tensor_peak_bytes"] for config in configs]
    assert measured == [configs[0], configs[2]]
    assert peaks[0] == peaks[1] != peaks[2]


class CutOff(Trainer):
    """The second network, for which there is no memory; the error comes in the middle of a step."""

    failure: Exception

    def update(self, images: Tensor, masks: Tensor, sample: StepSample) -> Tensor:
        self._accumulate_gradients(images, masks, sample)
        raise self.failure


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> type[CutOff]:
    """The class of the trainers by which memory is measured; nothing was measured before."""

    def make(*args: Any) -> Trainer:
        trainer = make_trainer(*args)
        trainer.__class__ = CutOff
        return trainer

    monkeypatch.setattr("hourglass_bench.bench.training.measure._MEASURED", {})
    monkeypatch.setattr("hourglass_bench.bench.training.measure.make_trainer", make)
    return CutOff


OF_STEP = {schema.TENSOR_PEAK.name, schema.SAVED_ACTIVATIONS.name, schema.ALLOCATOR_PEAK.name}


def test_a_training_is_kept_where_memory_runs_out_in_the_measurement_after_it(
    answer: dict[str, Any],
    tmp_path: Path,
    tiny_config: MakeConfig,
    cut_off: type[CutOff],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut_off.failure = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")
    again = train_one(tiny_config(), runs=tmp_path, device="cpu")
    assert (again["state"], again["tensor_peak_bytes"]) == ("complete", None)
    assert again["test_iou"] == answer["test_iou"]
    assert Path(again["checkpoint"]).exists()
    stored = open_store(tracking_url(tmp_path)).get_run(again["run_id"]).data
    assert stored.tags[schema.MEMORY_UNKNOWN] == "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert not OF_STEP & stored.metrics.keys()
    assert {schema.RSS_PEAK.name, schema.MEMORY_SECONDS.name} <= stored.metrics.keys()
    monkeypatch.undo()  # and the next run of the process measures as ever
    after = train_one(tiny_config(repeat=1), runs=tmp_path, device="cpu")
    assert after["tensor_peak_bytes"] == answer["tensor_peak_bytes"]
    assert schema.MEMORY_UNKNOWN not in open_store(tracking_url(tmp_path)).get_run(after["run_id"]).data.tags


def test_any_other_error_of_the_measurement_is_the_runs(
    tmp_path: Path, tiny_config: MakeConfig, cut_off: type[CutOff]
) -> None:
    cut_off.failure = RuntimeError("CUDA error: an illegal memory access was encountered")
    with pytest.raises(RuntimeError, match="illegal memory access"):
        train_one(tiny_config(), runs=tmp_path, device="cpu")


def test_a_run_says_why_its_steps_were_no_graph(
    tmp_path: Path, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failure(trainer: Trainer) -> str:
        pretrains = type(trainer.network).__name__ == "AutoEncoder"
        return "the replay was wrong" if pretrains else "the capture failed"

    monkeypatch.setattr(Trainer, "graph_failure", property(failure))
    training = TrainingConfig(epochs=2, pretrain_epochs=1, batch_size=4)
    answer = train_one(tiny_config(training=training), runs=tmp_path, device="cpu")
    tags = open_store(tracking_url(tmp_path)).get_run(answer["run_id"]).data.tags
    assert tags[schema.GRAPH_FAILURE] == "the capture failed"
    assert tags[schema.PRETRAIN_GRAPH_FAILURE] == "the replay was wrong"
    assert tags[schema.EXECUTION + "graph"] == "False"


def test_measured_bottleneck_comes_from_the_network() -> None:
    network = torch.nn.Sequential()
    network.add_module("bottleneck", torch.nn.MaxPool2d(4))
    assert measure_bottleneck(network, "bottleneck", (3, 16, 24), torch.device("cpu")) == (3, 4, 6)


def test_same_config_gives_the_same_numbers(answer: dict[str, Any], runs: Path, tiny_config: MakeConfig) -> None:
    again = train_one(tiny_config(), runs=runs, device="cpu", unseal=True)
    assert (again["val_iou"], again["test_iou"]) == (answer["val_iou"], answer["test_iou"])
    assert again["run_id"] != answer["run_id"]


def test_architectures_of_a_repeat_share_the_split_and_the_baselines(
    answer: dict[str, Any], runs: Path, client: MlflowClient, tiny_config: MakeConfig
) -> None:
    other = train_one(tiny_config("hourglass"), runs=runs, device="cpu")
    third = train_one(tiny_config("hourglass", repeat=1), runs=runs, device="cpu")
    ours, same, another = (client.get_run(run["run_id"]).data for run in (answer, other, third))
    assert ours.tags[schema.SPLIT_DIGEST] == same.tags[schema.SPLIT_DIGEST] != another.tags[schema.SPLIT_DIGEST]
    names = [
        schema.baseline_metric(name, column).name for name in schema.BASELINES for column in schema.BASELINE_COLUMNS
    ]
    assert [ours.metrics[name] for name in names] == [same.metrics[name] for name in names]
    assert [ours.metrics[name] for name in names] != [another.metrics[name] for name in names]


def test_test_frames_are_opened_once_unless_unsealed(
    answer: dict[str, Any], runs: Path, tiny_config: MakeConfig
) -> None:
    with pytest.raises(ValueError, match=r"opened once per configuration, got them opened by run .* with --unseal"):
        train_one(tiny_config(), runs=runs, device="cpu")


@pytest.mark.parametrize("spelling", ["data", "data/", "link", "copy"])
def test_test_frames_are_the_same_wherever_they_lie(
    sealed: Path, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.chdir(sealed)
    with pytest.raises(ValueError, match=r"opened once per configuration, got them opened by run .* with --unseal"):
        train_one(of_folder(tiny_config, spelling), runs=sealed / "runs", device="cpu")


def test_other_data_and_other_configurations_are_not_sealed(
    sealed: Path, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the path is the same."""
    monkeypatch.chdir(sealed)
    other = replace(of_folder(tiny_config, "data"), training=TrainingConfig(epochs=1, batch_size=3))
    assert train_one(other, runs=sealed / "runs", device="cpu")["state"] == "complete"
    shutil.copytree("data", "moved")
    first, *_, last = sorted(Path("moved", "images").iterdir())
    shutil.copy(last, first)
    assert train_one(of_folder(tiny_config, "moved"), runs=sealed / "runs", device="cpu")["state"] == "complete"


def of_folder(tiny_config: MakeConfig, path: str) -> RunConfig:
    data = DataConfig(path=path, size=(16, 16), folds=3)
    return tiny_config(data=data, training=TrainingConfig(epochs=1, batch_size=4))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, folder_data: Path, tiny_config: MakeConfig) -> Path:
    """A folder with `data`, a link to and a copy of it, and `runs`, in which they were opened."""
    folder = tmp_path_factory.mktemp("sealed")
    for name in ("data", "copy"):
        shutil.copytree(folder_data, folder / name)
    (folder / "link").symlink_to(folder / "data")
    train_one(of_folder(tiny_config, str(folder / "data")), runs=folder / "runs", device="cpu")
    return folder

"""`reproduce`: a stored run trained again from the store alone, and what is said where it comes out otherwise."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.commands.differences import TABLES, WEIGHTS, compare
from hourglass_bench.bench.commands.reproduce import reproduce
from hourglass_bench.bench.commands.stored_training import StoredTraining, read
from hourglass_bench.bench.commands.train import tracked, train_one
from hourglass_bench.bench.config import DataConfig, RunConfig
from hourglass_bench.bench.run import run
from hourglass_bench.bench.tracking.background import BackgroundLog
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, open_store, search_runs, tracking_url
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")


class Trained:
    """A run of `train` on a folder, in a store of its own."""

    def __init__(self, folder: Path, data: Path, make: MakeConfig) -> None:
        self.runs, self.data = folder / "runs", folder / "data"
        shutil.copytree(data, self.data)
        config = make(data=DataConfig(path=str(self.data), size=(16, 16), folds=3))
        self.run_id: str = train_one(config, runs=self.runs, device="cpu")["run_id"]
        self.url = tracking_url(self.runs)
        self.client = MlflowClient(self.url)

    def again(self, **options: Any) -> tuple[dict[str, Any], int]:
        """What `reproduce` answers, and its exit code."""
        answer = reproduce(self.run_id, runs=self.runs, **options)
        return answer.values, answer.code

    def stored(self) -> StoredTraining:
        return read(self.url, self.run_id)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, folder_data: Path, tiny_config: MakeConfig) -> Trained:
    """Which no test changes."""
    return Trained(tmp_path_factory.mktemp("shared"), folder_data, tiny_config)


@pytest.fixture
def own(tmp_path: Path, folder_data: Path, tiny_config: MakeConfig) -> Trained:
    """Which a test may change."""
    return Trained(tmp_path, folder_data, tiny_config)


def test_on_the_same_machine_everything_comes_out_again(shared: Trained) -> None:
    opened = shared.stored().tags[schema.TEST_OPENED]
    values, code = shared.again()
    assert (code, values["identical"], values["differences"]) == (0, True, {})
    stored, again = shared.stored(), read(shared.url, values["again"])
    curves = {name for name, epoch in stored.values if epoch}
    compared = {name for name, _ in stored.values} - schema.OF_MACHINES
    assert schema.VAL_IOU.name in curves
    assert schema.TEST_IOU.name in compared
    assert values["compared"] > len(compared) + len(schema.TEST_METRICS)  # tables and weights, too
    assert stored.values[schema.VAL_IOU.name, 2] == again.values[schema.VAL_IOU.name, 2]
    assert all(stored.artifact(name) and again.artifact(name) for name in (TABLES[0], schema.CHECKPOINT_FILE))
    assert stored.tags[schema.TEST_OPENED] == opened


def test_the_second_look_is_logged_beside_the_experiment_it_repeats(shared: Trained) -> None:
    before = len(list(search_runs(shared.client, get_experiment(shared.client, "train", shared.runs))))
    values, _ = shared.again()
    (experiment,) = (one for one in shared.client.search_experiments() if one.name == "reproduce")
    again = shared.client.get_run(values["again"])
    assert again.info.experiment_id == experiment.experiment_id
    assert again.data.tags[schema.REPRODUCES] == shared.run_id
    assert again.data.tags[schema.REPRODUCED] == "identical"
    assert schema.TEST_OPENED in again.data.tags
    assert len(list(search_runs(shared.client, get_experiment(shared.client, "train", shared.runs)))) == before


def test_it_trains_by_the_threads_of_the_stored_run(own: Trained) -> None:
    own.client.set_tag(own.run_id, schema.ENVIRONMENT + "threads", "2")
    values, _ = own.again()
    assert read(own.url, values["again"]).threads == 2
    assert torch.get_num_threads() == 1


def test_another_version_is_named_where_a_number_differs(own: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    true = own.stored().values[schema.TEST_IOU.name, 0]
    own.client.log_metric(own.run_id, schema.TEST_IOU.name, true + 0.25)
    own.client.set_tag(own.run_id, schema.ENVIRONMENT + "torch", "1.0")
    assert main(["reproduce", own.run_id, "--runs", str(own.runs)]) == 1
    said = capsys.readouterr().out
    assert "different: 1 of" in said
    assert f"{schema.TEST_IOU.name}: 0.25" in said
    assert f"version: torch 1.0 -> {torch.__version__}" in said


def test_data_may_lie_elsewhere(own: Trained, tmp_path: Path) -> None:
    moved = own.data.rename(tmp_path / "moved")
    with pytest.raises(ValueError, match="data"):
        own.again()
    assert own.again(data=str(moved))[1] == 0


def test_other_data_are_refused_before_training(own: Trained) -> None:
    image = next((own.data / "images").iterdir())
    Image.fromarray(255 - np.asarray(Image.open(image))).save(image)
    with pytest.raises(ValueError, match=f"of run {own.run_id} must be those .* of digest .*, got "):
        own.again()
    assert [one.name for one in own.client.search_experiments() if one.name == "reproduce"] == []


@pytest.mark.parametrize(
    ("tag", "cause"),
    [
        (schema.ENVIRONMENT + "processor", "hardware: processor other -> "),
        (schema.ENVIRONMENT + "instructions", "hardware: instructions other -> "),
        (schema.ENVIRONMENT + "numpy", "version: numpy other -> "),
        (schema.ENVIRONMENT + "code", "code: code other -> "),
        (schema.ENVIRONMENT + "arithmetic", "code: arithmetic other -> "),
        (schema.ENVIRONMENT + "threads", "threads: threads other -> 1"),
        (schema.ENVIRONMENT + "precision", "precision: precision other -> "),
        (schema.EXECUTION + "micro_batch", "execution: execution micro batch other -> None"),
        (schema.SPLIT_DIGEST, "split: split digest other -> "),
        (schema.NETWORK_SOURCE, "sources: network source other -> none"),
        (schema.WEIGHTS_DIGEST, "weights: weights digest other -> none"),
        (schema.DATA_DIGEST, "data: data digest other -> "),
    ],
)
def test_each_cause_has_a_name(tag: str, cause: str, shared: Trained) -> None:
    again = shared.stored()
    changed = {**again.values, (schema.VAL_LOSS.name, 2): again.values[schema.VAL_LOSS.name, 2] - 0.5}
    stored = again._replace(tags={**again.tags, tag: "other"}, values=changed)
    found = compare(stored, again)
    assert [(one.name, one.where) for one in found.differences] == [(schema.VAL_LOSS.name, "epoch 2")]
    assert found.differences[0].largest == pytest.approx(0.5)
    assert len(found.causes) == 1
    assert found.causes[0].startswith(cause)


def test_what_an_older_run_did_not_store_is_said(shared: Trained) -> None:
    again = shared.stored()
    missing = {schema.ENVIRONMENT + name for name in ("code", "instructions")}
    tags = {name: text for name, text in again.tags.items() if name not in missing} | {schema.GIT_COMMIT: "old"}
    found = compare(again._replace(tags=tags, values={**again.values, (schema.TEST_ECE.name, 0): 0.9}), again)
    assert found.unknown == ["instructions", "code"]
    assert found.causes == [f"code: commit old -> {again.tags[schema.GIT_COMMIT]}"]


def test_times_and_what_is_defined_anew_are_no_difference(shared: Trained) -> None:
    again = shared.stored()
    other = {(schema.SECONDS.name, 0): 1e6, (schema.RSS_PEAK.name, 0): 1.0, (schema.TEST_BOUNDARY_F.name, 0): 0.9}
    older = again._replace(tags={**again.tags, schema.SCHEMA_VERSION: "7"}, values={**again.values, **other})
    assert schema.TEST_BOUNDARY_F.since == 8
    assert compare(older, again).differences == []
    assert [one.name for one in compare(again, older).differences] == [schema.TEST_BOUNDARY_F.name]


def test_a_number_that_is_missing_is_a_difference(shared: Trained) -> None:
    stored = shared.stored()
    again = stored._replace(values={key: value for key, value in stored.values.items() if key[1] != 2})
    names = {name for name, epoch in stored.values if epoch == 2} - schema.OF_MACHINES
    assert {one.name for one in compare(stored, again).differences} == names


def test_a_file_that_is_missing_is_a_difference(shared: Trained) -> None:
    """Of the new run; what the stored one has lost cannot be compared."""
    stored = shared.stored()
    without = stored._replace(run_id="0" * 32)
    names = {name for name in TABLES if stored.artifact(name)} | {WEIGHTS}
    assert {one.name for one in compare(stored, without).differences} == names
    assert compare(without, stored).differences == []


def test_a_pruned_run_comes_out_again_as_far_as_it_went(tmp_path: Path, tiny_config: MakeConfig) -> None:
    config: RunConfig = tiny_config()
    client = open_store(tracking_url(tmp_path))

    def open_run() -> RunLog:
        return RunLog.create(client, get_experiment(client, "mine", tmp_path), "short", {schema.KIND: "trial"})

    log = BackgroundLog(open_run)
    short = tracked(
        log, lambda: run(config, log, cache=tmp_path / "cache", device=CPU, stop=lambda _: "by hand", test=False)
    )
    answer = reproduce(short.run_id, runs=tmp_path)
    assert answer.code == 0
    again = read(tracking_url(tmp_path), answer.values["again"])
    assert (again.state, again.epochs, again.tags[schema.STATE_REASON]) == ("pruned", 1, "by hand")
    assert schema.TEST_OPENED not in again.tags


@pytest.mark.parametrize("name", ["mask_vae", "image_autoencoder"])
def test_what_reconstructs_comes_out_again(name: str, runs: Path, request: pytest.FixtureRequest) -> None:
    answer = reproduce(request.getfixturevalue(name)["run_id"], runs=runs)
    assert answer.values["differences"] == {}
    assert answer.code == 0


def test_old_stores_are_reproduced(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the machine that made them, to the bit but for what is measured otherwise; elsewhere causes are named."""
    monkeypatch.chdir(stored)
    run_id = json.loads((stored / "expected.json").read_text())["checkpoint_run"]
    answer = reproduce(run_id, runs=stored / "runs")
    again = read(tracking_url(stored / "runs"), answer.values["again"])
    assert again.state == "complete"
    assert answer.values["compared"] > 40
    assert answer.code == 0 or answer.values["causes"]


@pytest.mark.parametrize(("state", "said"), [("infeasible", "got infeasible"), ("", "got finished")])
def test_what_has_no_result_is_refused(state: str, said: str, own: Trained) -> None:
    own.client.set_tag(own.run_id, schema.STATE, state)
    with pytest.raises(ValueError, match=f"{own.run_id} must have ended as one of .* to be reproduced, {said}"):
        own.again()


def test_what_is_no_run_is_refused(refused: Callable[..., str], shared: Trained) -> None:
    assert "must be the id of a run in" in refused(main, f"reproduce none --runs {shared.runs}")
    assert "got no store" in refused(main, "reproduce none")

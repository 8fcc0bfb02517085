"""`train --resume`: a training that was stopped goes on, and ends as if it had never been."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.commands import resume as resume_module
from hourglass_bench.bench.commands import train as train_module
from hourglass_bench.bench.commands.differences import compare
from hourglass_bench.bench.commands.resume import resume_one
from hourglass_bench.bench.commands.stored_training import read
from hourglass_bench.bench.commands.train import train_one
from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.bench.tracking.store import tracking_url
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.bench.training.unfinished import LOCK, STATE, Unfinished
from tests.bench.conftest import MakeConfig

EPOCHS = 5
TRAINING = TrainingConfig(epochs=EPOCHS, batch_size=4)


def wait_for(path: Path, name: str) -> Path:
    """The file of that name in the folder of the only training that is unfinished, once it is there."""
    for _ in range(2400):
        if found := list((path / schema.UNFINISHED_DIR).glob(f"*/{name}")):
            return found[0]
        time.sleep(0.05)
    raise TimeoutError(f"no {name} in {path}")


@pytest.fixture
def stopped(tmp_path: Path, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Function that starts a training and stops it by Ctrl-C in its third epoch -> the run's id."""

    def interrupt(record: EpochRecord) -> None:
        if record.epoch == 1:
            wait_for(tmp_path, LOCK)  # the store is open: from here on states are written
        if record.epoch == 3:
            raise KeyboardInterrupt

    def stop(config: RunConfig | None = None) -> str:
        with monkeypatch.context() as patch:
            patch.setattr(train_module, "report_epoch", interrupt)
            with pytest.raises(KeyboardInterrupt, match="hourglass-bench train --resume [0-9a-f]{32} --runs"):
                train_one(config or tiny_config(training=TRAINING), runs=tmp_path, device="cpu")
        return wait_for(tmp_path, STATE).parent.name

    return stop


def test_a_resumed_training_is_one_that_never_stopped(
    stopped: Callable[..., str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, tiny_config: MakeConfig
) -> None:
    run_id = stopped()
    client = MlflowClient(tracking_url(tmp_path))
    assert client.get_run(run_id).info.status == "KILLED"
    answer = resume_one(run_id, {}, runs=tmp_path)
    assert (answer["run_id"], answer["state"], answer["epochs"]) == (run_id, "complete", EPOCHS)

    whole_runs = tmp_path_factory.mktemp("whole")
    whole = train_one(tiny_config(training=TRAINING), runs=whole_runs, device="cpu")["run_id"]
    found = compare(read(tracking_url(whole_runs), whole), read(tracking_url(tmp_path), run_id))
    assert found.differences == []
    assert found.compared > len(schema.TEST_METRICS)

    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags[schema.STATE_REASON] == ""
    for metric in (schema.LR, schema.VAL_IOU, schema.EPOCH_SECONDS):
        steps = [point.step for point in client.get_metric_history(run_id, metric.name)]
        assert steps == [1, 2, 3, 4, 5]
    assert not (tmp_path / schema.UNFINISHED_DIR / run_id).exists()


def test_it_goes_on_after_the_epoch_that_was_stored(
    stopped: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, trained = stopped(), []
    monkeypatch.setattr(resume_module, "report_epoch", lambda record: trained.append(record.epoch))
    resume_one(run_id, {}, runs=tmp_path)
    assert trained
    assert min(trained) > 2
    assert trained[-1] == EPOCHS


def test_pretraining_is_not_done_twice(
    stopped: Callable[..., str], tmp_path: Path, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = stopped(tiny_config(training=TrainingConfig(epochs=6, pretrain_epochs=1, batch_size=4)))

    def pretrain(*_: Any) -> None:
        raise AssertionError("it pre-trains once more")

    monkeypatch.setattr("hourglass_bench.bench.run.pretrain", pretrain)
    assert resume_one(run_id, {}, runs=tmp_path)["epochs"] == 5


KILLED = """
import os, signal, sys
from pathlib import Path
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.commands import train
from tests.bench.commands.test_resume import wait_for

def kill(record):
    if record.epoch == 1:
        wait_for(Path(sys.argv[-1]), "lock")
    if record.epoch == 4:
        os.kill(os.getpid(), signal.SIGKILL)

train.report_epoch = kill
main(sys.argv[1:])
"""


def test_a_killed_process_leaves_what_it_takes(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    flags = "--channels 4 8 --norm batch --size 32 --batch-size 4 --epochs 6 --device cpu --synthetic-scenes 6"
    command = ["train", *flags.split(), "--synthetic-frames", "3", "--folds", "3", "--runs"]
    root = str(Path(__file__).parents[3])
    ended = subprocess.run([sys.executable, "-c", KILLED, *command, str(tmp_path)], cwd=root, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    run_id, url = wait_for(tmp_path, STATE).parent.name, tracking_url(tmp_path)
    assert MlflowClient(url).get_run(run_id).info.status == "RUNNING"
    assert main(["train", "--resume", run_id, "--runs", str(tmp_path), "--device", "cpu"]) == 0
    resumed = read(url, run_id)
    assert (resumed.status, resumed.state, resumed.epochs) == ("FINISHED", "complete", 6)

    whole = tmp_path_factory.mktemp("whole")
    assert main([*command, str(whole)]) == 0
    other = MlflowClient(tracking_url(whole)).search_runs(["1"])[0].info.run_id
    assert compare(read(tracking_url(whole), other), resumed).differences == []


def test_another_configuration_is_refused_and_the_same_one_is_not(
    stopped: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = stopped()
    watched: list[str] = []

    def watch(run_id: str, url: str) -> AbstractContextManager[None]:
        watched.append(f"{run_id} {url}")
        return nullcontext()

    monkeypatch.setattr(resume_module, "log_system_metrics", watch)
    command = ["train", "--resume", run_id, "--runs", str(tmp_path), "--device", "cpu"]
    assert main([*command, "--lr", "0.5", "--epochs", "5"]) == 2
    said = capsys.readouterr().err
    assert "must be resumed as it was started, got --lr 0.003 -> 0.5;" in said
    assert "epochs 5" not in said
    assert watched == []
    assert main([*command, "--epochs", "5", "--batch-size", "4", "--channels", "4", "8", "--system-metrics"]) == 0
    assert watched == [f"{run_id} {tracking_url(tmp_path)}"]


def test_a_run_has_one_process(stopped: Callable[..., str], tmp_path: Path) -> None:
    run_id = stopped()
    with Unfinished() as other:
        other.hold(tmp_path / schema.UNFINISHED_DIR / run_id)
        with pytest.raises(ValueError, match=f"run {run_id} must not be trained already"):
            resume_one(run_id, {}, runs=tmp_path)
    assert resume_one(run_id, {}, runs=tmp_path)["state"] == "complete"
    with pytest.raises(ValueError, match="must not have ended to be resumed, got one that is complete"):
        resume_one(run_id, {}, runs=tmp_path)


def test_what_is_not_of_train_is_refused(stopped: Callable[..., str], tmp_path: Path) -> None:
    run_id = stopped()
    client = MlflowClient(tracking_url(tmp_path))
    client.set_tag(run_id, schema.STUDY, "quick")
    with pytest.raises(ValueError, match="must be of the command train to be resumed, got one of study quick"):
        resume_one(run_id, {}, runs=tmp_path)
    client.delete_tag(run_id, schema.STUDY)
    client.set_tag(run_id, schema.REPRODUCES, "another")
    with pytest.raises(ValueError, match="must be of the command train to be resumed, got one of reproduce"):
        resume_one(run_id, {}, runs=tmp_path)


def test_a_run_without_its_state_is_refused(stopped: Callable[..., str], tmp_path: Path) -> None:
    run_id = stopped()
    (tmp_path / schema.UNFINISHED_DIR).rename(tmp_path / "gone")
    with pytest.raises(ValueError, match="must have its state in .*unfinished to be resumed, got none"):
        resume_one(run_id, {}, runs=tmp_path)


def test_a_complete_training_leaves_no_state(tmp_path: Path, tiny_config: MakeConfig) -> None:
    train_one(tiny_config(), runs=tmp_path, device="cpu")
    assert list((tmp_path / schema.UNFINISHED_DIR).iterdir()) == []


def test_the_message_names_folder_and_store() -> None:
    said = train_module.resumed_by(Path("my runs"), "http://localhost:5000")("abc")
    assert re.fullmatch(
        "stopped; `hourglass-bench train --resume abc --runs 'my runs' --tracking http://localhost:5000` .*", said
    )
    said = train_module.resumed_by(Path("a:b@c"), "postgresql://me:secret@host:5432/db?sslmode=require")("abc")
    assert "--runs a:b@c --tracking 'postgresql://me:***@host:5432/db?sslmode=require'" in said
    assert "--runs" not in train_module.resumed_by(Path("runs"), "")("abc")

"""The best run of each architecture as a model of MLflow's: logged, loaded, served and registered."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from PIL import Image

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main as bench
from hourglass_bench.bench.checkpoint import load_checkpoint
from hourglass_bench.bench.tracking.store import find_artifact, open_store, tracking_url
from hourglass_bench.studies import placement
from hourglass_bench.studies.__main__ import main as studies
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.executors import Failed
from hourglass_bench.studies.study import Factorial
from tests.studies.conftest import InlineExecutor, sweep, trial_runs

START_SECONDS = 90


class Done(NamedTuple):
    """A finished study with registered models."""

    runs: Path
    registered: dict[str, Any]

    @property
    def url(self) -> str:
        return tracking_url(self.runs)

    @property
    def client(self) -> MlflowClient:
        return open_store(self.url)

    def models(self) -> list[Any]:
        return list_models(self.client)


def list_models(client: MlflowClient) -> list[Any]:
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    return list(client.search_logged_models([experiment.experiment_id]))


def register(runs: Path, capsys: Any, *flags: str) -> dict[str, Any]:
    capsys.readouterr()
    assert studies(["register", "tiny", "--runs", str(runs), "--json", *flags]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.fixture
def no_models() -> None:
    """Here studies end with their models."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_study: Factorial) -> Path:
    """Runs of a finished study, which nobody changes."""

    class Inline(InlineExecutor):
        pass

    runs = tmp_path_factory.mktemp("finished") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CATALOG, tiny_study.name, tiny_study)
        patch.setattr(placement, "LocalExecutor", Inline)
        assert sweep(runs) == 0
    return runs


@pytest.fixture
def done(finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Done:
    monkeypatch.chdir(tmp_path)  # where MLflow might leave a store of its own
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_url(finished))
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("MLFLOW_DEFAULT_PREDICTION_DEVICE", "cpu")
    return Done(finished, register(finished, capsys))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A file of each kind that people have, none of the size of the training."""
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (45, 28, 4), dtype=np.uint8)
    noise[..., :3] = noise[..., :3] // 4 + np.linspace(0, 190, 28).astype(np.uint8)[:, None]
    image = Image.fromarray(noise[..., :3])
    image.save(folder / "colour.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    image.save(folder / "turned.jpg", exif=turned, quality=95)
    Image.fromarray(noise).save(folder / "alpha.png")
    image.convert("L").resize((17, 60)).save(folder / "grey.tif")
    image.convert("P").save(folder / "palette.png")
    return folder


@pytest.fixture
def masks(done: Done, images: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files that `predict` writes of the images, by their stems."""
    out, run_id = tmp_path / "masks", done.registered["unet"]["run_id"]
    flags = ["--out", str(out), "--runs", str(done.runs), "--device", "cpu"]
    assert bench(["predict", run_id, str(images), *flags]) == 0
    found = {path.stem: path.read_bytes() for path in out.glob("*.png")}
    assert len(found) == 5
    shown = [np.asarray(Image.open(path)) for path in out.glob("*.png")]
    assert any(0 < (mask > 0).mean() < 1 for mask in shown)  # not all of it is one or the other
    return found


def files(images: Path) -> list[Path]:
    return sorted(images.iterdir())


def encoded(images: Path) -> list[str]:
    return [base64.b64encode(path.read_bytes()).decode() for path in files(images)]


def request(images: Path) -> str:
    return json.dumps({"dataframe_split": {"columns": ["image"], "data": [[text] for text in encoded(images)]}})


def decoded(answer: str) -> list[bytes]:
    return [base64.b64decode(row["mask"]) for row in json.loads(answer)["predictions"]]


def test_the_best_run_of_each_architecture_is_a_model(done: Done) -> None:
    models = {model.name: model for model in done.models()}
    assert models.keys() == {"hourglass", "unet"}
    assert len(done.models()) == 2
    for name, model in models.items():
        runs = [run for run in trial_runs(done.runs) if run.data.params["architecture.name"] == name]
        assert len(runs) == 2
        best = max(runs, key=lambda run: run.data.metrics[schema.BEST_VAL_IOU.name])
        assert model.source_run_id == best.info.run_id
        assert model.status == "READY"
        assert model.params == best.data.params
        metrics = {metric.key: metric.value for metric in model.metrics}
        assert metrics[schema.TEST_IOU.name] == best.data.metrics[schema.TEST_IOU.name]
        assert schema.VAL_IOU.name not in metrics
        run = done.client.get_run(best.info.run_id)
        assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
        history = done.client.get_metric_history(best.info.run_id, schema.TEST_IOU.name)
        assert len(history) == 1


def test_the_model_says_what_enters_what_leaves_and_what_it_needs(done: Done) -> None:
    (model,) = (model for model in done.models() if model.name == "unet")
    info = mlflow.models.get_model_info(f"models:/{model.model_id}")
    assert info.signature.to_dict()["inputs"] == '[{"type": "binary", "name": "image", "required": true}]'
    assert info.signature.to_dict()["outputs"] == '[{"type": "binary", "name": "mask", "required": true}]'
    assert info.flavors.keys() == {"python_function", "pytorch"}
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}"))
    needs = (folder / "requirements.txt").read_text().split()
    assert f"torch=={torch.__version__.partition('+')[0]}" in needs
    assert f"mlflow=={mlflow.__version__}" in needs
    assert needs[0].startswith("hourglass-bench==")
    served = mlflow.pyfunc.load_model(folder)
    mask = served.predict(served.input_example)["mask"][0]
    assert mask.startswith(b"\x89PNG")
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pth")]


def test_the_torch_flavour_gives_the_networks_logits(done: Done) -> None:
    for name, each in done.registered.items():
        network, config = load_checkpoint(find_artifact(done.url, each["run_id"], schema.CHECKPOINT_FILE))
        exported = mlflow.pytorch.load_model(f"models:/tiny-{name}@best")
        for count in (1, 5):
            batch = torch.randn(count, 3, *config.data.size, generator=torch.Generator().manual_seed(0))
            with torch.no_grad():
                assert torch.equal(exported(batch), network(batch))


def test_the_served_model_gives_the_files_of_predict(done: Done, images: Path, masks: dict[str, bytes]) -> None:
    served = mlflow.pyfunc.load_model("models:/tiny-unet@best")
    rows = pd.DataFrame({"image": [path.read_bytes() for path in files(images)]}, index=list("abcde"))
    found = served.predict(rows)
    assert found["mask"].tolist() == [masks[path.stem] for path in files(images)]
    assert found.index.tolist() == list("abcde")
    pixels = np.asarray(Image.open(images / "colour.png"))
    mask = served.get_raw_model().see(pixels).mask
    assert np.array_equal(mask * 255, np.asarray(Image.open(images.parent / "masks" / "colour.png")))


def test_a_row_that_is_no_picture_is_named(done: Done, images: Path) -> None:
    served = mlflow.pyfunc.load_model("models:/tiny-unet@best")
    good = (images / "colour.png").read_bytes()
    with pytest.raises(ValueError, match="^row 1 must be a readable image, got a broken PNG file.$"):
        served.predict(pd.DataFrame({"image": [good, good[:30]]}))
    frames = [Image.new("L", (20, 20), level) for level in (10, 200)]
    frames[0].save(images / "stack.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="^row 0 must hold one picture, got 2; send each page as an image of its own"):
        served.predict(pd.DataFrame({"image": [(images / "stack.tif").read_bytes()]}))


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_mlflow_models_predict_gives_the_files_of_predict(
    done: Done, images: Path, masks: dict[str, bytes], tmp_path: Path, kind: str
) -> None:
    given, out = tmp_path / f"given.{kind}", tmp_path / "answer.json"
    given.write_text(request(images) if kind == "json" else "\n".join(["image", *encoded(images)]))
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", "models:/tiny-unet@best", "-i", str(given)]
    subprocess.run([*command, "-t", kind, "-o", str(out), "--env-manager", "local"], check=True, capture_output=True)
    assert decoded(out.read_text()) == [masks[path.stem] for path in files(images)]


@contextmanager
def answering(folder: Path, *arguments: str, health: str) -> Iterator[str]:
    """URL of a server of MLflow's on a free port, from when it answers until it is stopped."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", str(port)]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where MLflow looks for uvicorn
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | {"PATH": path}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _await(f"http://127.0.0.1:{port}/{health}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"{url} did not answer")


@pytest.mark.slow
def test_mlflow_models_serve_gives_the_files_of_predict(
    done: Done, images: Path, masks: dict[str, bytes], tmp_path: Path
) -> None:
    arguments = ["models", "serve", "-m", "models:/tiny-unet@best", "--env-manager", "local"]
    with answering(tmp_path, *arguments, health="ping") as url:
        kind = {"Content-Type": "application/json"}
        post = urllib.request.Request(f"{url}/invocations", request(images).encode(), kind)
        with urllib.request.urlopen(post, timeout=60) as answer:
            assert decoded(answer.read().decode()) == [masks[path.stem] for path in files(images)]


def test_registering_twice_changes_nothing(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert register(done.runs, capsys) == done.registered
    assert register(done.runs, capsys, "--archs", "unet") == {"unet": done.registered["unet"]}
    assert len(done.models()) == 2
    for name, each in done.registered.items():
        (version,) = done.client.search_model_versions(f"name = 'tiny-{name}'")
        assert version.run_id == each["run_id"]
        assert version.aliases == ["best"] or done.client.get_model_version_by_alias(f"tiny-{name}", "best")
    (model,) = (model for model in done.models() if model.name == "unet")
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "tiny-unet", "version": 1}]


@pytest.mark.usefixtures("catalog", "inline")
def test_another_best_run_is_another_version_and_a_resumed_study_logs_none_twice(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = moved(finished, tmp_path / "runs")
    client = open_store(tracking_url(runs))
    before = register(runs, capsys)["unet"]
    assert sweep(runs) == 0
    assert "as a model" not in capsys.readouterr().err
    assert len(list_models(client)) == 2
    client.delete_run(before["run_id"])
    assert sweep(runs) == 0
    assert "as a model of MLflow's: unet\n" in capsys.readouterr().err
    after = register(runs, capsys)["unet"]
    assert (before["version"], after["version"]) == ("1", "2")
    assert after["run_id"] != before["run_id"]
    client.restore_run(before["run_id"])
    assert register(runs, capsys)["unet"] == before
    assert client.get_model_version_by_alias("tiny-unet", "best").run_id == before["run_id"]
    assert len(client.search_model_versions("name = 'tiny-unet'")) == 2


def moved(runs: Path, to: Path) -> Path:
    """A copy of a folder of runs that a test may change."""
    return shutil.copytree(runs, to)


@pytest.mark.usefixtures("catalog")
def test_a_study_without_complete_runs_has_no_model(
    tmp_path: Path, inline: type[InlineExecutor], capsys: pytest.CaptureFixture[str]
) -> None:
    inline.crash = staticmethod(lambda _: Failed(ValueError("no")))
    assert sweep(tmp_path) == 2  # three equal failures stop it
    assert "as a model" not in capsys.readouterr().err
    assert list_models(open_store(tracking_url(tmp_path))) == []
    assert studies(["register", "tiny", "--runs", str(tmp_path)]) == 2
    expected = "study tiny must have a complete run of a network that segments to register, got those of none."
    assert expected in capsys.readouterr().err


@pytest.mark.usefixtures("catalog", "inline", "trained")
def test_a_run_without_a_checkpoint_is_told_and_does_no_harm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(tmp_path) == 0
    said = capsys.readouterr().err
    assert said.count("must have the artifact checkpoint/state_dict.pt, got none") == 2
    assert list_models(open_store(tracking_url(tmp_path))) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("register tiny", "study tiny must have been started in runs, got none there"),
        ("register quik", "must be one of"),
    ],
)
@pytest.mark.usefixtures("catalog")
def test_what_cannot_be_registered(refused: Callable[..., str], arguments: str, message: str) -> None:
    assert message in refused(studies, arguments)


@pytest.mark.usefixtures("done")
def test_an_architecture_that_the_study_lacks(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert studies(["register", "tiny", "--archs", "vae", "--runs", str(finished)]) == 2
    said = capsys.readouterr().err
    assert "must have a complete run of vae to register, got those of hourglass, unet." in said


@pytest.mark.slow
@pytest.mark.usefixtures("catalog", "inline")
def test_models_on_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, done: Done
) -> None:
    """Artifacts go to the server, and the registry is its own."""
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    arguments = ["server", "--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db"]
    arguments += ["--serve-artifacts", "--artifacts-destination", str(tmp_path / "served")]
    with answering(tmp_path, *arguments, health="health") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        assert sweep(tmp_path / "runs", "--tracking", url) == 0
        before = register(tmp_path / "runs", capsys, "--tracking", url)
        assert register(tmp_path / "runs", capsys, "--tracking", url) == before
        served = mlflow.pyfunc.load_model("models:/tiny-unet@best")
        assert served.predict(served.input_example)["mask"][0].startswith(b"\x89PNG")
        assert len(list_models(MlflowClient(url))) == 2

"""Fixtures shared by all tests: a quiet process and tiny configurations on the synthetic dancers."""

import os
import shutil
import signal
import sqlite3
import tarfile
from contextlib import closing

from hourglass_bench.bench.commands.cli import prepare_process

prepare_process()
os.environ["OMP_NUM_THREADS"] = "1"  # tests share the cores among each other
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from collections.abc import Callable, Iterator  # noqa: E402 - torch reads its environment when it is imported
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402

from hourglass_bench.architectures.registry import configure  # noqa: E402
from hourglass_bench.bench import progress  # noqa: E402
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig  # noqa: E402
from hourglass_bench.bench.tracking import store  # noqa: E402
from hourglass_bench.studies.spaces import grid, to_units  # noqa: E402
from hourglass_bench.studies.study import Factorial  # noqa: E402
from hourglass_bench.studies.unit import Unit  # noqa: E402

TINY_DATA = {"synthetic_scenes": 6, "synthetic_frames": 2, "folds": 3}
TINY_TRAINING = TrainingConfig(epochs=2, batch_size=4)


@pytest.fixture(scope="session", autouse=True)
def copied_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """New tracking stores of this process are copies of the first one: MLflow takes seconds to make its tables."""
    template, make_tables = tmp_path_factory.mktemp("template") / "mlflow.db", store._make_tables

    def copy(path: Path) -> None:
        if not template.exists():
            make_tables(template)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(template, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_make_tables", copy)
        yield


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests run in the background of a shell, which makes them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[list[str]], int], str], str]:
    """Function that gives wrong arguments to a command line and returns what it said: one paragraph, code 2.

    The command runs in an empty folder but for what the test puts there, and leaves nothing behind.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "_SHORT", 600.0)  # what is imported may take seconds here

    def refuse(main: Callable[[list[str]], int], arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert main(arguments.split()) == 2
        said = capsys.readouterr()
        assert len(said.err.strip().splitlines()) == 1
        assert said.out == ""
        assert sorted(tmp_path.rglob("*")) == before
        return said.err

    return refuse


@pytest.fixture(scope="session")
def tiny_config() -> Callable[..., RunConfig]:
    """Function that makes a config which trains in a moment; keywords replace its fields."""

    def make(name: str = "unet", **changes: Any) -> RunConfig:
        fields: dict[str, Any] = {
            "architecture": configure(name, (4, 8)),
            "data": DataConfig(size=(16, 16), **TINY_DATA),
            "training": TINY_TRAINING,
        }
        return RunConfig(**(fields | changes))

    return make


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    return to_units(grid(("hourglass", "unet"), depth=(2,), base_width=(4,), growth=(2.0,)), data, training)


@pytest.fixture(scope="session")
def tiny_study() -> Factorial:
    """Two architectures x two repeats."""
    return Factorial(
        name="tiny",
        question="Does the line hold?",
        size=16,
        training=TINY_TRAINING,
        plan=_plan,
        repeats=2,
        data=TINY_DATA,
    )


@pytest.fixture(scope="session")
def folder_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set on disk: six scenes of two synthetic frames, 24 pixels wide and 32 high."""
    from PIL import Image

    from hourglass_bench.bench.data.synthetic import generate

    root = tmp_path_factory.mktemp("data")
    frames = generate(scenes=6, frames_per_scene=2, size=(32, 24), seed=0)
    for stem, image, mask in zip(frames.stems, frames.images, frames.masks, strict=True):
        for kind, pixels in (("images", image), ("masks", mask)):
            (root / kind).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(root / kind / f"{stem}.png")
    return root


@pytest.fixture(params=["version-3", "version-4", "version-5", "version-6", "version-7", "version-8", "version-9"])
def stored(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A store that the code of an older schema version made, unpacked where a test may change it.

    The folder holds data (which the runs know as `data`), runs and expected.json. 35 of the 36 units of `quick` are
    complete, one waits.
    """
    with tarfile.open(Path(__file__).parent / "stored" / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / request.param
    with closing(sqlite3.connect(folder / "runs" / "mlflow.db")) as database, database:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            moved = f"UPDATE {table} SET {column} = replace({column}, 'file:///STORED', ?)"
            database.execute(moved, (folder.as_uri(),))
    return folder

"""Every command over every name of a registry: it works, or says in a sentence why it does not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hourglass_bench.architectures.registry import ARCHITECTURES, PRESETS, configure, get_spec
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.checkpoint import load_checkpoint
from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.perf.config import PerfConfig
from tests.bench.conftest import Train

Refused = Callable[..., str]
TINY = "--size 16 --synthetic-scenes 6 --synthetic-frames 1 --folds 3 --epochs 1 --batch-size 4"


@pytest.fixture(scope="module", params=ARCHITECTURES)
def trained(request: pytest.FixtureRequest, train: Train) -> dict[str, Any]:
    """What `bench train` answers for an architecture of which nothing but the name is given, and that name."""
    return train(f"--arch {request.param} {TINY}") | {"name": request.param}


def test_train_takes_every_architecture(trained: dict[str, Any]) -> None:
    assert trained["state"] == "complete"
    network = load_checkpoint(Path(trained["checkpoint"]))[1].architecture
    assert network == configure(trained["name"])


def test_predict_takes_what_segments(
    trained: dict[str, Any], folder_data: Path, tmp_path: Path, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"predict {trained['checkpoint']} {folder_data} --out {tmp_path}/masks --device cpu --json"
    if get_spec(trained["name"]).reconstructs:
        said = refused(main, arguments)
        assert f"predict must be given a network that segments, got {trained['name']}; use sample." in said
    else:
        assert main(arguments.split()) == 0
        assert json.loads(capsys.readouterr().out) == {"masks": 12, "out": f"{tmp_path}/masks"}
        for folder in (tmp_path / "masks", tmp_path / "masks" / "overlays"):
            assert {path.stem for path in folder.glob("*.png")} == {path.stem for path in folder_data.glob("images/*")}
        with Image.open(tmp_path / "masks" / "00000_0000.png") as mask:
            assert mask.size == (24, 32)
            assert set(mask.tobytes()) <= {0, 255}


def test_sample_takes_what_reconstructs(
    trained: dict[str, Any], runs: Path, tmp_path: Path, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"sample {trained['checkpoint']} --runs {runs} --out {tmp_path} --device cpu --json"
    reconstructs, has_prior = get_spec(trained["name"]).reconstructs, trained["name"] == "vae"
    for wish, name, taken in (("--n 2", "samples", has_prior), ("--traverse 1", "traversals", reconstructs)):
        if taken:
            assert main([*arguments.split(), *wish.split()]) == 0
            assert json.loads(capsys.readouterr().out)[name] == f"{tmp_path}/{name}.png"
        else:
            assert (
                f" must {'come from a vae' if reconstructs else 'be given an autoencoder or a vae'}, got "
                in refused(main, f"{arguments} {wish}")
            )


@pytest.mark.parametrize("name", PRESETS)
def test_perf_takes_every_preset_that_segments(name: str, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[Any] = []

    def compare(networks: dict[str, RunConfig], _: Any, __: Any, perf: PerfConfig, **where: Any) -> Answer:
        measured.extend(networks.items())
        assert perf == PerfConfig(repetitions=2)
        assert where == {"device": "cpu", "out": Path("there")}
        return Answer({})

    monkeypatch.setattr("hourglass_bench.bench.perf.compare.compare", compare)
    arguments = f"perf --preset {name} --repetitions 2 --size 32 --device cpu --out there"
    if get_spec(PRESETS[name].name).reconstructs:
        assert f"--preset must name networks that segment, got {name}." in refused(
            main, arguments.replace("--preset", "--preset unet")
        )
    else:
        assert main(arguments.split()) == 0
        ((label, config),) = measured
        assert (label, config.architecture, config.data.size) == (name, PRESETS[name], (32, 32))
        assert config.training.batch_size == 128
        assert not config.training.augments

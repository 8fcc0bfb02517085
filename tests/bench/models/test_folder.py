"""A checkpoint as the folder of a model: networks from elsewhere, ones that cannot be exported, deep images."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import torch
from mlflow.models import Model

from hourglass_bench.architectures import registry
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.files.intensity import Range
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.models.folder import example, requirements, write_model
from hourglass_bench.bench.models.served import _load_pyfunc
from hourglass_bench.bench.network_source import write_source
from hourglass_bench.bench.stored_config import flatten
from tests.networks import forget_networks

NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stubborn: bool = False):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.stubborn = stubborn

    def forward(self, x):
        y = self.layer(x)
        if self.stubborn and y.mean() > 0:
            y = y + 1
        return y
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "mine.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("MLFLOW_DEFAULT_PREDICTION_DEVICE", "cpu")
    yield
    forget_networks()


def save(config: RunConfig, folder: Path) -> Path:
    (folder / schema.CONFIG_FILE).parent.mkdir()
    network = registry.build(config.architecture, seed=7, size=config.data.size)
    torch.save(network.state_dict(), folder / schema.CHECKPOINT_FILE)
    (folder / schema.CONFIG_FILE).write_text(json.dumps(flatten(config)))
    write_source(config.architecture.name, folder)
    return (folder / schema.CHECKPOINT_FILE).parent


def test_a_network_from_elsewhere_brings_copies_to_read_and_needs_its_file(
    tiny_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = tiny_config(architecture=registry.configure("mine.py:Net"))
    checkpoint = save(config, tmp_path)
    write_model(checkpoint, tmp_path / "model", Model())
    assert (tmp_path / "model/data/checkpoint/source/mine.py").read_text() == NETWORK
    exported, network = (
        mlflow.pytorch.load_model(tmp_path / "model"),
        registry.build(config.architecture, seed=7, size=(16, 16)),
    )
    batch = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(exported(batch), network.eval()(batch))

    (tmp_path / "mine.py").unlink()
    forget_networks()
    mlflow.pytorch.load_model(tmp_path / "model")(batch)  # the export needs no code
    with pytest.raises(ValueError, match=r"mine.py must name|must name a file that exists.* built from mine.py"):
        _load_pyfunc(str(tmp_path / "model/data/checkpoint"))


def test_a_network_that_cannot_be_exported_is_served_all_the_same(
    tiny_config: Callable[..., RunConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny_config(architecture=registry.configure("mine.py:Net", stubborn=True))
    write_model(save(config, tmp_path), tmp_path / "model", Model())
    said = capsys.readouterr().err
    assert "def forward" not in said
    assert said.splitlines()[-1].startswith("mine.py:Net cannot be exported (")
    assert said.endswith("; its model is without the flavour pytorch\n")
    assert Model.load(tmp_path / "model").flavors.keys() == {"python_function"}
    served = mlflow.pyfunc.load_model(tmp_path / "model")
    assert served.predict(served.input_example)["mask"][0].startswith(b"\x89PNG")


def test_the_package_of_a_network_is_among_the_requirements(tiny_config: Callable[..., RunConfig]) -> None:
    monai = pytest.importorskip("monai")
    reference = "monai.networks.nets:BasicUNet"
    options: dict[str, Any] = {"spatial_dims": 2}
    config = tiny_config(architecture=registry.configure(reference, **options))
    assert requirements(config)[-1] == f"monai=={monai.__version__}"
    assert not [line for line in requirements(config) if "+" in line or line.startswith(("pytest", "ray"))]


@pytest.mark.parametrize(
    "limits", [None, Range(100.0, 4000.0, "uint16"), Range(-3.0, 5.0, "float"), Range(-500.0, 900.0, "int16")]
)
def test_the_example_is_read_as_the_images_of_the_training_are(
    tiny_config: Callable[..., RunConfig], tmp_path: Path, limits: Range | None
) -> None:
    checkpoint = save(tiny_config(), tmp_path)
    reading = Reading(limits=limits)
    (tmp_path / schema.READING_FILE).write_text(json.dumps(asdict(reading)))
    served = _load_pyfunc(str(checkpoint))
    masks = served.predict(pd.DataFrame({"image": [example(reading, (16, 16)), example(Reading(), (16, 16))][:1]}))
    assert masks["mask"][0].startswith(b"\x89PNG")


def test_a_network_that_reconstructs_is_refused(tiny_config: Callable[..., RunConfig], tmp_path: Path) -> None:
    checkpoint = save(tiny_config("vae"), tmp_path)
    with pytest.raises(ValueError, match="^predict must be given a network that segments, got vae; use sample.$"):
        _load_pyfunc(str(checkpoint))

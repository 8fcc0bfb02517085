"""Trained networks that several files look at: a VAE of masks and an auto-encoder of images."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.config import Target
from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.config import DataConfig, RunConfig
from hourglass_bench.bench.stored_config import flatten
from hourglass_bench.bench.training.setup import Setup, prepare

MakeConfig = Callable[..., RunConfig]
MakeSetup = Callable[..., tuple[RunConfig, Setup]]
Train = Callable[[str], dict[str, Any]]
DATA = "--synthetic-scenes 6 --synthetic-frames 3 --folds 3"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Networks this small gain nothing from a second thread, and beside another process they lose to it."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generative")


@pytest.fixture(scope="session")
def train(runs: Path) -> Train:
    """Function that gives flags to `bench train` and returns what it answers."""

    def train(arguments: str) -> dict[str, Any]:
        with redirect_stdout(io.StringIO()) as said:
            assert main(["train", *arguments.split(), "--runs", str(runs), "--device", "cpu", "--json"]) == 0
        return json.loads(said.getvalue())

    return train


@pytest.fixture(scope="session")
def mask_vae(train: Train) -> dict[str, Any]:
    """Frames of 32 pixels, too small for MS-SSIM."""
    network = "--arch vae --target mask --latent 4 --channels 4 8 --size 32"
    return train(f"{network} --epochs 2 --batch-size 4 --lr 1e-2 {DATA}")


@pytest.fixture(scope="session")
def image_autoencoder(train: Train) -> dict[str, Any]:
    return train(f"--arch autoencoder --target image --channels 4 8 --size 48 --epochs 1 --batch-size 4 {DATA}")


@pytest.fixture(scope="session")
def make_config(tiny_config: MakeConfig) -> MakeConfig:
    """Function that makes a config of a tiny network by its name, target and latent."""

    def make(name: str, target: Target | None = None, latent: int = 0, **changes: Any) -> RunConfig:
        architecture = registry.configure(name, (4, 8), target=target, latent=latent, image_size=(16, 16))
        return tiny_config(architecture=architecture, **changes)

    return make


@pytest.fixture(scope="session")
def make_setup(runs: Path, make_config: MakeConfig) -> MakeSetup:
    """Function that makes a config and what its run would work with, the network untrained, on 18 frames."""
    data = DataConfig(size=(16, 16), synthetic_scenes=6, synthetic_frames=3, folds=3)

    def make(name: str, target: Target | None = None, latent: int = 0) -> tuple[RunConfig, Setup]:
        config = make_config(name, target, latent, data=data)
        return config, prepare(config, runs / "cache", torch.device("cpu"))

    return make


@pytest.fixture
def save_checkpoint(tmp_path: Path, make_config: MakeConfig) -> Callable[..., Path]:
    """Function that makes an untrained network by its name, target and latent, and a checkpoint of it.

    Its weights are not those that the seed of its config gives.
    """

    def save(name: str, target: Target | None = None, latent: int = 0) -> Path:
        config = make_config(name, target, latent)
        path = tmp_path / schema.CHECKPOINT_FILE
        path.parent.mkdir(exist_ok=True)
        torch.save(registry.build(config.architecture, seed=7).state_dict(), path)
        (tmp_path / schema.CONFIG_FILE).write_text(json.dumps(flatten(config)))
        return path

    return save

"""Memory that is predicted against memory that is measured, and how long a prediction takes."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from architectures.config import InfeasibleArchitecture, Norm
from architectures.registry import ARCHITECTURES, configure, get_spec
from bench.config import DataConfig, Precision, RunConfig, TrainingConfig
from bench.machine.memory import measure_step
from bench.training.forecast import predict_peak_bytes
from bench.training.pretrain import autoencoder_of
from bench.training.setup import make_trainer
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")


def make_config(
    name: str, channels: tuple[int, ...], size: tuple[int, int], latent: int = 0, norm: Norm = "none", **training: Any
) -> RunConfig:
    architecture = configure(name, channels, norm=norm, latent=latent, image_size=size)
    return RunConfig(architecture=architecture, data=DataConfig(size=size), training=TrainingConfig(**training))


def measured(config: RunConfig) -> int:
    trainer = make_trainer(config, 10, CPU)
    trainer.network.train()
    batch = torch.arange(config.training.batch_size)
    images = torch.zeros((64, *config.data.size, 3), dtype=torch.uint8).permute(0, 3, 1, 2)[batch]
    masks = torch.zeros((64, 1, *config.data.size), dtype=torch.bool)[batch]
    step = measure_step(
        lambda: trainer.step(images, masks, trainer.sample(len(batch))),
        lambda: [images, masks, *trainer.resident()],
        CPU,
    )
    return step.tensor_peak


@pytest.mark.parametrize("name", [name for name, spec in ARCHITECTURES.items() if not spec.stream])
@pytest.mark.parametrize(
    ("norm", "size", "batch", "clip_norm"),
    [("none", (32, 32), 3, 1.0), ("batch", (19, 34), 8, 0.0), ("group", (16, 16), 1, 1.0), ("group", (19, 34), 8, 0.0)],
)
def test_prediction_equals_measurement_to_the_byte(
    name: str, norm: Norm, size: tuple[int, int], batch: int, clip_norm: float, precision: Precision
) -> None:
    training = {"batch_size": batch, "clip_norm": clip_norm, "precision": precision}
    config = make_config(name, (4, 8, 12), size, norm=norm, **training)
    assert predict_peak_bytes(config, CPU) == measured(config)


@pytest.mark.parametrize("name", ["unet", "autoencoder", "vae"])
@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_a_flat_latent_and_a_fixed_sigma_are_predicted_to_the_byte(
    name: str, sigma: float, precision: Precision
) -> None:
    config = make_config(name, (4, 8), (19, 34), latent=40, batch_size=3, sigma=sigma, precision=precision)
    assert predict_peak_bytes(config, CPU) == measured(config)


@pytest.mark.parametrize(("name", "larger"), [("hourglass", "autoencoder"), ("unet", "unet")])
def test_of_a_run_that_pretrains_the_larger_step_counts(name: str, larger: str) -> None:
    config = make_config(name, (16, 16), (32, 32), batch_size=4, epochs=2, pretrain_epochs=1)
    scratch = replace(config, training=replace(config.training, pretrain_epochs=0))
    own, teacher = measured(scratch), measured(autoencoder_of(config))
    assert (teacher > own) == (larger == "autoencoder")
    assert predict_peak_bytes(config, CPU) == max(own, teacher)
    assert predict_peak_bytes(scratch, CPU) == own


def test_what_no_machine_could_hold_is_predicted_as_well() -> None:
    config = make_config("unet", (4096, 8192, 16384), (64, 64), batch_size=8)
    with torch.device("meta"):
        network = get_spec("unet").network(config.architecture)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert predict_peak_bytes(config, CPU) > 4 * 4 * parameters  # weights, gradients and AdamW's two moments


def test_what_does_not_fit_the_frames_is_infeasible(tiny_config: MakeConfig) -> None:
    with pytest.raises(InfeasibleArchitecture, match="largest depth that fits is 4"):
        predict_peak_bytes(tiny_config(architecture=configure("unet", (2,) * 5)), CPU)

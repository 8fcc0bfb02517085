"""Memory that is predicted against memory that is measured, and how long a prediction takes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.architectures.config import Block, EncoderDecoderConfig, InfeasibleArchitecture, Norm
from hourglass_bench.architectures.registry import ARCHITECTURES, configure, get_spec
from hourglass_bench.bench.config import DataConfig, Precision, RunConfig, TrainingConfig, run_name
from hourglass_bench.bench.machine.memory import measure_step
from hourglass_bench.bench.training import forecast
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.measure import measure_memory
from hourglass_bench.bench.training.pretrain import autoencoder_of
from hourglass_bench.bench.training.setup import make_trainer, prepare
from hourglass_bench.studies.catalog import quick
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")


def make_config(name: str, channels: tuple[int, ...], size: tuple[int, int], **options: Any) -> RunConfig:
    """Options of the network, and of the training."""
    made_of = {key: value for key, value in options.items() if key in EncoderDecoderConfig.__dataclass_fields__}
    training = TrainingConfig(**{key: value for key, value in options.items() if key not in made_of})
    architecture = configure(name, channels, image_size=size, **made_of)
    return RunConfig(architecture=architecture, data=DataConfig(size=size), training=training)


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


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "unet_twin"])
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


@pytest.mark.parametrize("name", ["hourglass", "unet", "vae"])
@pytest.mark.parametrize("norm", ["none", "batch", "group"])
@pytest.mark.parametrize(
    "options",
    [
        {"block": "double", "bottom": 24},
        {"block": "double", "upsampling": "bilinear"},
        {"block": "residual", "bottom": 24, "latent": 8},
        {"block": "residual", "upsampling": "bilinear", "bottom": 24},
    ],
    ids=["original", "bilinear", "residual-flat", "residual-bilinear"],
)
def test_whatever_a_network_is_made_of_is_predicted_to_the_byte(
    name: str, norm: Norm, options: dict[str, Any], precision: Precision
) -> None:
    config = make_config(name, (4, 8, 12), (19, 34), norm=norm, batch_size=3, precision=precision, **options)
    assert predict_peak_bytes(config, CPU) == measured(config)


@pytest.mark.parametrize("block", ["double", "residual"])
def test_blocks_at_full_resolution_are_predicted_to_the_byte(block: Block, precision: Precision) -> None:
    config = make_config("simple_conv", (4, 8, 12), (19, 34), norm="batch", block=block, precision=precision)
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


def test_every_network_of_quick_is_predicted_to_the_byte(cache: Path, precision: Precision) -> None:
    """By what a run measures: one batch of its frames, in its memory format."""
    setting = quick.STUDY.setting(repeats=1)
    setting = setting._replace(training=replace(setting.training, precision=precision))
    configs = [unit.config for unit in quick.STUDY.units(setting)]
    setup = prepare(configs[0], cache, CPU)
    peaks = {run_name(config): measure_memory(config, setup, CPU).tensor_peak for config in configs}
    assert len(peaks) == 12
    assert {run_name(config): predict_peak_bytes(config, CPU) for config in configs} == peaks


def test_a_gpu_has_its_context_before_the_step(tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Autograd asks it for a stream, of fake tensors too."""
    happened: list[object] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", lambda _, device: happened.append(device))
    monkeypatch.setattr(forecast, "capabilities", lambda *_: None)
    monkeypatch.setattr(forecast, "_predict", lambda *_: happened.append("step") or 7)
    assert predict_peak_bytes(tiny_config(), torch.device("cuda:1")) == 7
    assert happened == [torch.device("cuda:1"), "step"]
    predict_peak_bytes(tiny_config(), CPU)
    assert happened[2:] == ["step"]


def test_what_no_machine_could_hold_is_predicted_as_well() -> None:
    config = make_config("unet", (4096, 8192, 16384), (64, 64), batch_size=8)
    with torch.device("meta"):
        network = get_spec("unet").network(config.architecture)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert predict_peak_bytes(config, CPU) > 4 * 4 * parameters  # weights, gradients and AdamW's two moments


def test_what_does_not_fit_the_frames_is_infeasible(tiny_config: MakeConfig) -> None:
    with pytest.raises(InfeasibleArchitecture, match="largest depth that fits is 4"):
        predict_peak_bytes(tiny_config(architecture=configure("unet", (2,) * 5)), CPU)

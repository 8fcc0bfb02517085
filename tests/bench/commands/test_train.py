"""The flags of `bench train`: which configuration they are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.architectures.registry import ARCHITECTURES, PRESETS, configure, get_preset
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.config import AUGMENTATION, DataConfig, RunConfig, TrainingConfig

Configured = Callable[[str], RunConfig]
DEFAULT = RunConfig(architecture=configure("unet"), data=DataConfig(), training=TrainingConfig())


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Configured:
    """Function that gives flags to the command and returns the configuration that would be trained."""
    configs: list[RunConfig] = []

    def train_one(config: RunConfig, **_: Any) -> dict[str, Any]:
        configs.append(config)
        return {}

    monkeypatch.setattr("hourglass_bench.bench.commands.train.train_one", train_one)

    def configure(arguments: str) -> RunConfig:
        assert main(["train", *arguments.split()]) == 0
        return configs[-1]

    return configure


def test_no_flag_is_the_default_of_every_config(configured: Configured) -> None:
    assert configured("") == DEFAULT
    assert DEFAULT.architecture == get_preset("unet")


@pytest.mark.parametrize(
    ("flags", "section", "changes"),
    [
        ("--data mine --scene-pattern (x) --folds 3", "data", {"path": "mine", "scene_pattern": "(x)", "folds": 3}),
        ("--size 64", "data", {"size": (64, 64)}),
        ("--size 48 64 --split random_frames", "data", {"size": (48, 64), "split": "random_frames"}),
        ("--synthetic-scenes=9 --labelled-scenes 2", "data", {"synthetic_scenes": 9, "labelled_scenes": 2}),
        ("--loss bce=1 dice=3", "training", {"loss": (("bce", 1), ("dice", 3))}),
        ("--loss tversky=0.5", "training", {"loss": (("tversky", 0.5),)}),
        ("--color-jitter 0 --lr 1e-2 --beta_warmup 0", "training", {"color_jitter": 0, "lr": 0.01, "beta_warmup": 0}),
        ("--precision fp32 --schedule constant", "training", {"precision": "fp32", "schedule": "constant"}),
        ("--augment none", "training", dict.fromkeys(AUGMENTATION, 0)),
        ("--augment none --flip 1", "training", dict.fromkeys(AUGMENTATION, 0)),
        ("--augment full --flip 1", "training", {"flip": 1}),
    ],
)
def test_a_flag_is_a_field(flags: str, section: str, changes: dict[str, Any], configured: Configured) -> None:
    changed = replace(getattr(DEFAULT, section), **changes)
    assert configured(flags) == replace(DEFAULT, **{section: changed})


def test_the_repeat_is_a_flag(configured: Configured) -> None:
    assert configured("--repeat 3") == replace(DEFAULT, repeat=3)


@pytest.mark.parametrize(
    ("flags", "name", "options"),
    [
        ("--arch hourglass --channels 4 8 16 --norm batch", "hourglass", {"channels": (4, 8, 16), "norm": "batch"}),
        ("--channels 4 8 16 --skips 1 3", "unet", {"channels": (4, 8, 16), "skips": (1, 3)}),
        ("--skips none", "unet", {"skips": "none"}),
        ("--arch hourglass --skips all", "hourglass", {"skips": "all"}),
        ("--arch simple_conv --decoder-channels", "simple_conv", {"decoder_channels": ()}),
        ("--channels 4 8 --decoder-channels 6 4", "unet", {"channels": (4, 8), "decoder_channels": (6, 4)}),
        ("--arch vae --target mask", "vae", {"target": "mask"}),
        ("--arch simple_conv --block residual", "simple_conv", {"block": "residual"}),
        (
            "--block double --upsampling bilinear --channels 4 8 --bottom 16",
            "unet",
            {"block": "double", "upsampling": "bilinear", "channels": (4, 8), "bottom": 16},
        ),
        ("--arch vae --latent 8", "vae", {"latent": 8, "image_size": (128, 128)}),
    ],
)
def test_flags_shape_the_network(flags: str, name: str, options: dict[str, Any], configured: Configured) -> None:
    assert configured(flags).architecture == configure(name, **options)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_network(name: str, configured: Configured) -> None:
    assert configured(f"--preset {name}") == replace(DEFAULT, architecture=PRESETS[name])
    assert configured(f"--preset {name} --norm group").architecture == replace(PRESETS[name], norm="group")


@pytest.mark.parametrize("name", [name for name, spec in ARCHITECTURES.items() if spec.presets])
def test_the_first_preset_has_the_default_channels(name: str) -> None:
    assert next(iter(ARCHITECTURES[name].presets.values())).channels == configure(name).channels


def test_the_help_names_every_architecture(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in ARCHITECTURES)


def test_choices_are_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="^2$"):
        main(["train", "--runs", str(tmp_path / "runs"), "--norm", "layer"])
    assert "--norm must be one of none, batch, group, got 'layer'. See" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

"""The run configuration: complete, validated, and in one form."""

from collections.abc import Callable
from typing import Any

import pytest

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.training.pretrain import kinds_of_steps


def make(**changes: Any) -> RunConfig:
    sections = {"architecture": configure("unet", (4, 8)), "data": DataConfig(), "training": TrainingConfig()}
    return RunConfig(**(sections | changes))


FRAMES = r"architecture.image_size must be the frames' size \(128, 128\), got \(64, 64\)"


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        (TrainingConfig, {"epochs": 0}, "training.epochs must be at least 1, got 0"),
        (TrainingConfig, {"lr": 0}, "training.lr must be above 0, got 0"),
        (TrainingConfig, {"flip": 1.5}, r"training.flip must lie in \[0, 1\], got 1.5"),
        (TrainingConfig, {"loss": (("bce", 0.0),)}, "training.loss must have a weight above 0"),
        (
            TrainingConfig,
            {"loss": (("bce", 1), ("dice", -1))},
            "training.loss dice must have a finite weight of at least 0",
        ),
        (TrainingConfig, {"loss": (("bce", 1.0), ("bce", 2.0))}, "training.loss must name each loss once"),
        (TrainingConfig, {"schedule": "step"}, "training.schedule must be one of one_cycle, constant, got 'step'"),
        (TrainingConfig, {"beta": -0.1}, "training.beta must be at least 0, got -0.1"),
        (TrainingConfig, {"sigma": 0.001}, "or at least one grey level, 0.00392, got 0.001"),
        (TrainingConfig, {"sigma": -0.1}, r"training.sigma must be 0 \(learnt\) or at least .*, 0.00392, got -0.1"),
        (TrainingConfig, {"beta_warmup": 1.0}, r"training.beta_warmup must lie in \[0, 1\), got 1.0"),
        (TrainingConfig, {"beta_warmup": -0.1}, r"training.beta_warmup must lie in \[0, 1\), got -0.1"),
        (TrainingConfig, {"epochs": 5, "pretrain_epochs": 5}, r"at least 0 and less than the epochs \(5\), got 5"),
        (TrainingConfig, {"pretrain_epochs": -1}, r"training.pretrain_epochs must be at least 0 and .* \(30\), got -1"),
        (TrainingConfig, {"epochs": 3, "freeze_epochs": 3}, r"freeze_epochs must .* pre-training \(3\), got 3"),
        (TrainingConfig, {"epochs": 3, "pretrain_epochs": 1, "freeze_epochs": 2}, r"after pre-training \(2\), got 2"),
        (TrainingConfig, {"freeze_epochs": -1}, r"training.freeze_epochs must be at least 0 and .* \(30\), got -1"),
        (TrainingConfig, {"encoder_lr_factor": 0.0}, r"training.encoder_lr_factor must lie in \(0, 1\], got 0.0"),
        (TrainingConfig, {"encoder_lr_factor": 1.5}, r"training.encoder_lr_factor must lie in \(0, 1\], got 1.5"),
        (TrainingConfig, {"weights": "w.pt", "pretrain_epochs": 1}, "weights must be empty with training.pretrain_ep"),
        (DataConfig, {"size": (8, 64)}, r"data.size must be at least 16 pixels high and wide, got \(8, 64\)"),
        (DataConfig, {"folds": 2}, r"data.folds must be at least 3 \(train, validation, test\), got 2"),
        (DataConfig, {"labelled_scenes": -1}, "data.labelled_scenes must be at least 0, got -1"),
        (make, {"repeat": -1}, "repeat must be at least 0, got -1"),
        (make, {"architecture": configure("unet", (4,), latent=8, image_size=(64, 64))}, FRAMES),
    ],
)
def test_values_out_of_range_are_refused(part: Callable[..., Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        part(**changes)


def test_repeat_walks_through_the_folds() -> None:
    assert [make(repeat=repeat).fold for repeat in range(7)] == [0, 1, 2, 3, 4, 0, 1]


def test_losses_have_one_form() -> None:
    """However they are given: what weighs nothing is left out, and the order says nothing."""
    given = TrainingConfig(loss=(("focal", 0), ("dice", 3), ("bce", 1)))
    assert given == TrainingConfig(loss=(("bce", 1.0), ("dice", 3.0)))
    assert given.loss == (("bce", 1.0), ("dice", 3.0))


@pytest.mark.parametrize("name", ["autoencoder", "simple_conv"])
def test_pre_training_is_for_encoder_decoders_that_segment(name: str) -> None:
    config = make(architecture=configure(name, (4,)), training=TrainingConfig(pretrain_epochs=1))
    with pytest.raises(ValueError, match=f"be 0 for {name}, got 1: only an encoder-decoder that segments"):
        kinds_of_steps(config)

"""What is said before anything long begins."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hourglass_bench.bench.commands.early import FEW_STEPS, say_early
from hourglass_bench.bench.config import RunConfig, TrainingConfig, fitting_batch
from hourglass_bench.bench.training.autotune import tune
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.measure import step_memory
from hourglass_bench.bench.training.setup import Setup, prepare
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")


@pytest.fixture
def made(tmp_path: Path, tiny_config: MakeConfig) -> tuple[RunConfig, Setup]:
    """A config whose batch of 1000 is more than its four training frames."""
    config = tiny_config(training=TrainingConfig(epochs=3, batch_size=1000))
    return config, prepare(config, tmp_path, CPU)


def test_a_batch_above_the_training_set_is_said_once(
    made: tuple[RunConfig, Setup], capsys: pytest.CaptureFixture[str]
) -> None:
    config, setup = made
    say_early([config, replace(config, repeat=1), config], setup.dataset.frames)
    batch, steps = capsys.readouterr().err.splitlines()
    assert batch == "warning: the batch of 1000 is more than there is to train on: it has 4 frames"
    assert steps.startswith("warning: all 3 epochs together are 3 optimiser steps, few to learn from; raise the epochs")


@pytest.mark.parametrize(("epochs", "warns"), [(FEW_STEPS // 2 - 1, True), (FEW_STEPS // 2, False)])
def test_few_steps_are_said(
    epochs: int, warns: bool, made: tuple[RunConfig, Setup], capsys: pytest.CaptureFixture[str]
) -> None:
    config, setup = made
    config = replace(config, training=TrainingConfig(epochs=epochs, batch_size=2))  # two steps an epoch
    say_early([config], setup.dataset.frames)
    assert bool(capsys.readouterr().err) is warns


def test_memory_is_that_of_the_batch_that_there_is(made: tuple[RunConfig, Setup]) -> None:
    config, setup = made
    frames = len(setup.split.train)
    fitting = fitting_batch(config, frames)
    assert fitting.training.batch_size == frames == 4
    assert step_memory(config, setup, CPU).tensor_peak == predict_peak_bytes(fitting, CPU)
    assert setup.trainer.config.batch_size == frames


def test_a_batch_that_there_is_stays_itself(made: tuple[RunConfig, Setup]) -> None:
    config, _ = made
    assert fitting_batch(config, 1000) is config


def test_settings_are_tried_with_the_batch_that_there_is(
    made: tuple[RunConfig, Setup], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def measured(make: object, options: object, batch: tuple[torch.Tensor, torch.Tensor], reference: object) -> object:
        sizes.append(len(batch[0]))
        raise InterruptedError("measured")

    monkeypatch.setattr("hourglass_bench.bench.training.autotune.measure", measured)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "none")
    with pytest.raises(InterruptedError, match="measured"):
        tune(*made, tmp_path, CPU)
    assert sizes == [4]

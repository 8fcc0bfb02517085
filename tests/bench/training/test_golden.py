"""Losses of the first steps of every architecture: a silent change of arithmetic is seen here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hourglass_bench.architectures.registry import ARCHITECTURES, configure
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.training.setup import make_trainer

GOLDEN: dict[str, list[float]] = json.loads(Path(__file__).with_name("golden.json").read_text())
SIZE, BATCH, STEPS = (24, 20), 4, 5
TOLERANCE = 1e-4
"""Other CPUs and memory formats differ by up to 3e-7."""
CHANGED = (
    "the losses are not those of the stored golden numbers: if that is meant, raise bench.training.ARITHMETIC, so that "
    "no study mixes both, and store the new numbers in golden.json"
)


def golden_config(name: str) -> RunConfig:
    return RunConfig(
        architecture=configure(name, (4, 8), norm="group"),
        data=DataConfig(size=SIZE),
        training=TrainingConfig(batch_size=BATCH, epochs=STEPS, precision="fp32"),
        repeat=3,
    )


def losses(config: RunConfig) -> list[float]:
    """Of one step after the other, each on frames of its own: noise with a bright disc, which is the mask."""
    trainer = make_trainer(config, STEPS, torch.device("cpu"))
    trainer.network.train()
    generator = torch.Generator().manual_seed(1)
    height, width = SIZE
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    found = []
    for step in range(STEPS):
        images = torch.randint(0, 160, (BATCH, 3, height, width), generator=generator)
        radius = torch.tensor([3, 5, 7, 9]) - step % 2
        masks = ((rows - 10) ** 2 + (columns - 8 - step) ** 2)[None, None] < radius.view(-1, 1, 1, 1) ** 2
        pixels = (images + 90 * masks).to(torch.uint8).contiguous(memory_format=torch.channels_last)
        found.append(float(trainer.step(pixels, masks, trainer.sample(BATCH))))
    return found


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_losses_are_the_golden_ones(name: str) -> None:
    config = golden_config(name)
    assert config.training.augments
    assert losses(config) == pytest.approx(GOLDEN[name], rel=TOLERANCE), CHANGED


@pytest.mark.parametrize("change", [{"lr": 3.1e-3}, {"color_jitter": 0.41}, {"clip_norm": 0.0}, {"weight_decay": 1.0}])
def test_a_small_change_of_the_arithmetic_is_seen(change: dict[str, float]) -> None:
    config = golden_config("unet")
    changed = replace(config, training=replace(config.training, **change))  # type: ignore[arg-type]
    assert losses(changed) != pytest.approx(GOLDEN["unet"], rel=TOLERANCE)

"""Pre-training: an encoder that learns to reconstruct the training images before it learns to segment them.

The budget stays equal: pre-training takes as many steps of the run's as its epochs would have taken to segment. It sees
the images of all training scenes, of those without labels too, and no image of the validation and test scenes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from hourglass_bench.architectures.config import CHANNELS_OF
from hourglass_bench.architectures.registry import get_spec
from hourglass_bench.bench.config import RunConfig, step_shape
from hourglass_bench.bench.training.setup import Setup, epoch_steps, execution_choices, make_trainer


class Pretrained(NamedTuple):
    """How pre-training went."""

    broken: str
    """How it diverged; empty if it did not."""
    graph_failure: str
    """See `Trainer.graph_failure`."""


def pretrain(config: RunConfig, setup: Setup, on_step: Callable[[], None]) -> Pretrained:
    """Replace the encoder of the setup's network by that of an auto-encoder of the same sizes."""
    teacher = autoencoder_of(config)
    steps, epochs, device = epoch_steps(config.training, setup.split), teacher.training.epochs, setup.trainer.device
    trainer = make_trainer(teacher, steps * epochs, device, execution_choices(teacher, device)[0])
    frames = torch.from_numpy(np.concatenate((setup.split.train, setup.split.unlabelled)))
    generator, broken = torch.Generator().manual_seed(config.repeat), ""
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(frames), generator=generator)
        size = min(config.training.batch_size, len(setup.split.train))
        total, _ = trainer.train_epoch(setup.data, frames[order[: steps * size]], on_step)
        if not total.isfinite():
            broken = f"the pre-training loss was {total.item()} in epoch {epoch}"
            break
    taken = tuple(f"{name}." for name in get_spec(config.architecture.name).encoder)
    learnt = {name: tensor for name, tensor in trainer.network.state_dict().items() if name.startswith(taken)}
    setup.trainer.network.load_state_dict(learnt, strict=False)
    return Pretrained(broken, trainer.graph_failure)


def kinds_of_steps(config: RunConfig) -> list[RunConfig]:
    """Configs of all kinds of steps of a run, see `step_shape`: those of its auto-encoder too where it pre-trains."""
    kinds = [config, autoencoder_of(config)] if config.training.pretrain_epochs else [config]
    return [step_shape(kind) for kind in kinds]


def autoencoder_of(config: RunConfig) -> RunConfig:
    """The auto-encoder of images whose encoder has the sizes of the configuration's.

    Raises:
        ValueError: the architecture has none.
    """
    teacher, epochs = get_spec(config.architecture.name).teacher, config.training.pretrain_epochs
    if not teacher:
        raise ValueError(
            f"training.pretrain_epochs must be 0 for {config.architecture.name}, got {epochs}: only an encoder-decoder "
            "that segments can take over the encoder of an auto-encoder."
        )
    changes: dict[str, Any] = {"name": teacher, "skips": (), "out_channels": CHANNELS_OF["image"]}
    network = replace(config.architecture, **changes)
    training = replace(config.training, epochs=epochs, pretrain_epochs=0, freeze_epochs=0, encoder_lr_factor=1.0)
    return replace(config, architecture=network, training=training)

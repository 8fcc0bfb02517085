"""What a run works with: frames, their roles, the network and its trainer."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from architectures import registry
from bench.config import RunConfig, TrainingConfig
from bench.data.split import Split, split_frames
from bench.machine.allocator import keep_freed_memory
from bench.machine.device import place
from bench.machine.precision import resolve, set_arithmetic
from bench.training.device_frames import DeviceFrames
from bench.training.encoder import find_encoder
from bench.training.execution import REFERENCE, Execution, choices
from bench.training.held_data import hold, send
from bench.training.objective import make_objective
from bench.training.trainer import Trainer
from bench.training.weights import Loaded, load_weights

if TYPE_CHECKING:
    from bench.data.cache.entry import Dataset


class Setup(NamedTuple):
    """What a run works with."""

    dataset: "Dataset"
    split: Split
    data: DeviceFrames
    trainer: Trainer
    weights: Loaded | None = None
    """What `training.weights` gave the network; None: there is no such file."""

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Images and masks to measure a step with: training frames, over and over if there are too few."""
        indices = torch.from_numpy(np.resize(self.split.train, size))
        return self.data.images[indices], self.data.masks[indices]


def prepare(config: RunConfig, cache: Path, device: torch.device, dataset: "Dataset | None" = None) -> Setup:
    """Build the network and split the data, which are loaded and sent to the device once per process.

    Args:
        dataset: of the config, if the caller has loaded it: then nothing is held.

    Raises:
        ValueError: the architecture, its weights or the data are wrong; then nothing has been written.
    """
    if device.type == "cpu":
        keep_freed_memory()
    network, weights = make_network(config)
    dataset, data = send(dataset, device) if dataset else hold(config.data, cache, device)
    split = split_frames(dataset.frames.scenes, config.data, config.repeat, dataset.frames.given)
    execution = execution_choices(config, network, device)[0]
    trainer = train_network(network, config, planned_steps(config.training, split), device, execution)
    return Setup(dataset, split, data, trainer, weights)


def make_trainer(config: RunConfig, steps: int, device: torch.device, execution: Execution = REFERENCE) -> Trainer:
    """A new network on the device with a schedule that spans `steps` steps."""
    return train_network(make_network(config)[0], config, steps, device, execution)


def make_network(config: RunConfig) -> tuple[nn.Module, Loaded | None]:
    """The network that training begins with, on the CPU, and what it has of a file of weights.

    Raises:
        ValueError: the file has no weights for it, or it has no encoder that is to be trained otherwise.
    """
    network = build(config)
    find_encoder(network, config)
    return network, load_weights(network, config) if config.training.weights else None


def build(config: RunConfig) -> nn.Module:
    """The run's network, new, on the CPU; no file of weights is needed for it."""
    return registry.build(config.architecture, seed=config.repeat, size=config.data.size)


def execution_choices(config: RunConfig, network: nn.Module, device: torch.device) -> list[Execution]:
    """See `bench.training.execution.choices`."""
    return choices(network, config.training, config.data.size, device)


def planned_steps(training: TrainingConfig, split: Split) -> int:
    """Optimiser steps of the whole run, without pre-training."""
    return epoch_steps(training, split) * training.main_epochs


def epoch_steps(training: TrainingConfig, split: Split) -> int:
    """Optimiser steps of an epoch."""
    return max(1, len(split.train) // training.batch_size)


def train_network(
    network: nn.Module, config: RunConfig, steps: int, device: torch.device, execution: Execution = REFERENCE
) -> Trainer:
    """As `make_trainer`, with a network that was built."""
    set_arithmetic(resolve(config.training.precision, device), device)
    placed = place(network, device, execution.torch_format)
    return Trainer(
        placed,
        make_objective(config.architecture, config.training, config.data.size, placed),
        config.training,
        size=config.data.size,
        steps=steps,
        seed=config.repeat,
        device=device,
        execution=execution,
        encoder=list(find_encoder(placed, config).values()),
    )

"""What a run works with: frames, their roles, the network and its trainer."""

from functools import cache as cached
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.config import ArchitectureConfig, EncoderDecoderConfig
from hourglass_bench.bench.config import DataConfig, Precision, RunConfig, TrainingConfig, fitting_batch
from hourglass_bench.bench.data.split import Split, split_frames
from hourglass_bench.bench.machine.allocator import keep_freed_memory
from hourglass_bench.bench.machine.device import place
from hourglass_bench.bench.machine.precision import Arithmetic, resolve, set_arithmetic
from hourglass_bench.bench.training.capabilities import TRIAL_STEPS, Capabilities, probe
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.encoder import find_encoder
from hourglass_bench.bench.training.execution import REFERENCE, Execution, choices
from hourglass_bench.bench.training.held_data import hold, send
from hourglass_bench.bench.training.objective import make_objective
from hourglass_bench.bench.training.trainer import Trainer
from hourglass_bench.bench.training.weights import Loaded, load_weights

if TYPE_CHECKING:
    from hourglass_bench.bench.data.cache.entry import Dataset


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


def prepare(
    config: RunConfig,
    cache: Path,
    device: torch.device,
    dataset: "Dataset | None" = None,
    execution: Execution | None = None,
) -> Setup:
    """Build the network and split the data, which are loaded and sent to the device once per process.

    Args:
        dataset: of the config, if the caller has loaded it: then nothing is held.
        execution: by which it trains; None: the default of its choices.

    Raises:
        ValueError: the architecture, its weights or the data are wrong; then nothing has been written.
    """
    if device.type == "cpu":
        keep_freed_memory()
    network, weights = make_network(config)
    dataset, data = send(dataset, device) if dataset else hold(config.data, cache, device)
    split = split_frames(dataset.frames.scenes, config.data, config.repeat, dataset.frames.given)
    execution = execution or execution_choices(config, device)[0]
    fitting = fitting_batch(config, len(split.train))  # a GPU evaluates as many frames at once as a batch has
    trainer = trainer_of(network, fitting, planned_steps(config.training, split), device, execution)
    return Setup(dataset, split, data, trainer, weights)


def make_trainer(config: RunConfig, steps: int, device: torch.device, execution: Execution | None = None) -> Trainer:
    """A new network on the device with a schedule that spans `steps` steps; by the reference unless told otherwise."""
    return trainer_of(make_network(config)[0], config, steps, device, execution)


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


def execution_choices(config: RunConfig, device: torch.device) -> list[Execution]:
    """See `bench.training.execution.choices`.

    A batch of one of our networks may be split, unless batch norm has statistics of it; that of another one never is:
    what couples its frames may stand in code that no one sees from outside.
    """
    architecture = config.architecture
    if registry.get_spec(architecture.name).origin == "elsewhere":
        reference, splits = capabilities(config, device).reference, False
    else:
        assert isinstance(architecture, EncoderDecoderConfig)
        reference, splits = REFERENCE, architecture.norm != "batch"
    return choices(config.training, config.data.size, device, reference, splits=splits)


def capabilities(config: RunConfig, device: torch.device) -> Capabilities:
    """What the run's network can be carried out by: one of ours by anything, another one is tried once per process.

    Raises:
        ValueError: it cannot be trained.
    """
    architecture, precision = config.architecture, config.training.precision
    gone = device.type == "cuda" and not torch.cuda.is_available()  # whose memory is forecast elsewhere
    if gone or registry.get_spec(architecture.name).origin == "here":
        return Capabilities(REFERENCE, resolve(precision, device))
    return _probed(architecture, config.data.size, precision, device)


@cached
def _probed(
    architecture: ArchitectureConfig, size: tuple[int, int], precision: Precision, device: torch.device
) -> Capabilities:
    config = RunConfig(architecture=architecture, data=DataConfig(size=size), training=TrainingConfig())

    def make(execution: Execution, arithmetic: Arithmetic) -> Trainer:
        return _trainer(build(config), config, TRIAL_STEPS, device, execution, arithmetic)

    traced = registry.traced(architecture, *size)
    arithmetic, notes = resolve(precision, device), traced.notes
    returns_probabilities = traced.reading.in_training or traced.reading.in_evaluation
    if returns_probabilities and arithmetic == "bf16":  # which rounds what is nearly certain to certain
        arithmetic, notes = "fp32", (*notes, "it is trained in float32, since bfloat16 has no probabilities near 1")
    found = probe(make, architecture.name, size, arithmetic)
    return found._replace(notes=(*notes, *found.notes))


def planned_steps(training: TrainingConfig, split: Split) -> int:
    """Optimiser steps of the whole run, without pre-training."""
    return epoch_steps(training, split) * training.main_epochs


def epoch_steps(training: TrainingConfig, split: Split) -> int:
    """Optimiser steps of an epoch."""
    return max(1, len(split.train) // training.batch_size)


def trainer_of(
    network: nn.Module, config: RunConfig, steps: int, device: torch.device, execution: Execution | None = None
) -> Trainer:
    """As `make_trainer`, with a network that was built."""
    able = capabilities(config, device)
    return _trainer(network, config, steps, device, execution or able.reference, able.arithmetic)


def _trainer(
    network: nn.Module,
    config: RunConfig,
    steps: int,
    device: torch.device,
    execution: Execution,
    arithmetic: Arithmetic,
) -> Trainer:
    set_arithmetic(arithmetic, device)
    placed = place(network, device, execution.torch_format)
    return Trainer(
        placed,
        make_objective(config.architecture, config.training, config.data.size, placed),
        config.training,
        size=config.data.size,
        steps=steps,
        seed=config.repeat,
        device=device,
        arithmetic=arithmetic,
        execution=execution,
        encoder=list(find_encoder(placed, config).values()),
    )

"""What a run works with: frames, their roles, the network and its trainer."""

from pathlib import Path
from typing import NamedTuple

import torch

from architectures import registry
from bench.config import RunConfig
from bench.data.dataset import Dataset, load
from bench.data.split import Split, split_frames
from bench.device import place
from bench.train import DeviceFrames, Trainer, to_device


class Material(NamedTuple):
    """What a run works with."""

    dataset: Dataset
    split: Split
    data: DeviceFrames
    trainer: Trainer


def prepare(config: RunConfig, cache: Path, device: torch.device) -> Material:
    """Load and split the data, build the network and its trainer."""
    dataset = load(config.data, cache)
    split = split_frames(dataset.frames.scenes, config.data, config.seed)
    return Material(dataset, split, to_device(dataset.frames, device), make_trainer(config, split, device))


def make_trainer(config: RunConfig, split: Split, device: torch.device) -> Trainer:
    """A new network on the device with a schedule that spans the whole run."""
    network = place(registry.build(config.architecture, seed=config.seed), device)
    per_epoch = max(1, len(split.train) // config.training.batch_size)
    return Trainer(network, config, steps=per_epoch * config.training.epochs, device=device)

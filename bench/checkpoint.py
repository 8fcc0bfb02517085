"""A trained network as its run stored it: weights, config, and how the images of its data were read."""

import json
from pathlib import Path

import torch
from torch import nn

from hourglass_bench.architectures.registry import get_spec
from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.cli import say
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.inference import feed_contiguous
from hourglass_bench.bench.network_source import changed, needed
from hourglass_bench.bench.stored_config import unflatten
from hourglass_bench.bench.training.setup import build


def load_checkpoint(checkpoint: Path) -> tuple[nn.Module, RunConfig]:
    """The network of a `state_dict.pt` (or the folder that holds it), in evaluation mode, and its config.

    Weights are read with `weights_only`, so a checkpoint cannot run code.

    Raises:
        ValueError: a file is missing or does not hold what it should.
    """
    weights = checkpoint / Path(schema.CHECKPOINT_FILE).name if checkpoint.is_dir() else checkpoint
    config_file = weights.parent / Path(schema.CONFIG_FILE).name
    for path in (weights, config_file):
        if not path.is_file():
            raise ValueError(f"a checkpoint is {weights.name} with {config_file.name} beside it, got no file {path}.")
    try:
        stored = json.loads(config_file.read_text(encoding="utf-8"))
        config, network = _rebuild(stored, weights.parent)
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (RuntimeError, OSError, EOFError, json.JSONDecodeError) as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"{weights} must hold the weights that {config_file} describes, got {text}.") from error
    return network.eval(), config


def _rebuild(stored: dict[str, str], folder: Path) -> tuple[RunConfig, nn.Module]:
    """The untrained network of a stored config; ValueError says what it is built from, if that cannot be had."""
    try:
        config = unflatten(stored)
        network = build(config)
    except ValueError as error:
        if not (source := needed(folder)):
            raise
        raise ValueError(f"{str(error).rstrip('.')}; the checkpoint in {folder} is built from {source}.") from error
    if others := changed(folder, config.architecture.name):
        say(f"{config.architecture.name} has changed since the training: {', '.join(others)}; its weights are loaded")
    if get_spec(config.architecture.name).origin == "elsewhere":
        feed_contiguous(network)
    return config, network


def load_reading(checkpoint: Path) -> Reading:
    """How the images of the checkpoint's data set were read; checkpoints of older versions do not say, and need not."""
    file = (checkpoint if checkpoint.is_dir() else checkpoint.parent) / Path(schema.READING_FILE).name
    return Reading.from_json(file.read_text(encoding="utf-8")) if file.is_file() else Reading()

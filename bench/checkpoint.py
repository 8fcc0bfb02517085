"""A trained network as its run stored it: weights, config, and how the images of its data were read."""

import json
from pathlib import Path

from torch import Tensor, nn

from hourglass_bench.architectures.registry import get_spec
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.inference import feed_contiguous
from hourglass_bench.bench.network_source import changed, needed
from hourglass_bench.bench.stored_config import unflatten
from hourglass_bench.bench.tensors import State, describe, fault, find_unusable, read_torch, shortened
from hourglass_bench.bench.terminal import say
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
    stored = _read_config(config_file)
    try:
        state = _read_state(weights)
        config, network = _rebuild(stored, weights.parent, state)
        _load(network, state)
    except _UnfitError as error:
        raise ValueError(f"{weights} must hold the weights that {config_file} describes, got {error}.") from error
    return network.eval(), config


class _UnfitError(Exception):
    """What a file holds instead of a network's weights."""


def _read_config(file: Path) -> dict[str, str]:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} must hold the configuration of a training, got {fault(error)}.") from error
    if not isinstance(stored, dict) or not all(isinstance(text, str) for text in stored.values()):
        raise ValueError(f"{file} must hold the texts of a configuration by their names, got {describe(stored)}.")
    return stored


def _read_state(file: Path) -> State:
    try:
        state = read_torch(file)
    except ValueError as error:
        raise _UnfitError(error) from error
    if not isinstance(state, dict) or not state or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise _UnfitError(describe(state))
    return {str(name): tensor for name, tensor in state.items()}


def _rebuild(stored: dict[str, str], folder: Path, state: State) -> tuple[RunConfig, nn.Module]:
    """The untrained network of a stored config; ValueError says what it is built from, if that cannot be had.

    One that has more numbers than the state is not built: it may not fit into memory.
    """
    try:
        config = unflatten(stored)
        spec, there = get_spec(config.architecture.name), sum(tensor.numel() for tensor in state.values())
        wanted = spec.predict(config.architecture, *config.data.size).params if spec.predict else 0
        if wanted > there:
            raise _UnfitError(f"{there:,} numbers for a network of {wanted:,}")
        network = build(config)
    except TypeError as error:  # of a value of another kind
        raise ValueError(f"{folder} must hold the configuration of a network, got one of which {error}.") from error
    except ValueError as error:
        if not (source := needed(folder)):
            raise
        raise ValueError(f"{str(error).rstrip('.')}; the checkpoint in {folder} is built from {source}.") from error
    if others := changed(folder, config.architecture.name):
        say(f"{config.architecture.name} has changed since the training: {', '.join(others)}; its weights are loaded")
    if spec.origin == "elsewhere":
        feed_contiguous(network)
    return config, network


def _load(network: nn.Module, state: State) -> None:
    """Give the network its weights, all of them."""
    own = {name: tensor for name, tensor in network.state_dict().items() if isinstance(tensor, Tensor)}
    differences = {
        "without": [name for name in own if name not in state],
        "with": [name for name in state if name not in own],
        "in other shapes": [name for name in own if name in state and own[name].shape != state[name].shape],
    }
    if any(differences.values()):
        found = ", ".join(f"{words} {shortened(names)}" for words, names in differences.items() if names)
        raise _UnfitError(f"those of another network: {found}")
    if unusable := find_unusable(state, own):
        raise _UnfitError(unusable)
    network.load_state_dict(state)


def load_reading(checkpoint: Path) -> Reading:
    """How the images of the checkpoint's data set were read; checkpoints of older versions do not say, and need not.

    Raises:
        ValueError: the file that says it is broken.
    """
    file = (checkpoint if checkpoint.is_dir() else checkpoint.parent) / Path(schema.READING_FILE).name
    if not file.is_file():
        return Reading()
    try:
        return Reading.from_json(file.read_text(encoding="utf-8"))
    except Exception as error:  # of whatever is missing or of another kind
        raise ValueError(f"{file} must say how images are read, got {fault(error)}.") from error

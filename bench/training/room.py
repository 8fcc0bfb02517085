"""The least that a training takes of a device's memory, before there is a network: by its numbers alone.

Exact forecasts (`bench.training.forecast`) run the step on tensors without contents, and importing what that needs
takes seconds; this is for what is far too large.
"""

import warnings

import torch

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.machine.room import require_room
from hourglass_bench.bench.training.pretrain import kinds_of_steps

STATE = 16
"""Bytes of a parameter with its gradient and the two moments of AdamW."""
ACTIVATION = 2
"""Bytes of a number that is kept for the backward pass, at least: in bfloat16."""


def require_room_to_make(network: ArchitectureConfig) -> None:
    """Raise ValueError if a network from elsewhere, whose constructor fills its parameters, does not fit the memory."""
    if registry.get_spec(network.name).origin == "elsewhere":
        params = _parameters(network)
        require_room(4 * params, f"the {params:,} parameters of {network.name}", "take a smaller network (--set)")


def require_room_to_train(config: RunConfig, device: torch.device) -> None:
    """Raise ValueError if a step of the run cannot fit a device: parameters, and on a CPU the batch's activations.

    Also refuses networks that do not fit their frames. On a GPU batches are split, or memory runs out with an error.
    """
    height, width = config.data.size
    for kind in kinds_of_steps(config):
        name, batch = kind.architecture.name, kind.training.batch_size
        require_room_to_make(kind.architecture)
        found = registry.predict(kind.architecture, height, width)
        activations = found.activations * batch if device.type == "cpu" else 0
        require_room(
            STATE * found.params + ACTIVATION * activations,
            f"a training step of {name}, {found.params:,} parameters and {batch:,} images of {height}x{width} pixels",
            "take a smaller network, batch (--batch-size) or frames (--size)",
            device,
        )


def _parameters(network: ArchitectureConfig) -> int:
    """Of a network from elsewhere, made without memory; 0 if it cannot be, and then making it says why."""
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights that are loaded into nothing
            return sum(parameter.numel() for parameter in registry.get_spec(network.name).network(network).parameters())
    except Exception:
        return 0

"""A network from elsewhere takes images and returns logits as ours do."""

import torch
from torch import Tensor, nn

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.spec import ArchitectureSpec, Channels
from hourglass_bench.architectures.trace import trace

_SCALE, _SHIFT = "hourglass_bench_scale", "hourglass_bench_shift"
"""Buffers of a network whose images are normalised by other numbers than ours."""


def attach(network: nn.Module, config: ArchitectureConfig, spec: ArchitectureSpec, size: tuple[int, int]) -> None:
    """Have the network take images as all do, and return logits as all do; its state dict keeps its names."""
    reading = trace(config, spec, size).reading
    if spec.mean is not None and spec.std is not None:
        _renormalise(network, spec.mean, spec.std)

    def to_logits(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> Tensor:
        height, width = inputs[0].shape[-2:]
        return reading.logits(output, (height, width), training=module.training)

    network.register_forward_hook(to_logits)


def _renormalise(network: nn.Module, mean: Channels, std: Channels) -> None:
    """Have images (x - 0.5) / 0.25 become (x - mean) / std before they enter, x in [0, 1].

    The numbers move with the network: a graph's capture takes nothing from the host.
    """
    centre, spread = (torch.tensor(values)[:, None, None] for values in (mean, std))
    network.register_buffer(_SCALE, 0.25 / spread, persistent=False)
    network.register_buffer(_SHIFT, (0.5 - centre) / spread, persistent=False)

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        (images,) = inputs
        return images * module.get_buffer(_SCALE).to(images.dtype) + module.get_buffer(_SHIFT).to(images.dtype)

    network.register_forward_pre_hook(before)

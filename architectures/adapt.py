"""A network from elsewhere takes images and returns logits as ours do."""

import torch
from torch import Tensor, nn

from architectures.config import ArchitectureConfig
from architectures.spec import ArchitectureSpec
from architectures.trace import trace


def attach(network: nn.Module, config: ArchitectureConfig, spec: ArchitectureSpec, size: tuple[int, int]) -> None:
    """Have the network take images as all do, and return logits as all do; its parameters keep their names."""
    reading = trace(config, spec, size).reading
    if spec.mean is not None and spec.std is not None:
        mean, std = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.std))

        def renormalise(_module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
            (images,) = inputs  # (x - 0.5) / 0.25 of what is in [0, 1]
            scale, shift = (0.25 / std).to(images), ((0.5 - mean) / std).to(images)
            return images * scale + shift

        network.register_forward_pre_hook(renormalise)

    def to_logits(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> Tensor:
        height, width = inputs[0].shape[-2:]
        return reading.logits(output, (height, width), training=module.training)

    network.register_forward_hook(to_logits)

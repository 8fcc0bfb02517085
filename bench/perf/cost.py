"""The least that a network must do for one image: floating-point operations, and numbers moved through memory.

- Operations: two per multiply-accumulate. A training step does the forward pass once, the gradient of the weights (as
  much again) and the gradient of the inputs (as much again, but not for the convolutions that read the image).
- Moved: a convolution reads its input X and writes its output Y; in training its backward pass reads X and Y's gradient
  once more and writes X's gradient: X + Y, and 3 X + 2 Y in training (2 X + 2 Y of the image). All else - activation,
  pooling, concatenation, loss - is taken to ride along for nothing, and weights and optimiser to weigh nothing.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.config import ArchitectureConfig


class Cost(NamedTuple):
    """Of one image."""

    flops: int
    moved: int
    """Numbers, not bytes."""


class Costs(NamedTuple):
    """Of one image, passed in training and in inference."""

    train: Cost
    infer: Cost


class _Convolution(NamedTuple):
    macs: int
    inputs: int
    outputs: int
    reads_image: bool


def costs(config: ArchitectureConfig, height: int, width: int) -> Costs:
    """Counted from the architecture's own prediction and the shapes of one pass without contents.

    Raises:
        ValueError: the architecture does not fit the frames.
    """
    macs = registry.predict(config, height, width).macs
    layers = _convolutions(config, height, width)
    inputs, outputs = sum(layer.inputs for layer in layers), sum(layer.outputs for layer in layers)
    first = [layer for layer in layers if layer.reads_image]
    ungraded, read = sum(layer.macs for layer in first), sum(layer.inputs for layer in first)
    return Costs(
        train=Cost(2 * (3 * macs - ungraded), 3 * inputs + 2 * outputs - read),
        infer=Cost(2 * macs, inputs + outputs),
    )


def _convolutions(config: ArchitectureConfig, height: int, width: int) -> list[_Convolution]:
    """In the order in which an image passes them."""
    passed: list[_Convolution] = []

    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        at = output if isinstance(layer, nn.Conv2d) else inputs[0]  # where the kernel is applied in full
        pairs = layer.in_channels * layer.out_channels // layer.groups
        macs = pairs * math.prod(layer.kernel_size) * math.prod(at.shape[2:])
        # Where no parameter has touched it yet, autograd knows of nothing that its gradient would be for.
        passed.append(_Convolution(macs, inputs[0].numel(), output.numel(), not inputs[0].requires_grad))

    with FakeTensorMode():
        network = registry.build(config, seed=0)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layer.register_forward_hook(record)
        network(torch.empty(1, config.in_channels, height, width))
    return passed

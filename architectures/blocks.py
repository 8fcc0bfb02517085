"""The parts that every network shares: the convolution block, padding to a multiple, and the initialisation.

Shapes: B batch, C channels, H height, W width.
"""

import hashlib
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hourglass_bench.architectures.config import Block, Norm

RELU_GAIN = 2.0
"""Of a layer whose input has passed a ReLU, which halves the second moment (He et al. 2015, arXiv 1502.01852)."""


class _Bare:
    """Of a layer that `initialise` gives its weights: what torch would draw before takes time and is overwritten."""

    def reset_parameters(self) -> None:
        """Leave them as memory was."""


class Conv2d(_Bare, nn.Conv2d):
    """Convolution of stride 1 that keeps the size, or sees all of a map; `initialise` gives it its weights.

    Args:
        gain: Of its weights, see `initialise`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        padding: int = 0,
        bias: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=padding, bias=bias)
        self.gain = gain


class ConvTranspose2d(_Bare, nn.ConvTranspose2d):
    """Transposed convolution whose taps do not overlap; `initialise` gives it its weights."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        gain: float = 1.0,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride)
        self.gain = gain


class ConvBlock(nn.Module):
    """conv 3x3 - [norm] - ReLU - conv 3x3, the block of the practical: (B, C_in, H, W) -> (B, C_out, H, W)."""

    reader_gain = 1.0
    """Of a layer that reads what leaves the block."""

    def __init__(self, in_channels: int, out_channels: int, norm: Norm, gain: float = 1.0) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, out_channels, 3, padding=1, gain=gain)
        self.norm = make_norm(norm, out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = Conv2d(out_channels, out_channels, 3, padding=1, gain=RELU_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H, W)."""
        out: Tensor = self.conv2(self.relu(self.norm(self.conv1(x))))
        return out


class DoubleBlock(nn.Module):
    """(conv 3x3 - [norm] - ReLU) twice, the block of everybody's U-Net: (B, C_in, H, W) -> (B, C_out, H, W).

    A convolution before a norm has no bias, since the norm has one.
    """

    reader_gain = RELU_GAIN
    branches = 1
    """Maps of which what leaves is the sum: each has its share of the variance."""

    def __init__(self, in_channels: int, out_channels: int, norm: Norm, gain: float = 1.0) -> None:
        super().__init__()
        bias = norm == "none"
        self.conv1 = Conv2d(in_channels, out_channels, 3, padding=1, bias=bias, gain=gain)
        self.norm1 = make_norm(norm, out_channels)
        self.conv2 = Conv2d(out_channels, out_channels, 3, padding=1, bias=bias, gain=RELU_GAIN / self.branches)
        self.norm2 = make_norm(norm, out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H, W), at least 0."""
        out: Tensor = self.relu(self.before_relu(x))
        return out

    def before_relu(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H, W)."""
        out: Tensor = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return out


class ResidualBlock(DoubleBlock):
    """The double block, with what enters added before the last ReLU (He et al. 2016, arXiv 1512.03385, eq. 1 and 2).

    Where the channels differ, what enters is projected by a 1x1 convolution and nothing else, as in the paper: with the
    identity for its weights, and none for a skip connection, a U-Net's block is the Hourglass'.
    """

    branches = 2

    def __init__(self, in_channels: int, out_channels: int, norm: Norm, gain: float = 1.0) -> None:
        super().__init__(in_channels, out_channels, norm, gain)
        self.projection: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.projection = Conv2d(in_channels, out_channels, 1, bias=False, gain=gain / self.branches)

    def before_relu(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H, W)."""
        out: Tensor = super().before_relu(x) + self.projection(x)
        return out


BLOCKS: dict[Block, type[ConvBlock | DoubleBlock]] = {
    "practical": ConvBlock,
    "double": DoubleBlock,
    "residual": ResidualBlock,
}


def make_norm(norm: Norm, channels: int) -> nn.Module:
    """Batch norm, group norm with the most groups of at least four channels that divide evenly, or nothing."""
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "group":
        groups = max(groups for groups in range(1, max(1, channels // 4) + 1) if channels % groups == 0)
        return nn.GroupNorm(groups, channels)
    return nn.Identity()


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column until H and W are multiples of `multiple`; the caller crops the output."""
    height, width = x.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if is_exported() or bottom or right else x


def is_exported() -> bool:
    """Whether a graph of the network is recorded, which is to hold for other sizes too: no branch may ask the size."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]  # public by torch's docs
    return tracing or torch.compiler.is_exporting()


@torch.no_grad()
def initialise(network: nn.Module, seed: int, stream: str = "") -> None:
    """Draw every weight from a generator seeded by (stream, seed, parameter name); biases are zero.

    Equal names and shapes get equal weights in every architecture, so that an Hourglass and a U-Net of one seed start
    from the same encoder. The variance is the layer's `gain` over fan_in: 2 where a ReLU precedes, 1 elsewhere, such as
    after the practical's block, whose output is linear; of two branches that are added, half of it.
    """
    for name, module in network.named_modules():
        if isinstance(module, Conv2d | ConvTranspose2d):
            # A 2x2 stride-2 transposed convolution reaches each output pixel with one tap per input channel.
            fan_in = module.in_channels
            if isinstance(module, nn.Conv2d):
                fan_in *= math.prod(module.kernel_size)
            _fill_normal(module.weight, math.sqrt(module.gain / fan_in), f"{stream}{seed}/{name}")
            if module.bias is not None:
                module.bias.zero_()


def _fill_normal(weight: Tensor, std: float, key: str) -> None:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
    weight.normal_(generator=torch.Generator().manual_seed(seed)).mul_(std)

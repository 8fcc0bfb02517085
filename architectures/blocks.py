"""The parts that every network shares: the convolution block, padding to a multiple, and the initialisation.

Shapes: B batch, C channels, H height, W width.
"""

import hashlib
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from architectures.config import Norm


class _Bare:
    """Of a layer that `initialise` gives its weights: what torch would draw before takes time and is overwritten."""

    def reset_parameters(self) -> None:
        """Leave them as memory was."""


class Conv2d(_Bare, nn.Conv2d):
    """Convolution without weights of its own."""


class ConvTranspose2d(_Bare, nn.ConvTranspose2d):
    """Transposed convolution without weights of its own."""


class ConvBlock(nn.Module):
    """conv 3x3 - [norm] - ReLU - conv 3x3, the block of the practical: (B, C_in, H, W) -> (B, C_out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm = make_norm(norm, out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H, W)."""
        out: Tensor = self.conv2(self.relu(self.norm(self.conv1(x))))
        return out


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
    from the same encoder. The variance is He's 2/fan_in (He et al. 2015, arXiv 1502.01852) where a ReLU precedes and
    1/fan_in elsewhere, since a block's output is linear.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            # A 2x2 stride-2 transposed convolution reaches each output pixel with one tap per input channel.
            fan_in = module.in_channels
            if isinstance(module, nn.Conv2d):
                fan_in *= math.prod(module.kernel_size)
            gain = 2.0 if name.endswith("conv2") else 1.0
            _fill_normal(module.weight, math.sqrt(gain / fan_in), f"{stream}{seed}/{name}")
            if module.bias is not None:
                module.bias.zero_()


def _fill_normal(weight: Tensor, std: float, key: str) -> None:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1
    weight.normal_(generator=torch.Generator().manual_seed(seed)).mul_(std)

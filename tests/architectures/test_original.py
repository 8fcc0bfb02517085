"""The original U-Net in the form that everybody uses, against its public structure written out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hourglass_bench.architectures.config import Norm, Upsampling
from hourglass_bench.architectures.registry import PRESETS, build, configure, predict

ORIGINAL = replace(PRESETS["unet_original"], out_channels=2)


class DoubleConv(nn.Module):
    """(convolution => BN => ReLU) * 2."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.double_conv(x)
        return out


class Up(nn.Module):
    """Up-convolution, then the double convolution of [skip, up].

    The bilinear one is the paper's words: upsampling of the map, followed by a convolution that halves the channels.
    """

    def __init__(self, before: int, after: int, upsampling: Upsampling) -> None:
        super().__init__()
        self.bilinear = upsampling == "bilinear"
        self.up: nn.Module = nn.ConvTranspose2d(before, after, kernel_size=2, stride=2)
        if self.bilinear:
            self.up = nn.Conv2d(before, after, kernel_size=1)
        self.conv = DoubleConv(2 * after, after)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        if self.bilinear:
            x = F.interpolate(x, skip.shape[-2:], mode="bilinear", align_corners=False)
        out: Tensor = self.conv(torch.cat([skip, self.up(x)], dim=1))
        return out


class PublicUNet(nn.Module):
    """inc, down1 to down4, up1 to up4, outc, as the best-known public implementation calls them."""

    def __init__(self, classes: int, upsampling: Upsampling) -> None:
        super().__init__()
        self.inc = DoubleConv(3, 64)
        self.down1, self.down2 = DoubleConv(64, 128), DoubleConv(128, 256)
        self.down3, self.down4 = DoubleConv(256, 512), DoubleConv(512, 1024)
        self.up1, self.up2 = Up(1024, 512, upsampling), Up(512, 256, upsampling)
        self.up3, self.up4 = Up(256, 128, upsampling), Up(128, 64, upsampling)
        self.outc = nn.Conv2d(64, classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.inc(x)
        x2 = self.down1(F.max_pool2d(x1, 2))
        x3 = self.down2(F.max_pool2d(x2, 2))
        x4 = self.down3(F.max_pool2d(x3, 2))
        x5 = self.down4(F.max_pool2d(x4, 2))
        x = self.up4(self.up3(self.up2(self.up1(x5, x4), x3), x2), x1)
        logits: Tensor = self.outc(x)
        return logits


BLOCKS = {
    **{"encoder.0": "inc", "encoder.1": "down1", "encoder.2": "down2", "encoder.3": "down3", "bottom": "down4"},
    **{f"decoder.{level}": f"up{level + 1}.conv" for level in range(4)},
}
LAYERS = {"conv1": "0", "norm1": "1", "conv2": "3", "norm2": "4"}


def public_names(upsampling: Upsampling) -> dict[str, str]:
    """Layer of ours -> layer of theirs."""
    inside = ".0" if upsampling == "bilinear" else ""
    blocks = {
        f"{ours}.{layer}": f"{theirs}.double_conv.{place}"
        for ours, theirs in BLOCKS.items()
        for layer, place in LAYERS.items()
    }
    return {**blocks, **{f"up.{level}{inside}": f"up{level + 1}.up" for level in range(4)}, "head": "outc"}


def translated(weights: dict[str, Tensor], upsampling: Upsampling) -> dict[str, Tensor]:
    """Their weights under our names. They concatenate the skip connection first, we the map from below."""
    found = {}
    for ours, theirs in public_names(upsampling).items():
        for key, tensor in weights.items():
            if key.rpartition(".")[0] == theirs:
                found[f"{ours}.{key.rpartition('.')[2]}"] = tensor
        if ours.startswith("decoder") and ours.endswith("conv1"):
            skip, below = found[f"{ours}.weight"].chunk(2, dim=1)
            found[f"{ours}.weight"] = torch.cat((below, skip), dim=1)
    return found


def test_it_has_the_parameters_of_the_public_implementation() -> None:
    assert predict(ORIGINAL, 572, 572).params == 31_037_698
    assert sum(parameter.numel() for parameter in build(ORIGINAL, seed=0).parameters()) == 31_037_698
    assert predict(ORIGINAL, 512, 512).shape == (1024, 32, 32)


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear"])
@torch.no_grad()
def test_it_gives_the_logits_of_the_public_structure(upsampling: Upsampling) -> None:
    """In training, by the batch's statistics, and then in evaluation by the running ones."""
    torch.manual_seed(0)
    theirs, ours = PublicUNet(2, upsampling), build(replace(ORIGINAL, upsampling=upsampling), seed=0)
    weights = translated(theirs.state_dict(), upsampling)
    assert len(weights) == len(theirs.state_dict())
    ours.load_state_dict(weights)
    images = torch.randn(2, 3, 48, 32)
    trained = ours(images)
    assert trained.shape == (2, 2, 48, 32)
    torch.testing.assert_close(trained, theirs(images), rtol=1e-4, atol=1e-5)
    evaluated = ours.eval()(images)
    assert not torch.allclose(evaluated, trained, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(evaluated, theirs.eval()(images), rtol=1e-4, atol=1e-5)


def test_its_widths_are_those_that_configure_gives() -> None:
    usual = configure("unet", (64, 128, 256, 512), bottom=1024, block="double", norm="batch")
    assert usual == PRESETS["unet_original"]


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
@pytest.mark.parametrize("after", [8, 4])
@torch.no_grad()
def test_a_residual_block_adds_what_enters_before_the_last_relu(norm: Norm, after: int) -> None:
    """Where the channels differ, projected without bias."""
    network = build(configure("simple_conv", (8, after), decoder_channels=(), block="residual", norm=norm), seed=0)
    block = network.get_submodule("encoder.1")
    x = torch.randn(3, 8, 9, 6, generator=torch.Generator().manual_seed(0))
    hidden = block.get_submodule("norm1")(block.get_submodule("conv1")(x)).relu()
    branch = block.get_submodule("norm2")(block.get_submodule("conv2")(hidden))
    known = dict(block.named_parameters())
    assert ("projection.weight" in known) == (after == 4)
    entering = torch.einsum("oi,bihw->bohw", known["projection.weight"][..., 0, 0], x) if after == 4 else x
    torch.testing.assert_close(block(x.clone()), (branch + entering).relu())
    assert ("conv1.bias" in known) == ("conv2.bias" in known) == (norm == "none")

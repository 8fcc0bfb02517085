"""The one network behind Hourglass and U-Net: they differ by the set of skip levels and by nothing else.

Auto-encoder and VAE are made of its parts too.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hourglass_bench.architectures.blocks import BLOCKS, Conv2d, ConvTranspose2d, is_exported, pad_to_multiple
from hourglass_bench.architectures.bottleneck import Layer, Prediction, block_layers, require_fit, summarise
from hourglass_bench.architectures.config import EncoderDecoderConfig, require


class EncoderDecoder(nn.Module):
    """Per level a block and a 2x2 max-pool; a block at the bottom, or none; then per level an up-convolution to twice
    the sides and a block; a 1x1 head.

    At a skip level the encoder block's output before pooling is concatenated after the up-convolution
    (Ronneberger, Fischer, Brox 2015, arXiv 1505.04597). Level 1 is full resolution. A flat latent is a linear map of
    the whole bottleneck map to so many numbers, and one back.
    """

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__()
        require_decoder_depth(config)
        self.depth = config.depth
        self.skips = frozenset(config.skips)
        block = BLOCKS[config.block]
        inputs = (config.in_channels, *config.channels)
        self.encoder = nn.ModuleList(
            block(before, after, config.norm, block.reader_gain if level else 1.0)
            for level, (before, after) in enumerate(zip(inputs, config.channels, strict=False))
        )
        self.bottom: nn.Module = nn.Identity()
        if config.bottom:
            self.bottom = block(config.channels[-1], config.bottom, config.norm, block.reader_gain)
        self.to_latent = make_to_latent(config)
        self.bottleneck = nn.Identity()
        self.from_latent: nn.Module = nn.Identity()
        if config.latent:
            sides = bottleneck_sides(config, *config.image_size)
            self.from_latent = ConvTranspose2d(config.latent, config.bottleneck_channels, sides)
        inputs = (config.bottleneck_channels, *config.decoder_channels)
        self.up = nn.ModuleList(
            make_up(config, before, after) for before, after in zip(inputs, config.decoder_channels, strict=False)
        )
        self.decoder = nn.ModuleList(
            block(skip_channels(config, level) + width, width, config.norm) for level, width in decoder_levels(config)
        )
        self.head = Conv2d(config.decoder_channels[-1], config.out_channels, 1, gain=block.reader_gain)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> logits (B, out_channels, H, W), for any H and W of at least 2**depth."""
        height, width = x.shape[-2:]
        x, stored = self.encode(x)
        return self.decode(self.bottleneck(self.to_latent(x)), stored)[..., :height, :width]

    def encode(self, x: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """(B, in_channels, H, W) -> the map at the bottom, and the maps of the skip levels."""
        if not is_exported():
            require_fit(self.depth, *x.shape[-2:])
        x = pad_to_multiple(x, 2**self.depth)
        stored: dict[int, Tensor] = {}
        for level, block in enumerate(self.encoder, start=1):
            x = block(x)
            if level in self.skips:
                stored[level] = x
            x = F.max_pool2d(x, 2)
        return self.bottom(x), stored

    def decode(self, latent: Tensor, stored: dict[int, Tensor]) -> Tensor:
        """Bottleneck map or flat latent (B, latent, 1, 1) -> logits of the padded size."""
        x: Tensor = self.from_latent(latent)
        for level, up, block in zip(range(self.depth, 0, -1), self.up, self.decoder, strict=True):
            x = up(x)
            x = block(torch.cat((x, stored.pop(level)), dim=1) if level in self.skips else x)
        logits: Tensor = self.head(x)
        return logits


def make_to_latent(config: EncoderDecoderConfig) -> nn.Module:
    """A convolution over all of the bottleneck map: (B, C, h, w) -> (B, latent, 1, 1); nothing without flat latent."""
    if not config.latent:
        return nn.Identity()
    sides = bottleneck_sides(config, *config.image_size)
    return Conv2d(config.bottleneck_channels, config.latent, sides, gain=BLOCKS[config.block].reader_gain)


def make_up(config: EncoderDecoderConfig, in_channels: int, out_channels: int) -> nn.Module:
    """The up-convolution: (B, C_in, h, w) -> (B, C_out, 2h, 2w).

    The bilinear one reduces the channels first: a 1x1 convolution and interpolation commute, since the weights of four
    neighbours add up to one, and on the small map it costs a quarter. Pixels are areas (align_corners False), so that
    the same is interpolated at every size.
    """
    gain = BLOCKS[config.block].reader_gain
    if config.upsampling == "bilinear":
        reduce = Conv2d(in_channels, out_channels, 1, gain=gain)
        return nn.Sequential(reduce, nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
    return ConvTranspose2d(in_channels, out_channels, 2, stride=2, gain=gain)


def bottleneck_sides(config: EncoderDecoderConfig, height: int, width: int) -> tuple[int, int]:
    """Height and width of the last pooled map of an image, which is padded to a multiple first."""
    return -(-height >> config.depth), -(-width >> config.depth)


def decoder_levels(config: EncoderDecoderConfig) -> list[tuple[int, int]]:
    """(level, decoder width) from the innermost level outwards."""
    return list(zip(range(config.depth, 0, -1), config.decoder_channels, strict=True))


def skip_channels(config: EncoderDecoderConfig, level: int) -> int:
    """Channels that the skip connection of `level` adds to the decoder block's input."""
    return config.channels[level - 1] if level in config.skips else 0


def require_decoder_depth(config: EncoderDecoderConfig) -> None:
    """Raise ValueError unless there are as many up-convolutions as poolings."""
    name, rule = f"architecture.decoder_channels of {config.name}", f"hold one width per level ({config.depth})"
    require(len(config.decoder_channels) == config.depth, name, rule, config.decoder_channels)


def predict(config: EncoderDecoderConfig, height: int, width: int) -> Prediction:
    """Bottleneck, parameters and MACs of `EncoderDecoder(config)` on one image, padding included.

    Raises:
        InfeasibleArchitecture: the bottleneck would vanish.
        ValueError: a flat latent is made for images of another size.
    """
    require_decoder_depth(config)
    require_fit(config.depth, height, width)
    sides = bottleneck_sides(config, height, width)
    padded = (sides[0] << config.depth, sides[1] << config.depth)
    layers: list[Layer] = []
    before = config.in_channels
    for level, after in enumerate(config.channels):
        layers += block_layers(before, after, padded[0] >> level, padded[1] >> level, config.norm, config.block)
        before = after
    if config.bottom:
        layers += block_layers(before, config.bottom, *sides, config.norm, config.block)
        before = config.bottom
    if config.latent:
        rule = f"be the frames' size {(height, width)}"
        require(config.image_size == (height, width), "architecture.image_size", rule, config.image_size)
        layers += [to_latent_layer(config, sides), Layer(config.latent, before, sides[0] * sides[1], 1, *sides)]
    for level, after in decoder_levels(config):
        side = padded[0] >> (level - 1), padded[1] >> (level - 1)
        if config.upsampling == "bilinear":  # of the map before it is enlarged; interpolation counts for nothing
            layers.append(Layer(before, after, 1, 1, side[0] // 2, side[1] // 2))
        else:
            layers.append(Layer(before, after, parameter_taps=4, output_taps=1, height=side[0], width=side[1]))
        layers += block_layers(after + skip_channels(config, level), after, *side, config.norm, config.block)
        before = after
    layers.append(Layer(before, config.out_channels, 1, 1, *padded))
    shape = (config.latent, 1, 1) if config.latent else (config.bottleneck_channels, *sides)
    return summarise(config, layers, shape, (height, width))


def to_latent_layer(config: EncoderDecoderConfig, sides: tuple[int, int]) -> Layer:
    """The linear map of a bottleneck map of these sides to a flat latent."""
    taps = sides[0] * sides[1]
    return Layer(config.bottleneck_channels, config.latent, taps, taps, 1, 1)


def default_decoder(channels: tuple[int, ...]) -> tuple[int, ...]:
    """The encoder mirrored and then half its outermost width: (16, 32, 64) -> (32, 16, 8)."""
    return (*channels[-2::-1], *(max(1, width // 2) for width in channels[:1]))

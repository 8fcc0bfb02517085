"""SimpleConv: convolution blocks at full resolution, ever more and then ever fewer features. The naive baseline."""

from torch import Tensor, nn

from architectures.blocks import ConvBlock
from architectures.bottleneck import Layer, Prediction, block_layers, summarise
from architectures.config import EncoderDecoderConfig, require_no_skips


class SimpleConv(nn.Module):
    """Encoder blocks to `channels`, decoder blocks to `decoder_channels`, a last block to `out_channels`."""

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__()
        require_no_skips(config)
        if config.latent:  # maps are never pooled here
            raise ValueError(f"architecture.latent must be 0 for {config.name}, got {config.latent}; use hourglass.")
        self.encoder = nn.Sequential(*_blocks((config.in_channels, *config.channels), config))
        self.bottleneck = nn.Identity()
        self.decoder = nn.Sequential(*_blocks((config.channels[-1], *config.decoder_channels), config))
        self.head = ConvBlock((config.channels + config.decoder_channels)[-1], config.out_channels, config.norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> logits (B, out_channels, H, W)."""
        logits: Tensor = self.head(self.decoder(self.bottleneck(self.encoder(x))))
        return logits


def _blocks(widths: tuple[int, ...], config: EncoderDecoderConfig) -> list[nn.Module]:
    return [ConvBlock(before, after, config.norm) for before, after in zip(widths, widths[1:], strict=False)]


def predict(config: EncoderDecoderConfig, height: int, width: int) -> Prediction:
    """Bottleneck, parameters and MACs of `SimpleConv(config)` on one image."""
    widths = (config.in_channels, *config.channels, *config.decoder_channels, config.out_channels)
    layers: list[Layer] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layers += block_layers(before, after, height, width, config.norm)
    return summarise(config, layers, (config.channels[-1], height, width), (height, width))


def default_decoder(channels: tuple[int, ...]) -> tuple[int, ...]:
    """The encoder mirrored, without its innermost width: (16, 32, 64) -> (32, 16)."""
    return channels[-2::-1]


PRESETS = {
    "simple_conv_shallow": EncoderDecoderConfig(name="simple_conv", channels=(16,), decoder_channels=()),
    "simple_conv_deep": EncoderDecoderConfig(
        name="simple_conv", channels=(4, 8, 16, 32, 48, 64), decoder_channels=(48, 32, 24, 16, 8)
    ),
}
"""The practical's two: encoder (3, 16), decoder (16, 1); encoder (3, 4, ..., 64), decoder (64, 48, ..., 8, 1)."""

"""SimpleConv: convolution blocks at full resolution, ever more and then ever fewer features. The naive baseline."""

from torch import Tensor, nn

from hourglass_bench.architectures.blocks import BLOCKS, ConvBlock
from hourglass_bench.architectures.bottleneck import Layer, Prediction, block_layers, summarise
from hourglass_bench.architectures.config import EncoderDecoderConfig, require_no_skips


class SimpleConv(nn.Module):
    """Encoder blocks to `channels`, decoder blocks to `decoder_channels`, a last block to `out_channels`.

    The last one is the practical's whatever the others are: logits must not end in a ReLU.
    """

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__()
        _require_full_resolution(config)
        block = BLOCKS[config.block]
        widths = (config.in_channels, *config.channels, *config.decoder_channels)
        blocks = [
            block(before, after, config.norm, block.reader_gain if place else 1.0)
            for place, (before, after) in enumerate(zip(widths, widths[1:], strict=False))
        ]
        self.encoder = nn.Sequential(*blocks[: config.depth])
        self.bottleneck = nn.Identity()
        self.decoder = nn.Sequential(*blocks[config.depth :])
        self.head = ConvBlock(widths[-1], config.out_channels, config.norm, block.reader_gain)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> logits (B, out_channels, H, W)."""
        logits: Tensor = self.head(self.decoder(self.bottleneck(self.encoder(x))))
        return logits


def _require_full_resolution(config: EncoderDecoderConfig) -> None:
    """Raise ValueError if the config asks for what only pooled maps have."""
    require_no_skips(config)
    for option, without in (("latent", 0), ("upsampling", "transposed"), ("bottom", 0)):
        value = getattr(config, option)
        if value != without:
            raise ValueError(
                f"architecture.{option} must be {without} for {config.name}, got {value}; use hourglass, which pools."
            )


def predict(config: EncoderDecoderConfig, height: int, width: int) -> Prediction:
    """Bottleneck, parameters and MACs of `SimpleConv(config)` on one image."""
    _require_full_resolution(config)
    widths = (config.in_channels, *config.channels, *config.decoder_channels)
    layers: list[Layer] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layers += block_layers(before, after, height, width, config.norm, config.block)
    layers += block_layers(widths[-1], config.out_channels, height, width, config.norm)
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

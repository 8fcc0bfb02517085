"""U-Net: the Hourglass plus skip connections (Ronneberger, Fischer, Brox 2015, arXiv 1505.04597)."""

from hourglass_bench.architectures.config import EncoderDecoderConfig
from hourglass_bench.architectures.encoder_decoder import EncoderDecoder


class UNet(EncoderDecoder):
    """`EncoderDecoder` with the skip connections of its configuration: all levels by default, or any set of levels."""


PRESETS = {
    "unet": EncoderDecoderConfig(name="unet", channels=(16, 32, 64), decoder_channels=(32, 16, 8), skips=(1, 2, 3)),
    "unet_original": EncoderDecoderConfig(
        name="unet",
        channels=(64, 128, 256, 512),
        bottom=1024,
        decoder_channels=(512, 256, 128, 64),
        skips=(1, 2, 3, 4),
        norm="batch",
        block="double",
    ),
}
"""The practical's: the Hourglass preset with a skip connection at each of its three levels. And the original's widths
in the form that everybody uses: convolutions that keep the size, and batch norm, neither of which the paper has."""

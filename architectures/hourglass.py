"""Hourglass: an encoder-decoder whose only path is the bottleneck; unlike Newell et al.'s it has no skips."""

from hourglass_bench.architectures.config import EncoderDecoderConfig, require_no_skips
from hourglass_bench.architectures.encoder_decoder import EncoderDecoder


class Hourglass(EncoderDecoder):
    """`EncoderDecoder` without skip connections."""

    def __init__(self, config: EncoderDecoderConfig) -> None:
        require_no_skips(config)
        super().__init__(config)


PRESETS = {"hourglass": EncoderDecoderConfig(name="hourglass", channels=(16, 32, 64), decoder_channels=(32, 16, 8))}
"""The practical's: 3 -> 16 -> 32 -> 64, then 32, 16, 8 -> 1; the latent map has 64 channels."""

"""Auto-encoder: an Hourglass that gives back what enters it, images or masks."""

from torch import Tensor

from hourglass_bench.architectures.config import EncoderDecoderConfig, require
from hourglass_bench.architectures.hourglass import Hourglass


class AutoEncoder(Hourglass):
    """The Hourglass' encoder and decoder, apart."""

    def __init__(self, config: EncoderDecoderConfig) -> None:
        name, rule = f"architecture.out_channels of {config.name}", f"be its in_channels ({config.in_channels})"
        require(config.reconstructs, name, rule, config.out_channels)
        super().__init__(config)

    def to_code(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> what stands for it: the latent (B, C, h, w)."""
        code: Tensor = self.bottleneck(self.to_latent(self.encode(x)[0]))
        return code

    def from_code(self, code: Tensor, size: tuple[int, int]) -> Tensor:
        """Latent (B, C, h, w) -> logits (B, C_in, H, W) of images of a size."""
        return self.decode(code, {})[..., : size[0], : size[1]]


PRESETS = {
    "autoencoder": EncoderDecoderConfig(
        name="autoencoder", channels=(16, 32, 64), decoder_channels=(32, 16, 8), out_channels=3
    )
}
"""The practical's Hourglass with images at both ends."""

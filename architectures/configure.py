"""From what somebody says of one of the networks that are built here to its complete configuration."""

from collections.abc import Callable, Sequence
from typing import Literal

from hourglass_bench.architectures.config import (
    CHANNELS_OF,
    Block,
    EncoderDecoderConfig,
    Norm,
    Target,
    Upsampling,
    require,
    widths,
)
from hourglass_bench.architectures.encoder_decoder import default_decoder

Skips = Literal["none", "all"] | Sequence[int]


def configure_by(
    default_channels: tuple[int, ...] = (16, 32, 64),
    decoder: Callable[[tuple[int, ...]], tuple[int, ...]] = default_decoder,
    default_skips: Skips = "none",
    *,
    reconstructs: bool = False,
) -> Callable[..., EncoderDecoderConfig]:
    """What completes the configurations of an architecture with these defaults, which are an Hourglass'."""

    def configure(
        name: str,
        *,
        channels: Sequence[int] | None = None,
        depth: int | None = None,
        base_width: int | None = None,
        growth: float | None = None,
        decoder_channels: Sequence[int] | None = None,
        skips: Skips | None = None,
        norm: Norm = "none",
        target: Target | None = None,
        latent: int = 0,
        image_size: Sequence[int] = (),
        block: Block = "practical",
        upsampling: Upsampling = "transposed",
        bottom: int = 0,
    ) -> EncoderDecoderConfig:
        """None takes the architecture's default.

        Args:
            depth: With `base_width` and `growth` (2 by default) another way to say the channels, see `widths`.
            target: What an auto-encoder or VAE reconstructs, images by default; networks that segment give masks.
            latent: Numbers of a flat latent, 0 for a bottleneck map.
            image_size: Height and width of the images; it matters to a flat latent only.
            bottom: Width of a block at the bottom; by default the decoder then has the encoder's widths, mirrored.

        Raises:
            ValueError: a value out of range, or options that contradict each other.
        """
        if target == "image" and not reconstructs:
            raise ValueError(
                f"architecture.target must be mask for {name}, which segments, got image; use autoencoder or vae."
            )
        require(target is None or target in CHANNELS_OF, "architecture.target", "be mask or image", target)
        out_channels = CHANNELS_OF[target or ("image" if reconstructs else "mask")]
        encoder = default_channels if channels is None else tuple(channels)
        if depth is not None or base_width is not None:
            if channels is not None:
                raise ValueError(f"channels must stand without depth and base_width, got {encoder} beside them.")
            encoder = widths(
                default_channels[0] if base_width is None else base_width,
                len(default_channels) if depth is None else depth,
                2.0 if growth is None else growth,
            )
        else:
            require(growth is None, "growth", "stand with depth or base_width", growth)
        if decoder_channels is None:
            decoder_channels = encoder[::-1] if bottom else decoder(encoder)
        return EncoderDecoderConfig(
            name=name,
            channels=encoder,
            decoder_channels=tuple(decoder_channels),
            skips=_levels(default_skips if skips is None else skips, len(encoder)),
            norm=norm,
            in_channels=out_channels if reconstructs else CHANNELS_OF["image"],
            out_channels=out_channels,
            latent=latent,
            image_size=tuple(image_size) if latent else (),
            block=block,
            upsampling=upsampling,
            bottom=bottom,
        )

    return configure


def _levels(skips: Skips, depth: int) -> tuple[int, ...]:
    if skips == "none":
        return ()
    if skips == "all":
        return tuple(range(1, depth + 1))
    require(not isinstance(skips, str), "skips", "be none, all or level numbers", skips)
    return tuple(int(level) for level in skips)

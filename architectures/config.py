"""The configuration of a network: one frozen, complete value. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Norm = Literal["none", "batch", "group"]
Target = Literal["mask", "image"]
SIGMA_FLOOR = 1 / 255
"""Smallest standard deviation of a VAE's likelihood of images in [0, 1]: one grey level. Below it a density of 8-bit
images has no bound."""
CHANNELS_OF: dict[Target, int] = {"mask": 1, "image": 3}


class InfeasibleArchitecture(ValueError):  # noqa: N818 - a state of the world, not a mistake
    """A valid configuration that cannot run on the given input, for example a bottleneck that would vanish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchitectureConfig:
    """Every choice that shapes a network. `architectures.registry.configure` fills in an architecture's defaults."""

    name: str
    """Key of `architectures.registry.ARCHITECTURES`."""
    channels: tuple[int, ...]
    """Encoder widths, outermost level first; their number is the depth."""
    decoder_channels: tuple[int, ...]
    """Decoder widths, innermost level first."""
    skips: tuple[int, ...] = ()
    """Levels (1 = full resolution) whose block output is concatenated in the decoder, in ascending order."""
    norm: Norm = "none"
    """Normalisation between the first convolution of a block and its ReLU."""
    in_channels: int = 3
    """Channels of what enters the network: 3 for images, 1 for masks."""
    out_channels: int = 1
    """Channels of what leaves it."""
    latent: int = 0
    """Numbers of a flat latent between encoder and decoder; 0 keeps the bottleneck map."""
    image_size: tuple[int, ...] = ()
    """Height and width in pixels that a flat latent is made for; empty without one, where any size will do."""

    def __post_init__(self) -> None:
        if not self.channels:
            raise ValueError("architecture.channels must name at least one width, got none.")
        for field, widths in (("channels", self.channels), ("decoder_channels", self.decoder_channels)):
            _require_positive(f"architecture.{field}", widths)
        _require_positive("architecture.in_channels", (self.in_channels,))
        _require_positive("architecture.out_channels", (self.out_channels,))
        if self.norm not in get_args(Norm):
            raise ValueError(f"architecture.norm must be one of {', '.join(get_args(Norm))}, got {self.norm!r}.")
        if list(self.skips) != sorted(set(self.skips) & set(range(1, self.depth + 1))):
            raise ValueError(
                f"architecture.skips must be ascending levels between 1 and {self.depth}, got {self.skips}."
            )
        if self.latent < 0:
            raise ValueError(f"architecture.latent must be at least 0, got {self.latent}.")
        if len(self.image_size) != (2 if self.latent else 0):
            raise ValueError(
                "architecture.image_size must be height and width with a flat latent and empty without one, got "
                f"{self.image_size} with a latent of {self.latent}."
            )

    @property
    def depth(self) -> int:
        """Number of encoder blocks; with pooling also the number of poolings."""
        return len(self.channels)

    @property
    def base_width(self) -> int:
        """Width of the outermost encoder block."""
        return self.channels[0]

    @property
    def reconstructs(self) -> bool:
        """Whether the network is to give back what enters it."""
        return self.in_channels == self.out_channels

    @property
    def target(self) -> Target:
        """What leaves the network."""
        return "image" if self.out_channels == CHANNELS_OF["image"] else "mask"


def _require_positive(field: str, values: Sequence[int]) -> None:
    for value in values:
        if value < 1:
            raise ValueError(f"{field} must hold integers of at least 1, got {tuple(values)}.")


def require_no_skips(config: ArchitectureConfig) -> None:
    """Raise ValueError if the config asks an architecture without skip connections for some."""
    if config.skips:
        raise ValueError(f"architecture.skips must be empty for {config.name}, got {config.skips}; use unet.")


def require_bottleneck_map(config: ArchitectureConfig) -> None:
    """Raise ValueError if the config asks an architecture whose maps are never pooled for a flat latent."""
    if config.latent:
        raise ValueError(f"architecture.latent must be 0 for {config.name}, got {config.latent}; use hourglass.")


def require_same_channels(config: ArchitectureConfig) -> None:
    """Raise ValueError unless what leaves the network has the channels of what enters it."""
    if not config.reconstructs:
        raise ValueError(
            f"architecture.out_channels of {config.name} must be its in_channels ({config.in_channels}), "
            f"got {config.out_channels}."
        )


def widths(base: int, depth: int, growth: float = 2.0) -> tuple[int, ...]:
    """Encoder widths `base * growth**level` for `depth` levels, rounded, at least 1 each."""
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}.")
    return tuple(max(1, round(base * growth**level)) for level in range(depth))

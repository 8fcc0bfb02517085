"""The configuration of a network: one frozen, complete value. Imports no torch."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from hourglass_bench.architectures.bounds import Bounds, shown
from hourglass_bench.architectures.bounds import require as require  # beside the configs that it is for

Norm = Literal["none", "batch", "group"]
Block = Literal["practical", "double", "residual"]
Upsampling = Literal["transposed", "bilinear"]
Target = Literal["mask", "image"]
SIGMA_FLOOR = 1 / 255
"""Smallest standard deviation of a VAE's likelihood of images in [0, 1]: one grey level. Below it a density of 8-bit
images has no bound."""
ARGUMENTS = "arguments"
"""Key of a field's metadata: the field holds names and texts, each of which is stored under its own name."""
CHANNELS_OF: dict[Target, int] = {"mask": 1, "image": 3}
MOST_LEVELS = 32
"""Of an encoder; the largest image is too small for half of them."""
WIDTH = Bounds(1, 2**16, "where one convolution has 39 billion weights")
"""Channels of a map."""
ABSENT_OR_WIDTH = WIDTH._replace(least=0)
"""The same, or 0 for none."""
SIDE = Bounds(1, 2**15, "where one image has 3 GB")
"""Pixels of a side of an image."""


class InfeasibleArchitecture(ValueError):  # noqa: N818 - a state of the world, not a mistake
    """A valid configuration that cannot run on the given input, for example a bottleneck that would vanish."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchitectureConfig:
    """What every architecture's configuration says; its own options are the fields that its class adds.

    `architectures.registry.configure` fills in an architecture's defaults.
    """

    name: str
    """What `architectures.registry.get_spec` knows the architecture by."""
    in_channels: int = 3
    """Channels of what enters the network: 3 for images, 1 for masks."""
    out_channels: int = 1
    """Channels of what leaves it."""

    def __post_init__(self) -> None:
        WIDTH.require("architecture.in_channels", self.in_channels)
        WIDTH.require("architecture.out_channels", self.out_channels)

    @property
    def depth(self) -> int | None:
        """Levels of the encoder; None: the architecture has no such number."""
        return None

    @property
    def base_width(self) -> int | None:
        """Channels of the outermost level; None: the architecture has no such number."""
        return None

    @property
    def family(self) -> object:
        """Equal for networks that differ in their widths alone, as far as is known which options are widths."""
        return self.name

    @property
    def sizes(self) -> str:
        """The options that tell it from other networks of its architecture, in a word or two."""
        return ""

    @property
    def short_sizes(self) -> str:
        """The same as short as can be, for its runs' names."""
        return self.sizes

    @property
    def frame_size(self) -> tuple[int, ...]:
        """Height and width in pixels of the only frames that it is made for; empty: of any size."""
        return ()

    @property
    def reconstructs(self) -> bool:
        """Whether the network is to give back what enters it."""
        return self.in_channels == self.out_channels

    @property
    def target(self) -> Target:
        """What leaves the network."""
        return "image" if self.out_channels == CHANNELS_OF["image"] else "mask"


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderDecoderConfig(ArchitectureConfig):
    """Every choice that shapes one of the networks that are built here."""

    channels: tuple[int, ...]
    """Encoder widths, outermost level first; their number is the depth."""
    decoder_channels: tuple[int, ...]
    """Decoder widths, innermost level first."""
    skips: tuple[int, ...] = ()
    """Levels (1 = full resolution) whose block output is concatenated in the decoder, in ascending order."""
    norm: Norm = "none"
    """Normalisation before each ReLU of a block."""
    latent: int = 0
    """Numbers of a flat latent between encoder and decoder; 0 keeps the bottleneck map."""
    image_size: tuple[int, ...] = ()
    """Height and width in pixels that a flat latent is made for; empty without one, where any size will do."""
    block: Block = "practical"
    """practical: conv - [norm] - ReLU - conv; double: conv - [norm] - ReLU twice; residual: double, and what enters is
    added before the last ReLU."""
    upsampling: Upsampling = "transposed"
    """How the decoder doubles the sides of its maps: 2x2 transposed convolution, or 1x1 convolution and bilinear
    interpolation."""
    bottom: int = 0
    """Width of a block between the last pooling and the decoder; 0: there is none."""

    def __post_init__(self) -> None:
        super(EncoderDecoderConfig, self).__post_init__()
        if not self.channels:
            raise ValueError("architecture.channels must name at least one width, got none.")
        for name, widths in (("channels", self.channels), ("decoder_channels", self.decoder_channels)):
            wide = isinstance(widths, tuple) and all(map(WIDTH.holds, widths))
            require(wide, f"architecture.{name}", f"hold integers of at least 1 and at most {WIDTH.most:,}", widths)
        require(self.depth <= MOST_LEVELS, "architecture.channels", f"be of at most {MOST_LEVELS} levels", self.depth)
        level = Bounds(1, self.depth)
        ascending = isinstance(self.skips, tuple) and all(map(level.holds, self.skips))
        ascending = ascending and list(self.skips) == sorted(set(self.skips))
        require(ascending, "architecture.skips", f"be ascending levels between 1 and {self.depth}", self.skips)
        ABSENT_OR_WIDTH.require("architecture.latent", self.latent)
        for option, value, kinds in (
            ("norm", self.norm, Norm),
            ("block", self.block, Block),
            ("upsampling", self.upsampling, Upsampling),
        ):
            require(
                value in get_args(kinds), f"architecture.{option}", f"be one of {', '.join(get_args(kinds))}", value
            )
        ABSENT_OR_WIDTH.require("architecture.bottom", self.bottom)
        sides = isinstance(self.image_size, tuple) and all(map(SIDE.holds, self.image_size))
        if not sides or len(self.image_size) != (2 if self.latent else 0):
            raise ValueError(
                "architecture.image_size must be height and width with a flat latent and empty without one, got "
                f"{shown(self.image_size)} with a latent of {self.latent}."
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
    def family(self) -> object:
        """The config with all widths the same."""
        decoder = (1,) * len(self.decoder_channels)
        return replace(self, channels=(1,) * self.depth, decoder_channels=decoder, bottom=min(self.bottom, 1))

    @property
    def sizes(self) -> str:
        """The encoder's widths and what is unlike the practical's networks, such as `16-32-64 double latent 8`."""
        return " ".join(["-".join(str(width) for width in self.channels), *self._uncommon])

    @property
    def short_sizes(self) -> str:
        """The same by depth and base width, such as `d3 w16 double latent 8`."""
        return " ".join([f"d{self.depth}", f"w{self.base_width}", *self._uncommon])

    @property
    def _uncommon(self) -> list[str]:
        words = [f"bottom {self.bottom}"] * (self.bottom > 0)
        words += [self.block] * (self.block != "practical") + [self.upsampling] * (self.upsampling != "transposed")
        return words + [f"latent {self.latent}"] * (self.latent > 0)

    @property
    def bottleneck_channels(self) -> int:
        """Channels of the map from which the decoder, or a flat latent, is made."""
        return self.bottom or self.channels[-1]

    @property
    def frame_size(self) -> tuple[int, ...]:
        """That of a flat latent."""
        return self.image_size


def require_no_skips(config: EncoderDecoderConfig) -> None:
    """Raise ValueError if the config asks an architecture without skip connections for some."""
    if config.skips:
        raise ValueError(f"architecture.skips must be empty for {config.name}, got {config.skips}; use unet.")


def widths(base: int, depth: int, growth: float = 2.0) -> tuple[int, ...]:
    """Encoder widths `base * growth**level` for `depth` levels, rounded, at least 1 each.

    Raises:
        ValueError: a number out of range.
    """
    Bounds(1, MOST_LEVELS, "since no image has more to pool").require("depth", depth)
    WIDTH.require("base_width", base)
    Bounds(0.0, 1e4, "since widths end at 65,536", above=True).require("growth", growth)
    return tuple(max(1, round(base * growth**level)) for level in range(depth))

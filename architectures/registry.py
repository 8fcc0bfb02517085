"""The table of architectures. A new one is one file and one entry here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from architectures import autoencoder, encoder_decoder, hourglass, simple_conv, unet, vae
from architectures.blocks import initialise
from architectures.bottleneck import Prediction
from architectures.config import CHANNELS_OF, ArchitectureConfig, Norm, Target, require

Skips = Literal["none", "all"] | Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchitectureSpec:
    """An architecture: the network, its prediction without tensors, and its defaults, which are an Hourglass'."""

    network: Callable[[ArchitectureConfig], nn.Module]
    """Module with an attribute `bottleneck`, a submodule whose output is the bottleneck map."""
    predict: Callable[[ArchitectureConfig, int, int], Prediction] = encoder_decoder.predict
    """(config, height, width) -> sizes; raises InfeasibleArchitecture."""
    presets: dict[str, ArchitectureConfig]
    """Named configurations."""
    default_channels: tuple[int, ...] = (16, 32, 64)
    default_decoder: Callable[[tuple[int, ...]], tuple[int, ...]] = encoder_decoder.default_decoder
    default_skips: Literal["none", "all"] = "none"
    reconstructs: bool = False
    """Whether what enters is to leave again, masks or images, instead of images becoming masks."""
    stream: str = ""
    """Empty for all that are compared, so that equal layers start equal; a name draws other initial weights."""


ARCHITECTURES: dict[str, ArchitectureSpec] = {
    "simple_conv": ArchitectureSpec(
        network=simple_conv.SimpleConv,
        predict=simple_conv.predict,
        presets=simple_conv.PRESETS,
        default_channels=(16,),
        default_decoder=simple_conv.default_decoder,
    ),
    "hourglass": ArchitectureSpec(network=hourglass.Hourglass, presets=hourglass.PRESETS),
    "unet": ArchitectureSpec(network=unet.UNet, presets=unet.PRESETS, default_skips="all"),
    # The U-Net under another name and with other initial weights: whatever tells the two apart is chance.
    "unet_twin": ArchitectureSpec(network=unet.UNet, presets={}, default_skips="all", stream="twin"),
    "autoencoder": ArchitectureSpec(network=autoencoder.AutoEncoder, presets=autoencoder.PRESETS, reconstructs=True),
    "vae": ArchitectureSpec(network=vae.VAE, predict=vae.predict, presets=vae.PRESETS, reconstructs=True),
}

PRESETS: dict[str, ArchitectureConfig] = {
    name: config for spec in ARCHITECTURES.values() for name, config in spec.presets.items()
}


def configure(
    name: str,
    channels: Sequence[int] | None = None,
    *,
    decoder_channels: Sequence[int] | None = None,
    skips: Skips | None = None,
    norm: Norm = "none",
    target: Target | None = None,
    latent: int = 0,
    image_size: Sequence[int] = (),
) -> ArchitectureConfig:
    """A complete configuration; None takes the architecture's default.

    Args:
        target: What an auto-encoder or VAE reconstructs, images by default; networks that segment give masks.
        latent: Numbers of a flat latent, 0 for a bottleneck map.
        image_size: Height and width of the images; it matters to a flat latent only.

    Raises:
        ValueError: unknown architecture (the choices are listed) or a value out of range.
    """
    spec = get_spec(name)
    if target == "image" and not spec.reconstructs:
        raise ValueError(f"target must be mask for {name}, which segments, got image; use autoencoder or vae.")
    out_channels = CHANNELS_OF[target or ("image" if spec.reconstructs else "mask")]
    encoder = spec.default_channels if channels is None else tuple(channels)
    decoder = spec.default_decoder(encoder) if decoder_channels is None else tuple(decoder_channels)
    return ArchitectureConfig(
        name=name,
        channels=encoder,
        decoder_channels=decoder,
        skips=_levels(spec.default_skips if skips is None else skips, len(encoder)),
        norm=norm,
        in_channels=out_channels if spec.reconstructs else CHANNELS_OF["image"],
        out_channels=out_channels,
        latent=latent,
        image_size=tuple(image_size) if latent else (),
    )


def _levels(skips: Skips, depth: int) -> tuple[int, ...]:
    if skips == "none":
        return ()
    if skips == "all":
        return tuple(range(1, depth + 1))
    return tuple(int(level) for level in skips)


def get_spec(name: str) -> ArchitectureSpec:
    """Entry of the table; ValueError lists the choices."""
    require(name in ARCHITECTURES, "architecture.name", f"be one of {', '.join(ARCHITECTURES)}", name)
    return ARCHITECTURES[name]


def get_preset(name: str) -> ArchitectureConfig:
    """Named configuration; ValueError lists the choices."""
    require(name in PRESETS, "preset", f"be one of {', '.join(PRESETS)}", name)
    return PRESETS[name]


def preset_name(config: ArchitectureConfig) -> str:
    """Name of the preset that the config equals, or an empty string."""
    return next((name for name, preset in PRESETS.items() if preset == config), "")


def predict(config: ArchitectureConfig, height: int, width: int) -> Prediction:
    """Bottleneck, parameters and MACs on one image of the given size, without a tensor."""
    return get_spec(config.name).predict(config, height, width)


def build(config: ArchitectureConfig, *, seed: int) -> nn.Module:
    """The network of `config` in float32 on the CPU, initialised by `seed`."""
    spec = get_spec(config.name)
    network = spec.network(config)
    initialise(network, seed, spec.stream)
    return network

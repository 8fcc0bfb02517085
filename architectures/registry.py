"""The table of architectures, and what is asked of any of them, also of one from elsewhere.

A new one here is one file and one entry. Others are known by a reference, `package.module:Class` or
`path/to/file.py:Class`, or by the name of an entry point of the group `hourglass_bench.architectures`
(`architectures.reference`).
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from hourglass_bench.architectures import autoencoder, encoder_decoder, hourglass, simple_conv, unet, vae
from hourglass_bench.architectures.adapt import attach
from hourglass_bench.architectures.arguments import tuples
from hourglass_bench.architectures.blocks import initialise
from hourglass_bench.architectures.bottleneck import Prediction
from hourglass_bench.architectures.config import ArchitectureConfig, EncoderDecoderConfig, require
from hourglass_bench.architectures.configure import configure_by
from hourglass_bench.architectures.foreign import find_spec
from hourglass_bench.architectures.reference import canonical, installed
from hourglass_bench.architectures.spec import ArchitectureSpec
from hourglass_bench.architectures.trace import Traced, trace

_here = partial(ArchitectureSpec, config=EncoderDecoderConfig, initialise=initialise, origin="here")
_encoder_decoder = partial(_here, predict=encoder_decoder.predict, encoder=("encoder", "bottom", "to_latent"))

ARCHITECTURES: dict[str, ArchitectureSpec] = {
    "simple_conv": _here(
        network=simple_conv.SimpleConv,
        configure=configure_by((16,), simple_conv.default_decoder),
        predict=simple_conv.predict,
        presets=simple_conv.PRESETS,
    ),
    "hourglass": _encoder_decoder(
        network=hourglass.Hourglass, configure=configure_by(), presets=hourglass.PRESETS, teacher="autoencoder"
    ),
    "unet": _encoder_decoder(
        network=unet.UNet, configure=configure_by(default_skips="all"), presets=unet.PRESETS, teacher="autoencoder"
    ),
    # The U-Net under another name and with other initial weights: whatever tells the two apart is chance.
    "unet_twin": _encoder_decoder(
        network=unet.UNet,
        configure=configure_by(default_skips="all"),
        initialise=partial(initialise, stream="twin"),
        teacher="autoencoder",
    ),
    "autoencoder": _encoder_decoder(
        network=autoencoder.AutoEncoder,
        configure=configure_by(reconstructs=True),
        presets=autoencoder.PRESETS,
        reconstructs=True,
    ),
    "vae": _encoder_decoder(
        network=vae.VAE,
        configure=configure_by(reconstructs=True),
        predict=vae.predict,
        presets=vae.PRESETS,
        reconstructs=True,
    ),
}

PRESETS: dict[str, EncoderDecoderConfig] = {
    name: config for spec in ARCHITECTURES.values() for name, config in spec.presets.items()
}


def configure(name: str, channels: Sequence[int] | None = None, /, **options: Any) -> ArchitectureConfig:
    """A complete configuration: of the architecture's own options those that are given, defaults for the others.

    Raises:
        ValueError: unknown architecture (the choices are listed), unknown option, or a value out of range.
    """
    if channels is not None:
        options["channels"] = channels
    name = canonical(name)
    spec = get_spec(name)
    takes = [key for key in inspect.signature(spec.configure or spec.config).parameters if key != "name"]
    wrong = [key for key in options if key not in takes]
    require(not wrong or "options" in takes, f"options of {name}", f"be of {', '.join(takes)}", ", ".join(wrong))
    try:
        if spec.configure is not None:
            return spec.configure(name, **options)
        return spec.config(name=name, **{key: tuples(value) for key, value in options.items()})
    except TypeError as error:  # one is missing, or is not of the type that another's checks assume
        raise ValueError(f"options of {name} must be values for {', '.join(takes)}, got {error}.") from error


def get_spec(name: str) -> ArchitectureSpec:
    """What is known of an architecture; ValueError lists the choices."""
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    if found := find_spec(name):
        return found
    known = ", ".join(dict.fromkeys((*ARCHITECTURES, *installed())))
    require(False, "architecture.name", f"be one of {known}, or package.module:Class, or path/to/file.py:Class", name)
    raise AssertionError


def get_preset(name: str) -> ArchitectureConfig:
    """Named configuration, ours or `ARCHITECTURE:PRESET` of a spec from elsewhere; ValueError lists the choices."""
    if name in PRESETS:
        return PRESETS[name]
    architecture, _, own = name.rpartition(":")
    ours = f"be one of {', '.join(PRESETS)}, or of a spec from elsewhere, as path/to/file.py:SPEC:NAME"
    require(architecture in ARCHITECTURES or find_spec(architecture) is not None, "preset", ours, name)
    known = _presets(architecture)
    choices = ", ".join(get_spec(architecture).presets) or "none"
    require(name in known, f"preset of {architecture}", f"be one of {choices}", own)
    return known[name]


def _presets(architecture: str) -> dict[str, ArchitectureConfig]:
    """By the names that `get_preset` takes; an author need not know what a spec will be referred to by."""
    own = get_spec(architecture).presets
    return {f"{architecture}:{name}": replace(preset, name=architecture) for name, preset in own.items()}


def preset_name(config: ArchitectureConfig) -> str:
    """Name of the preset that the config equals, or an empty string."""
    return next((name for name, preset in (PRESETS | _presets(config.name)).items() if preset == config), "")


def predict(config: ArchitectureConfig, height: int, width: int) -> Prediction:
    """Bottleneck, parameters and MACs on one image of the given size: by closed form, or traced on fake tensors."""
    spec = get_spec(config.name)
    return spec.predict(config, height, width) if spec.predict else trace(config, spec, (height, width)).prediction


def traced(config: ArchitectureConfig, height: int, width: int) -> Traced:
    """What a pass on fake tensors shows of a network for images of that size: activations, and notes on its output."""
    return trace(config, get_spec(config.name), (height, width))


def build(config: ArchitectureConfig, *, seed: int, size: tuple[int, int] | None = None) -> nn.Module:
    """The network of `config` in float32 on the CPU, initialised by `seed`.

    Args:
        size: Height and width of its images. Only a network from elsewhere must know it: what it returns for them is
            turned into logits, see `architectures.outputs`.

    Raises:
        ValueError: the options contradict each other, or the network cannot be used for such images.
    """
    spec = get_spec(config.name)
    if spec.initialise is not None:
        network = spec.network(config)
        spec.initialise(network, seed)
    else:
        with _seeded(seed):
            network = spec.network(config)
    if spec.origin == "elsewhere":
        require(size is not None, f"size of {config.name}", "be height and width of its images", size)
        assert size is not None
        attach(network, config, spec, size)
    return network


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Torch's own generator, which constructors draw from, seeded; afterwards it is what it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield

"""Networks that stand for all others where a machine is checked or measured."""

from functools import partial

from hourglass_bench.architectures.config import ArchitectureConfig, Norm, widths
from hourglass_bench.architectures.defaults import ARCHITECTURE
from hourglass_bench.architectures.registry import configure

segmenter = partial(configure, ARCHITECTURE)
"""Channels and options -> the network that is taken where any would do."""
VARIED = (
    segmenter((16, 32, 64), norm="batch"),
    configure("hourglass", (16, 32, 64), norm="group"),
    configure("vae", (16, 32, 64)),
    segmenter((32, 64, 128, 256)),
    segmenter((64, 128, 256, 512), norm="batch"),
    configure("hourglass", (8, 8), norm="batch"),
    configure("autoencoder", (32, 64, 128), norm="group"),
    configure("simple_conv", (16,)),
)
"""Architectures, widths and norms, of which a short check takes the first ones."""
SMALL = configure("hourglass", widths(8, 2, 1.0), norm="batch")
MIDDLE = segmenter(widths(32, 4, 1.5), norm="batch")
LARGE = segmenter(widths(64, 5, 2.0), norm="batch")
"""Sizes that studies have."""


def tiny(name: str, norm: Norm) -> ArchitectureConfig:
    """Of an architecture a network that trains in a moment."""
    return configure(name, (8,) if name == "simple_conv" else (8, 16), norm=norm)

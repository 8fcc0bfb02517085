"""The maps that leave the submodules of a network in one pass, and which one is its bottleneck."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

Maps = dict[str, list[tuple[int, int, int]]]
"""Name of a submodule -> shapes (C, H, W) of what left it, in order; of submodules that return maps."""


@contextmanager
def feature_maps(network: nn.Module) -> Iterator[Maps]:
    """Within the context, the shapes of all maps that leave submodules; one that is called later stands later.

    Those that leave the network itself have an empty name.
    """
    maps: Maps = {}

    def record(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            earlier = maps.pop(name, [])
            _, channels, height, width = output.shape
            maps[name] = [*earlier, (channels, height, width)]

    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: record(name, output))
        for name, module in network.named_modules()
    ]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def smallest(shapes: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """The one with the fewest pixels."""
    return min(shapes, key=_pixels)


def bottleneck(maps: Maps, larger: Maps, out_channels: int) -> str:
    """Name of the submodule that returns the map of the fewest pixels, the last one of those; empty if none does.

    A map is left out that has as many channels as there are masks, which is a prediction or a gate; and one of as many
    pixels for a larger image, which is a summary of the image and no map of it, as in channel attention and pyramid
    pooling. Where the network takes no larger image only single pixels are known for a summary. What would leave none
    leaves all.

    What is found is where the network sees the image most coarsely: of several branches the lowest one, of several
    lowest maps the decoder's if it has one. It is not shown that all that the network knows passes through it, and
    tokens (B, N, C) are no maps: where that matters, `ArchitectureSpec.bottleneck` declares the submodule.

    Args:
        maps: for an image.
        larger: for an image of twice its sides; empty if the network does not take it.
    """
    pixels = {name: _pixels(smallest(shapes)) for name, shapes in maps.items() if name}
    inner = [name for name in pixels if smallest(maps[name])[0] != out_channels] or list(pixels)
    found = [name for name in inner if (_grows(maps, larger, name) if larger else pixels[name] > 1)] or inner
    fewest = min((pixels[name] for name in found), default=0)
    return next((name for name in reversed(found) if pixels[name] == fewest), "")


def _pixels(shape: tuple[int, int, int]) -> int:
    return shape[1] * shape[2]


def _grows(maps: Maps, larger: Maps, name: str) -> bool:
    return name in larger and _pixels(smallest(larger[name])) > _pixels(smallest(maps[name]))

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
    return min(shapes, key=lambda shape: shape[1] * shape[2])


def bottleneck(maps: Maps, declared: str) -> str:
    """Name of the submodule: the declared one, or the last that returns a map of the fewest pixels.

    Maps of a single pixel are no map but a mean over the image, as in channel attention, unless there are no others. If
    no submodule returns a map it is what the network returns, under an empty name.
    """
    if declared in maps:
        return declared
    pixels = {name: shape[1] * shape[2] for name, shape in ((name, smallest(of)) for name, of in maps.items() if name)}
    spread = {name: count for name, count in pixels.items() if count > 1} or pixels
    fewest = min(spread.values(), default=0)
    return next((name for name in reversed(spread) if spread[name] == fewest), "")

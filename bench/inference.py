"""Probabilities of foreground in images of any size, by a network that was trained at one size."""

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hourglass_bench.bench.data.resizing.boxes import Box, Fit, Size
from hourglass_bench.bench.data.resizing.fit import fit_image, undo_fit
from hourglass_bench.bench.training.objective import standardise

TILES = 8
"""Tiles that are predicted at a time."""


def predict(
    network: nn.Module, image: NDArray[np.uint8], size: Size, fit: Fit, device: torch.device
) -> NDArray[np.float32]:
    """Of an image (H, W, 3), brought to the size of the training as its frames were, and back: (H, W)."""
    height, width = image.shape[:2]
    return undo_fit(_predict(network, fit_image(image, size, fit)[None], device)[0], (height, width), fit)


def predict_tiles(
    network: nn.Module, image: NDArray[np.uint8], size: Size, device: torch.device
) -> NDArray[np.float32]:
    """Of an image (H, W, 3) that is not resized: (H, W).

    It is seen through tiles of the size of the training, each at most half a tile from the next. Where they overlap,
    their probabilities are weighted by the distance to the tile's edges, where a network knows least. An image that is
    smaller than a tile is continued by its mirror image.
    """
    height, width = image.shape[:2]
    image = np.pad(image, [(0, max(0, size[0] - height)), (0, max(0, size[1] - width)), (0, 0)], mode="symmetric")
    tops, lefts = (_starts(length, side) for length, side in zip(image.shape, size, strict=False))
    boxes = [Box(top, left, *size) for top, left in itertools.product(tops, lefts)]
    window = np.outer(_ramp(size[0]), _ramp(size[1]))
    total = np.zeros(image.shape[:2], np.float32)
    for first in range(0, len(boxes), TILES):
        batch = boxes[first : first + TILES]
        probabilities = _predict(network, np.stack([box.of(image) for box in batch]), device)
        for box, probability in zip(batch, probabilities, strict=True):
            box.of(total)[:] += window * probability
    # The windows' sum is the product of the sums of either side's ramps.
    total /= _sum_of_ramps(len(image), tops, size[0])[:, None]
    total /= _sum_of_ramps(image.shape[1], lefts, size[1])
    return total[:height, :width]


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of a side begin along a length that is no shorter: evenly spaced, at most half a side apart."""
    steps = -(-(length - side) // (side // 2))
    return [round(start) for start in np.linspace(0, length - side, steps + 1)]


def _ramp(side: int) -> NDArray[np.float32]:
    """Rises from 1 at either end of a tile to its middle."""
    return np.minimum(np.arange(1, side + 1), np.arange(side, 0, -1)).astype(np.float32)


def _sum_of_ramps(length: int, starts: list[int], side: int) -> NDArray[np.float32]:
    total = np.zeros(length, np.float32)
    for start in starts:
        total[start : start + side] += _ramp(side)
    return total


def feed_contiguous(network: nn.Module) -> None:
    """Have a network that may not take channels_last, as images lie here, be given contiguous ones from now on."""
    network.register_forward_pre_hook(lambda _, inputs: tuple(each.contiguous() for each in inputs))


@torch.inference_mode()
def _predict(network: nn.Module, images: NDArray[np.uint8], device: torch.device) -> NDArray[np.float32]:
    """Of images (N, h, w, 3) that have the size of the training: (N, h, w)."""
    inputs = torch.tensor(images, device=device).permute(0, 3, 1, 2).float() / 255
    probability: NDArray[np.float32] = network(standardise(inputs)).float().sigmoid()[:, 0].cpu().numpy()
    return probability

"""A trained network that finds the foreground in files of pictures, for `predict` and for models that are served."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hourglass_bench.bench.checkpoint import load_checkpoint, load_reading
from hourglass_bench.bench.data.files.pictures import Page, open_picture, to_rgb
from hourglass_bench.bench.inference import predict, predict_tiles
from hourglass_bench.bench.machine.precision import set_arithmetic


class Seen(NamedTuple):
    """An image and what is found in it."""

    image: NDArray[np.uint8]
    """(H, W, 3)."""
    probability: NDArray[np.float32]
    """(H, W)."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W), true in the foreground."""
        return self.probability > 0.5


class Segmenter:
    """A network in evaluation mode, on its device, and how the images of its data were read."""

    def __init__(
        self, checkpoint: Path, device: torch.device, *, tile: bool = False, max_megapixels: int | None = None
    ) -> None:
        """Load a checkpoint, see `bench.checkpoint.load_checkpoint`.

        Args:
            tile: see images in their own pixels, by tiles, instead of resized to the size of the training.
            max_megapixels: largest file that is read, in millions of pixels; None: as in the training.

        Raises:
            ValueError: there is none, or its network does not segment.
        """
        (network, config), self._reading = load_checkpoint(checkpoint), load_reading(checkpoint)
        if config.architecture.reconstructs:
            name = config.architecture.name
            raise ValueError(f"predict must be given a network that segments, got {name}; use sample.")
        set_arithmetic("fp32", device)  # whatever it was trained in
        self._network, self._device = network.to(device), device
        self._size, self._tile = config.data.size, tile
        self._max_megapixels = max_megapixels or config.data.max_megapixels

    def look(self, page: Page) -> Seen:
        """At a picture in a file.

        Raises:
            ValueError: it cannot be read, or not as the images of the training were.
        """
        return self.see(to_rgb(open_picture(page, self._max_megapixels), self._reading.limits))

    def see(self, image: NDArray[np.uint8]) -> Seen:
        """At RGB pixels (H, W, 3).

        Raises:
            ValueError: the network's answer is no number, which would look like background.
        """
        if self._tile:
            probability = predict_tiles(self._network, image, self._size, self._device)
        else:
            probability = predict(self._network, image, self._size, self._reading.fit, self._device)
        if not np.isfinite(probability).all():
            raise ValueError("the network must give numbers between 0 and 1, got NaN: its weights are of no use here.")
        return Seen(image, probability)

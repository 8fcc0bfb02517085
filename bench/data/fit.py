"""How a frame of any size comes to the size of the training, and back.

Labels are resized by the mean over areas, so that nothing thin is lost between two samples.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.config import FitName

Fit = Literal["squash", "letterbox", "crop"]
Size = tuple[int, int]
"""Height and width in pixels."""


class Labels(NamedTuple):
    """What the mask of one frame says."""

    foreground: NDArray[np.uint8]
    """(H, W), 0 (background) to 255 (foreground); nothing between, unless the mask is soft."""
    ignored: NDArray[np.bool_]
    """(H, W), what counts in no loss and no metric."""
    soft: bool
    """Whether the values between 0 and 255 are shares of a pixel."""


class Fitted(NamedTuple):
    """One frame at the size of the training."""

    image: NDArray[np.uint8]
    """(H, W, 3)."""
    mask: NDArray[np.uint8]
    """(H, W) as `Frames.masks`."""
    ignored: NDArray[np.bool_]
    """(H, W)."""
    lost: float
    """Share of the foreground that lies where the resized mask says background."""


def choose_fit(sizes: Sequence[Size], wanted: FitName) -> Fit:
    """The fit of a whole set of images."""
    return "squash" if wanted == "auto" else wanted


def fit_frame(image: NDArray[np.uint8], labels: Labels, size: Size, fit: Fit) -> Fitted:
    """One frame (H, W, 3) and its labels at another size."""
    mask = _resize(labels.foreground, size)
    return Fitted(fit_image(image, size, fit), mask, np.zeros(size, np.bool_), 0.0)


def fit_image(image: NDArray[np.uint8], size: Size, fit: Fit) -> NDArray[np.uint8]:
    """An image (H, W, 3) alone, as `fit_frame` has it."""
    return _resize(image, size)


def undo_fit(probability: NDArray[np.float32], original: Size, fit: Fit) -> NDArray[np.float32]:
    """A prediction (h, w) at the size of its image (H, W); what a crop has left out is 0."""
    picture = Image.fromarray(probability).resize((original[1], original[0]), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def pixel_sizes(originals: NDArray[np.int64], size: Size, fit: Fit) -> NDArray[np.float64]:
    """Height and width of a resized pixel in pixels of the originals (N, 2): (N, 2)."""
    return originals / np.array(size)


def _resize(picture: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR))

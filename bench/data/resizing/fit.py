"""How a frame of any size comes to the size of the training, and back.

Labels are resized by areas, so that nothing thin is lost between two samples (`bench.data.resizing.coverage`).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.frames import is_foreground
from hourglass_bench.bench.data.resizing.boxes import Fit, Size, find_boxes
from hourglass_bench.bench.data.resizing.coverage import STRIP, area_sums, keep_share

BORDER = 128
"""Grey of a letterbox's border: about 0 for the network."""
TOLERATED_LOSS = 0.1
"""Share of the foreground that resizing may take without a word."""


class Labels(NamedTuple):
    """What the mask of one frame says."""

    foreground: NDArray[np.uint8]
    """(H, W), 0 (background) to 255 (foreground); nothing between, unless the mask is soft."""
    ignored: NDArray[np.bool_]
    """(H, W), what counts in no loss and no metric."""
    soft: bool
    """Whether the values between 0 and 255 are shares of a pixel."""
    mode: str = "L"
    """Pillow's name of the kind of the file's pixels, such as L or P."""


class FittedLabels(NamedTuple):
    """The labels of one frame at the size of the training."""

    mask: NDArray[np.uint8]
    """(H, W) as `Frames.masks`; 0 where it is ignored."""
    ignored: NDArray[np.bool_]
    """(H, W); with the border of a letterbox."""
    lost: float
    """Share of the foreground that lies where the resized mask says background; what is cropped away is not asked."""


class Fitted(NamedTuple):
    """One frame at the size of the training."""

    image: NDArray[np.uint8]
    """(H, W, 3)."""
    mask: NDArray[np.uint8]
    """As in `FittedLabels`."""
    ignored: NDArray[np.bool_]
    """As in `FittedLabels`."""
    lost: float
    """As in `FittedLabels`."""


def fit_frame(image: NDArray[np.uint8], labels: Labels, size: Size, fit: Fit) -> Fitted:
    """One frame (H, W, 3) and its labels at another size."""
    return Fitted(fit_image(image, size, fit), *fit_labels(labels, size, fit))


def fit_image(image: NDArray[np.uint8], size: Size, fit: Fit) -> NDArray[np.uint8]:
    """An image (H, W, 3) alone, as `fit_frame` has it."""
    height, width = image.shape[:2]
    source, target = find_boxes((height, width), size, fit)
    fitted = np.full((*size, 3), BORDER, np.uint8)
    target.of(fitted)[:] = _resize(source.of(image), target.size)
    return fitted


def fit_labels(labels: Labels, size: Size, fit: Fit) -> FittedLabels:
    """The labels of `fit_frame`.

    Cells of which half or more is ignored are ignored; in the others coverage is relative to what counts. Soft alpha is
    resized as images are, and cut where it is used.
    """
    height, width = labels.foreground.shape
    source, target = find_boxes((height, width), size, fit)
    counted = ~labels.ignored
    drawn = is_foreground(labels.foreground) & counted
    covered, counting = (area_sums(source.of(marked), target.size) for marked in (drawn, counted))
    counts = 2 * counting > source.height * source.width

    content = np.zeros(target.size, np.uint8)
    if labels.soft:
        content[counts] = _resize(source.of(np.where(counted, labels.foreground, 0)), target.size)[counts]
    else:
        content[counts] = np.where(keep_share(covered[counts] / counting[counts]), 255, 0)
    mask, ignored = np.zeros(size, np.uint8), np.ones(size, np.bool_)
    target.of(mask)[:], target.of(ignored)[:] = content, ~counts

    whole, kept = covered.sum(), covered[is_foreground(content) | ~counts].sum()
    return FittedLabels(mask, ignored, float(1 - kept / whole) if whole else 0.0)


def keeping_size(labels: Labels, size: Size, fit: Fit) -> Size:
    """The first of 2, 4, 8 ... times `size` that loses at most `TOLERATED_LOSS`, or that as large as the frame."""
    height, width = labels.foreground.shape
    factor, largest = 1.0, max(height / size[0], width / size[1])
    larger = size
    while factor < largest:
        factor = min(2 * factor, largest)
        larger = round(factor * size[0]), round(factor * size[1])
        if fit_labels(labels, larger, fit).lost <= TOLERATED_LOSS:
            break
    return larger


def undo_fit(probability: NDArray[np.float32], original: Size, fit: Fit) -> NDArray[np.float32]:
    """A prediction (h, w) at the size of its image (H, W); what a crop has left out is 0."""
    height, width = probability.shape
    source, target = find_boxes(original, (height, width), fit)
    undone = np.zeros(original, np.float32)
    seen, whole = Image.fromarray(target.of(probability)), source.of(undone)
    for top in range(0, source.height, STRIP):  # Pillow needs several times the memory of what it resizes
        part = whole[top : top + STRIP]
        rows = np.array([top, top + len(part)]) * target.height / source.height
        box = (0, rows[0], target.width, rows[1])
        part[:] = seen.resize((source.width, len(part)), Image.Resampling.BILINEAR, box)
    return undone


def _resize(picture: NDArray[Any], size: Size) -> NDArray[Any]:
    """By a triangle filter as wide as the reduction, for images and what is as smooth."""
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR))

"""Which part of a frame comes to which part of the training's size: the geometry that all resizing shares."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.config import FitName

Fit = Literal["squash", "letterbox", "crop"]
Size = tuple[int, int]
"""Height and width in pixels."""

ONE_ASPECT = 1.05
"""Largest quotient of two aspect ratios that pass for one."""


class Box(NamedTuple):
    """A part of a picture, in its pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.height, self.width

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The part of a picture (H, W, ...), as a view."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]


class Boxes(NamedTuple):
    """What is resized, and where it lies then."""

    source: Box
    """Of the original; all of it but for a crop."""
    target: Box
    """Of the resized frame; all of it but for a letterbox."""


def choose_fit(sizes: Sequence[Size], wanted: FitName) -> Fit:
    """The fit of a whole set of images: squashing where all have one aspect ratio bends them all alike."""
    if wanted != "auto":
        return wanted
    aspects = [height / width for height, width in sizes]
    return "squash" if max(aspects) <= ONE_ASPECT * min(aspects) else "letterbox"


def find_boxes(original: Size, size: Size, fit: Fit) -> Boxes:
    """The parts of an original and of its resized frame that show the same."""
    source, target = Box(0, 0, *original), Box(0, 0, *size)
    if fit == "letterbox":
        target = _largest_inside(size, original)
    if fit == "crop":
        source = _largest_inside(original, size)
    return Boxes(source, target)


def _largest_inside(outer: Size, shape: Size) -> Box:
    """The largest box inside `outer`, in its middle, with the aspect ratio of `shape` to within half a pixel."""
    height = min(outer[0], max(1, round(outer[1] * shape[0] / shape[1])))
    width = min(outer[1], max(1, round(outer[0] * shape[1] / shape[0])))
    return Box((outer[0] - height) // 2, (outer[1] - width) // 2, height, width)


def pixel_sizes(originals: NDArray[np.int64], size: Size, fit: Fit) -> NDArray[np.float64]:
    """Height and width of a resized pixel in pixels of the originals (N, 2): (N, 2)."""
    boxes = (find_boxes((height, width), size, fit) for height, width in originals.tolist())
    sizes = [(source.height / target.height, source.width / target.width) for source, target in boxes]
    return np.array(sizes).reshape(-1, 2)

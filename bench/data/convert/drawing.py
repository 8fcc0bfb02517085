"""What an annotation file says of one image: labelled shapes, and the mask that some of the labels make."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

IGNORED = 255
"""Written where a pixel counts in no loss and no metric, beside 0 and 1: as VOC does."""


_CORNERS = 64  # of the polygon that stands for an ellipse

Points = NDArray[np.float64]
"""(N, 2), x and y in pixels."""


class Shape(NamedTuple):
    """One labelled object."""

    label: str
    region: Any
    """Polygons [[x, y, x, y, ...], ...] in pixels, whose areas unite, or a run-length encoding as COCO has it."""
    crowd: bool = False
    """Covers objects that nobody told apart: COCO leaves such regions out of every score."""


class Drawing(NamedTuple):
    """One image with its shapes."""

    image: Path | bytes
    """The file, or what it would hold."""
    name: str
    """The image's name as the annotations have it, with its suffix and without folders."""
    size: tuple[int, int]
    """Height and width in pixels."""
    shapes: tuple[Shape, ...]
    role: str = ""
    """`train`, `val` or `test` where the annotations belong to one."""


class Annotations(NamedTuple):
    """What lies in a source."""

    drawings: tuple[Drawing, ...]
    refused: tuple[str, ...]
    """What was not taken, and why, a sentence each."""


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    """Its four corners."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def ellipse(centre: Points, wide: float, tall: float) -> Points:
    """Corners on an ellipse about a centre (2,), by its half axes."""
    angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    return centre + np.column_stack((wide * np.cos(angles), tall * np.sin(angles)))


def outline(points: Points) -> list[list[float]]:
    """One polygon, as `Shape.region`."""
    return [points.ravel().tolist()]


def encode(bitmap: NDArray[np.bool_], top: int, left: int, size: tuple[int, int]) -> Any:
    """A mask (h, w) in its box as a run-length encoding of the whole image; what lies beyond its edges is cut off."""
    from pycocotools import mask as coco

    whole = np.zeros(size, np.uint8, order="F")
    part = whole[top : top + bitmap.shape[0], left : left + bitmap.shape[1]]
    part[:] = bitmap[: part.shape[0], : part.shape[1]]
    return coco.encode(whole)


def labels_of(drawings: Iterable[Drawing]) -> dict[str, int]:
    """How many shapes each label has, the most frequent first."""
    return dict(Counter(shape.label for drawing in drawings for shape in drawing.shapes).most_common())


def draw(drawing: Drawing, foreground: Collection[str], ignore: Collection[str]) -> NDArray[np.uint8]:
    """The mask (H, W) of 0, 1 where a label of `foreground` covers it, and `IGNORED`.

    Ignored are crowds and the labels of `ignore`, where no foreground lies.
    """
    taken = [shape for shape in drawing.shapes if shape.label in foreground and not shape.crowd]
    left = [shape for shape in drawing.shapes if shape.label in ignore or (shape.crowd and shape.label in foreground)]
    mask = _cover(left, drawing.size).astype(np.uint8) * np.uint8(IGNORED)
    mask[_cover(taken, drawing.size)] = 1
    return mask


def _cover(shapes: Sequence[Shape], size: tuple[int, int]) -> NDArray[np.bool_]:
    from pycocotools import mask as coco

    covered = np.zeros(size, np.bool_)
    for shape in shapes:
        is_compressed = isinstance(shape.region, dict) and isinstance(shape.region["counts"], str | bytes)
        encoded = shape.region if is_compressed else coco.frPyObjects(shape.region, *size)
        covered |= coco.decode(coco.merge(encoded) if isinstance(encoded, list) else encoded).astype(np.bool_)
    return covered


def require_pycocotools() -> None:
    """Raise ValueError that says how to install what fills polygons."""
    try:
        import pycocotools.mask  # noqa: F401
    except ImportError:
        raise ValueError(
            "polygons need pycocotools, which is not installed; add it with: pip install 'hourglass-bench[polygons]'."
        ) from None

"""What an annotation file says of one image: labelled shapes, and the mask that some of the labels make."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.resizing.boxes import Size

IGNORED = 255
"""Written where a pixel counts in no loss and no metric, beside 0 and 1: as VOC does."""

FARTHEST = 100_000
"""Pixels that a corner may lie from the image's: filling takes memory with the length of an outline."""
_CORNERS = 64  # of the polygon that stands for an ellipse

Points = NDArray[np.float64]
"""(N, 2), x and y in pixels."""


class AnnotationError(ValueError):
    """What is wrong with an annotation file, which the message names."""


@contextmanager
def parsing(file: Path, form: str) -> Iterator[None]:
    """Take the entries of a file apart in here.

    Raises:
        AnnotationError: in place of whatever an entry raises that is not of the form, such as `COCO's JSON`.
    """
    try:
        yield
    except AnnotationError:
        raise
    except KeyError as error:
        raise AnnotationError(f"{file} must be {form}, got an entry without {error}.") from error
    except (AttributeError, IndexError, OSError, OverflowError, TypeError, ValueError) as error:
        raise AnnotationError(f"{file} must be {form}, got an entry that is none: {str(error).rstrip('.')}.") from error


class Polygons(NamedTuple):
    """Outlines, whose areas unite."""

    outlines: list[list[float]]
    """[[x, y, x, y, ...], ...] in pixels."""

    def cover(self, size: Size) -> NDArray[np.bool_]:
        """Where they are, (H, W)."""
        from pycocotools import mask as coco

        return np.asarray(coco.decode(coco.merge(coco.frPyObjects(self.outlines, *size))), np.bool_)


class Runs(NamedTuple):
    """A box whose pixels are background and object by turns, beginning with background."""

    counts: list[int]
    """Lengths of the runs."""
    box: Size
    """Height and width."""
    top: int = 0
    left: int = 0
    by_columns: bool = True
    """Whether runs go down the columns, as COCO's do, or along the rows."""

    def cover(self, size: Size) -> NDArray[np.bool_]:
        """As `Polygons.cover`."""
        if self.by_columns and self.box != size:
            raise ValueError(f"must have the size of its image, {_by(size)}, got {_by(self.box)}")
        _require_inside(self.top, self.left, self.box, size)
        bits = np.repeat(np.arange(len(self.counts)) % 2 == 1, self.counts)
        return _placed(bits.reshape(self.box, order="F" if self.by_columns else "C"), self.top, self.left, size)


class Bitmap(NamedTuple):
    """A picture in a box, which is object where it is not black."""

    picture: Image.Image
    """Not decoded yet."""
    top: int
    left: int

    def cover(self, size: Size) -> NDArray[np.bool_]:
        """As `Polygons.cover`."""
        _require_inside(self.top, self.left, (self.picture.height, self.picture.width), size)
        return _placed(np.asarray(self.picture.convert("L")) > 0, self.top, self.left, size)


class Shape(NamedTuple):
    """One labelled object."""

    label: str
    region: Polygons | Runs | Bitmap
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
    file: Path = Path()
    """Where it is said."""
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


def outline(points: Points) -> Polygons:
    """One polygon.

    Raises:
        ValueError: a corner is no place, or there are fewer than three.
    """
    return Polygons([_corners(points.ravel().tolist())])


def outlines(lists: Iterable[Iterable[float]]) -> Polygons:
    """Several, of x, y, x, y, ... each; as `outline`."""
    return Polygons([_corners([float(number) for number in numbers]) for numbers in lists])


def _corners(numbers: list[float]) -> list[float]:
    if len(numbers) % 2 or len(numbers) < 6:
        raise ValueError(f"an outline must have three corners or more, of x and y, got {len(numbers)} numbers")
    if wrong := [number for number in numbers if not abs(number) <= FARTHEST]:
        raise ValueError(f"a corner must lie within {FARTHEST:,} pixels of the image, got {wrong[0]:g}")
    return numbers


def runs(counts: Iterable[Any], box: Size, top: int = 0, left: int = 0, *, by_columns: bool = True) -> Runs:
    """Runs that fill their box.

    Raises:
        ValueError: they do not.
    """
    lengths = [int(count) for count in counts]
    if min(lengths, default=0) < 0 or sum(lengths) != box[0] * box[1] or min(box) < 1:
        raise ValueError(
            f"a mask must fill its box of {box[1]}x{box[0]} pixels with runs of at least 0, got {sum(lengths)}"
        )
    return Runs(lengths, box, top, left, by_columns)


def read_size(height: Any, width: Any) -> Size:
    """Of an image.

    Raises:
        ValueError: they are no numbers of pixels.
    """
    size = int(height), int(width)
    if min(size) < 1:
        raise ValueError(f"an image must have at least one pixel, got {width}x{height}")
    return size


def _require_inside(top: int, left: int, box: Size, size: Size) -> None:
    if min(top, left) < 0 or box[0] > size[0] or box[1] > size[1]:
        raise ValueError(f"must lie in its image of {_by(size)}, got a box of {_by(box)} at {left}, {top}")


def _placed(part: NDArray[np.bool_], top: int, left: int, size: Size) -> NDArray[np.bool_]:
    """A box in an image; what lies beyond its edges is cut off."""
    whole = np.zeros(size, np.bool_)
    inside = whole[top : top + part.shape[0], left : left + part.shape[1]]
    inside[:] = part[: inside.shape[0], : inside.shape[1]]
    return whole


def _by(size: Size) -> str:
    return f"{size[1]}x{size[0]}"


def labels_of(drawings: Iterable[Drawing]) -> dict[str, int]:
    """How many shapes each label has, the most frequent first."""
    return dict(Counter(shape.label for drawing in drawings for shape in drawing.shapes).most_common())


def draw(drawing: Drawing, foreground: Collection[str], ignore: Collection[str]) -> NDArray[np.uint8]:
    """The mask (H, W) of 0, 1 where a label of `foreground` covers it, and `IGNORED`.

    Ignored are crowds and the labels of `ignore`, where no foreground lies.

    Raises:
        AnnotationError: an object does not lie in the image.
    """
    taken = [shape for shape in drawing.shapes if shape.label in foreground and not shape.crowd]
    left = [shape for shape in drawing.shapes if shape.label in ignore or (shape.crowd and shape.label in foreground)]
    mask = _cover(left, drawing).astype(np.uint8) * np.uint8(IGNORED)
    mask[_cover(taken, drawing)] = 1
    return mask


def _cover(shapes: Sequence[Shape], drawing: Drawing) -> NDArray[np.bool_]:
    covered = np.zeros(drawing.size, np.bool_)
    for shape in shapes:
        try:
            covered |= shape.region.cover(drawing.size)
        except (ValueError, OSError) as error:
            raise AnnotationError(f"{drawing.file}: {shape.label} of {drawing.name} {error}.") from error
    return covered


def require_pycocotools() -> None:
    """Raise ValueError that says how to install what fills polygons."""
    try:
        import pycocotools.mask  # noqa: F401
    except ImportError:
        raise ValueError(
            "polygons need pycocotools, which is not installed; add it with: pip install 'hourglass-bench[polygons]'."
        ) from None

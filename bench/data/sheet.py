"""A contact sheet: one picture that shows what a data set looks like."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.architectures.config import require
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.files import replacing

_ROWS = 12
_GAP = 2  # pixels between cells
_PAPER = 24  # grey of the gaps
_IGNORED = (70, 95, 140)  # no grey, which a soft mask may have
_TALLEST = 128  # pixels; larger frames are shrunk by whole factors


def contact_sheet(frames: Frames, path: Path, *, columns: int = 12) -> None:
    """Write a PNG with a row for each scene; each cell shows a frame above its mask, blue where pixels are ignored.

    Shown are at most 12 scenes, spread evenly over the scenes in their order in frames, and of each at most
    columns frames, spread evenly over the scene from its first frame to its last. The choice depends on the
    counts alone, so a data set always gives the same sheet. Frames taller or wider than 128 pixels are
    shrunk. The file appears under its name only when it is complete; its folder must exist.

    Raises ValueError if there are no frames or columns is less than 1, OSError if path cannot be written.
    """
    require(len(frames.stems) > 0, "frames", "hold at least 1 frame", 0)
    require(columns >= 1, "columns", "be at least 1", columns)
    scenes, names = np.array(frames.scenes), list(dict.fromkeys(frames.scenes))
    rows = [_spread(np.flatnonzero(scenes == names[place]), columns) for place in _spread(np.arange(len(names)), _ROWS)]
    with replacing(path) as partial:
        Image.fromarray(_lay_out(frames, rows)).save(partial, format="PNG")


def _spread(items: NDArray[np.int64], most: int) -> list[int]:
    """At most this many of the items, evenly spread from the first to the last."""
    places = np.linspace(0, len(items) - 1, min(len(items), most)).round().astype(int)
    return [int(item) for item in items[places]]


def _lay_out(frames: Frames, rows: list[list[int]]) -> NDArray[np.uint8]:
    factor = -(-max(frames.images.shape[1:3]) // _TALLEST)
    cell_height, cell_width = _cell(frames, rows[0][0], factor).shape[:2]
    wide, tall = cell_width + _GAP, cell_height + 2 * _GAP
    columns = max(len(row) for row in rows)
    sheet = np.full((tall * len(rows) + _GAP, wide * columns + _GAP, 3), _PAPER, dtype=np.uint8)
    for row, indices in enumerate(rows):
        for column, index in enumerate(indices):
            top, left = row * tall + _GAP, column * wide + _GAP
            sheet[top : top + cell_height, left : left + cell_width] = _cell(frames, index, factor)
    return sheet


def _cell(frames: Frames, index: int, factor: int) -> NDArray[np.uint8]:
    """A frame above its mask, shrunk by the factor."""
    image, mask = _shrink(frames.images[index], factor), _shrink(frames.masks[index], factor)
    coloured = np.repeat(mask[..., None], 3, axis=2)
    if frames.ignored is not None:
        coloured[_shrink(frames.ignored[index].astype(np.uint8) * 255, factor) >= 128] = _IGNORED
    return np.concatenate([image, coloured])


def _shrink(picture: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).reduce(factor))

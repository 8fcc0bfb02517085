"""Pictures in rows and columns, as one PNG with a name beside each row and above each column.

Shapes: N or F pictures, P pairs of frames, S steps, D latent numbers; pictures are uint8, (..., H, W) of masks and
(..., H, W, 3) of images.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.png import software

GAP = 2
"""Pixels between the pictures of a grid."""
PAPER = 200
"""Grey between them, which neither masks nor their labels have."""
LEAST_WIDTH = 96
"""Pixels; smaller pictures are enlarged by whole factors."""
FONT_SIZE = 13
PAD = 6
"""Pixels around a name."""

Pictures = NDArray[np.uint8]


class Grid(NamedTuple):
    """Pictures in rows and columns, (rows, columns, ...), and what these are called."""

    pictures: Pictures
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def sample_grid(samples: Pictures) -> Grid:
    """(N, ...) in a grid about as wide as high, filled up with the grey of the gaps."""
    columns = int(np.ceil(np.sqrt(len(samples))))
    filled = np.full((-len(samples) % columns, *samples.shape[1:]), PAPER, np.uint8)
    return Grid(np.concatenate([samples, filled]).reshape(-1, columns, *samples.shape[1:]))


def reconstruction_grid(originals: Pictures, reconstructions: Pictures) -> Grid:
    """(F, ...) twice, one above the other."""
    return Grid(np.stack([originals, reconstructions]), rows=("original", "decoded"))


def interpolation_grid(starts: Pictures, ways: Pictures, ends: Pictures) -> Grid:
    """Ways (P, S, ...) between the frames (P, ...) that they join."""
    shares = [f"{share:.3g}" for share in np.linspace(0, 1, ways.shape[1])]
    pictures = np.concatenate([starts[:, None], ways, ends[:, None]], axis=1)
    return Grid(pictures, columns=("from", *shares, "to"))


def traversal_grid(frame: Pictures, traversals: Pictures, dimensions: Sequence[int], offsets: Sequence[float]) -> Grid:
    """Rows (D, S, ...) beside the frame (...) they are about, given latent numbers and steps in standard deviations."""
    frames = np.broadcast_to(frame, (len(traversals), 1, *frame.shape))
    return Grid(
        np.concatenate([frames, traversals], axis=1),
        rows=tuple(f"latent {dimension}" for dimension in dimensions),
        columns=("frame", *(f"{offset:+.2g} sd" if offset else "mean" for offset in offsets)),
    )


def save_grid(grid: Grid, path: Path) -> None:
    """Write a PNG, which appears under its name only when it is complete."""
    body = _lay_out(grid.pictures)
    font = ImageFont.load_default(FONT_SIZE)
    left = max((round(font.getlength(name)) + 2 * PAD for name in grid.rows), default=0)
    top = FONT_SIZE + 2 * PAD if grid.columns else 0
    sheet = Image.new(body.mode, (left + body.width, top + body.height), f"rgb({PAPER}, {PAPER}, {PAPER})")
    sheet.paste(body, (left, top))
    draw, ink = ImageDraw.Draw(sheet), "black"
    tile_height, tile_width = body.height / grid.pictures.shape[0], body.width / grid.pictures.shape[1]
    for row, name in enumerate(grid.rows):
        draw.text((left - PAD, top + (row + 0.5) * tile_height), name, ink, font, anchor="rm")
    for column, name in enumerate(grid.columns):
        draw.text((left + (column + 0.5) * tile_width, top / 2), name, ink, font, anchor="mm")
    with replacing(path) as partial:
        sheet.save(partial, format="PNG", pnginfo=software())


def _lay_out(pictures: Pictures) -> Image.Image:
    """(rows, columns, H, W[, 3]) -> pictures with a gap about each."""
    scale = -(-LEAST_WIDTH // pictures.shape[3])
    large = pictures.repeat(scale, axis=2).repeat(scale, axis=3)
    colours = [(0, 0)] * (pictures.ndim - 4)
    tiles = np.pad(large, [(0, 0), (0, 0), (GAP, 0), (GAP, 0), *colours], constant_values=PAPER).swapaxes(1, 2)
    (rows, height, columns, width), rest = tiles.shape[:4], tiles.shape[4:]
    sheet = tiles.reshape(rows * height, columns * width, *rest)
    return Image.fromarray(np.pad(sheet, [(0, GAP), (0, GAP), *colours], constant_values=PAPER))

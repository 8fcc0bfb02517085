"""Files of pictures: which ones a folder holds, how many pages they have, and the numbers in them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")

Range = tuple[float, float]
"""What is black and what is white."""


class Page(NamedTuple):
    """One picture of a file, which has one unless it is a stack."""

    path: Path
    number: int = 0

    def __str__(self) -> str:
        return f"{self.path}#{self.number:03}" if self.number else str(self.path)


class Picture(NamedTuple):
    """What a page holds, upright."""

    values: NDArray[np.generic]
    """(H, W) or (H, W, C), in the number format of the file; of a palette image its indices."""
    mode: str
    """Pillow's name of the pixels' kind, such as RGB, P or I;16."""
    palette: NDArray[np.uint8] | None = None
    """(n, 3) or (n, 4): the colour of each index."""


def list_pictures(folder: Path) -> list[Path]:
    """Files of pictures that lie in `folder` itself, sorted; litter is passed over.

    Raises:
        ValueError: there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder, got none there; a data set is a folder with images/ and masks/.")
    return [
        path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    ]


def list_pages(path: Path) -> list[Page]:
    """The pages of a file."""
    return [Page(path)]


def picture_size(page: Page) -> tuple[int, int]:
    """Upright height and width, of which only the file's head is read.

    Raises:
        ValueError: the file is no picture.
    """
    values = open_picture(page, 250).values
    return values.shape[0], values.shape[1]


def open_picture(page: Page, max_megapixels: int) -> Picture:
    """Decode a page.

    Raises:
        ValueError: the file is no picture, or larger than `max_megapixels` million pixels.
    """
    try:
        with Image.open(page.path) as opened:
            image = ImageOps.exif_transpose(opened)
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"{page} must be a readable image, got {error}.") from error
    palette = np.array(image.getpalette() or [], np.uint8).reshape(-1, 3) if image.mode == "P" else None
    return Picture(np.asarray(image), image.mode, palette)


def find_range(pages: list[Page], intensity: str, max_megapixels: int) -> Range | None:
    """What is black and white in images of more than 8 bits, from the set or its number format; None for 8 bits."""
    return None


def to_rgb(picture: Picture, limits: Range | None) -> NDArray[np.uint8]:
    """(H, W, 3) in 0..255; `limits` are mapped to black and white unless they are None."""
    values = picture.values if picture.palette is None else picture.palette[picture.values]
    return np.asarray(Image.fromarray(values).convert("RGB"))

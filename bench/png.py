"""PNG files that say what wrote them, so that no others are ever written over."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

COMPRESSION = 3
"""Three times as fast as Pillow's own 6, for files that are 14 % larger."""
SOFTWARE = "hourglass-bench"
"""What stands under PNG's own word for it; a program that saves the file anew writes its own name there, or none."""
_HEAD = 256
"""Bytes in which it is found, if at all."""


def software() -> PngInfo:
    """For Pillow's `pnginfo`."""
    info = PngInfo()
    info.add_text("Software", SOFTWARE)
    return info


def to_png(pixels: NDArray[Any]) -> bytes:
    """A file of grey levels (H, W), 8 or 16 bits, or of colours (H, W, 3); of a mask (H, W) 0 and 255."""
    file = BytesIO()
    shown = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
    Image.fromarray(shown).save(file, format="PNG", compress_level=COMPRESSION, pnginfo=software())
    return file.getvalue()


def is_ours(path: Path) -> bool:
    """Whether it is a PNG file that was written here, and by no other program since."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"tEXtSoftware\0" + SOFTWARE.encode() in file.read(_HEAD)

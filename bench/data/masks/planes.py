"""The numbers of a mask file that say what a pixel is: its values, indices, colours or alpha.

Every plane holds one whole number, the code, for each pixel; a colour's code is 0xRRGGBB.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.files.pictures import Page, Picture, open_picture, to_rgb

Plane = Literal["luminance", "values", "greys", "unit", "colours", "alpha"]
"""
luminance: what older versions took of every file;
values: grey values and indices of palettes;
greys: grey values, of palette files that of the colour;
unit: numbers from 0 to 1, times 255;
colours: of transparent pixels as they look on black;
alpha: of files without it the grey values.
"""
Codes = NDArray[np.integer[Any]]

NOT_A_NUMBER = -(2**31)
"""Code of a pixel that holds no number."""
CHANNELS = (16, 8, 0)
"""Where red, green and blue begin in the code of a colour, in bits."""
BAND_PIXELS = 2**22
"""So many pixels are worked on at once, which bounds the memory that a large file takes."""


def open_mask(page: Page, max_megapixels: int) -> Picture:
    """Decode a page, its alpha channel made plain.

    Raises:
        ValueError: the file is no picture, or larger than `max_megapixels` million pixels.
    """
    picture = _expand_cut_out(open_picture(page, max_megapixels))
    is_float = np.issubdtype(picture.values.dtype, np.floating)
    return _stretch_alpha(picture) if has_alpha(picture) and not is_float else picture


def read_plane(picture: Picture, plane: Plane) -> Codes:
    """The codes (H, W) of a picture."""
    values: NDArray[Any] = picture.values
    if plane == "luminance":
        return np.asarray(Image.fromarray(to_rgb(picture, None)).convert("L"))
    if plane == "alpha" and has_alpha(picture):
        return values[..., -1]
    if plane == "colours":
        return pack(_on_black(picture))
    if plane == "greys" and picture.palette is not None:
        return to_rgb(picture, None)[..., 0]
    numbers = values if values.ndim == 2 else _on_black(picture)[..., 0]
    if numbers.dtype == np.bool_:
        return numbers.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(numbers.dtype, np.floating):
        known = np.isfinite(numbers)
        scale = 255 if plane == "unit" else 1
        codes: NDArray[np.int64] = np.rint(np.where(known, numbers, 0) * scale).astype(np.int64)
        codes[~known] = NOT_A_NUMBER
        return codes
    return numbers.astype(numbers.dtype.newbyteorder("="), copy=False)


def bands(picture: Picture) -> Iterator[tuple[int, int]]:
    """First row and the row after the last of the parts in which a picture is worked on."""
    height, width = picture.values.shape[:2]
    rows = max(1, BAND_PIXELS // width)
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


def crop_rows(picture: Picture, top: int, end: int) -> Picture:
    """The rows from `top` to before `end`."""
    return picture._replace(values=picture.values[top:end])


def has_alpha(picture: Picture) -> bool:
    """Whether the last channel says how opaque a pixel is."""
    return picture.values.ndim == 3 and picture.values.shape[2] in (2, 4)


def count_visible_colours(picture: Picture, limit: int) -> int:
    """How many colours a picture with alpha has where it is not transparent; more than `limit` are not counted on."""
    found: set[int] = set()
    for top, end in bands(picture):
        part = crop_rows(picture, top, end)
        alpha: NDArray[Any] = part.values[..., -1]
        found.update(np.unique(pack(_rgb(part))[alpha > 0]).tolist())
        if len(found) > limit:
            break
    return len(found)


def pack(rgb: NDArray[np.uint8]) -> Codes:
    """(..., 3) colours -> codes."""
    red, green, blue = (rgb[..., channel].astype(np.uint32) << shift for channel, shift in enumerate(CHANNELS))
    return red | green | blue


def unpack(codes: Codes) -> NDArray[np.int64]:
    """Codes -> (..., 3) colours."""
    return np.stack([(codes >> shift) & 255 for shift in CHANNELS], axis=-1).astype(np.int64)


def _expand_cut_out(picture: Picture) -> Picture:
    """A picture whose palette has one colour, more or less opaque, as four channels."""
    if picture.palette is None or picture.palette.shape[1] == 3:
        return picture
    shown = picture.palette[np.unique(picture.values)]
    one_colour = (shown[:, :3] == shown[0, :3]).all()
    if not one_colour or (len(shown) == 1 and shown[0, 3]):
        return picture
    return Picture(picture.palette[picture.values], "RGBA")


def _stretch_alpha(picture: Picture) -> Picture:
    """The most opaque pixel is made fully so, as overlays are often stored half transparent."""
    alpha: NDArray[Any] = picture.values[..., -1]
    most, full = int(alpha.max()), int(np.iinfo(alpha.dtype).max)
    if most in (0, full):
        return picture
    stretched = (alpha.astype(np.uint64) * full // most).astype(alpha.dtype)
    return picture._replace(values=np.concatenate([picture.values[..., :-1], stretched[..., None]], axis=-1))


def _on_black(picture: Picture) -> NDArray[np.uint8]:
    rgb = _rgb(picture)
    if not has_alpha(picture):
        return rgb
    values: NDArray[Any] = picture.values
    opacity = values[..., -1:].astype(np.float32) / np.iinfo(values.dtype).max
    on_black: NDArray[np.uint8] = np.rint(rgb * opacity).astype(np.uint8)
    return on_black


def _rgb(picture: Picture) -> NDArray[np.uint8]:
    """Colours without alpha, (H, W, 3); of more than 8 bits, by the limits of their number format."""
    values: NDArray[Any] = picture.values
    if picture.palette is not None or values.dtype == np.uint8:
        return to_rgb(picture, None)
    grey = values.shape[2] < 3
    scaled = values[..., :1].repeat(3, axis=-1) if grey else values[..., :3]
    return np.rint(scaled / (np.iinfo(values.dtype).max / 255)).astype(np.uint8)

"""The numbers in a file of a picture, as Pillow reads them, or imagecodecs where Pillow would cut them to 8 bits."""

import re
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile

Image.MAX_IMAGE_PIXELS = None  # `bench.data.files.pictures` has a limit of its own, which the user can raise
warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd metadata; pictures are not changed by them

_NO_PICTURES = (
    *("BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"),  # Pillow decodes none of them by itself
    *("CUR", "FITS", "ICNS", "ICO", "PCD"),  # sets of icons, or files of which Pillow reads only a part
)
Image.init()
FORMATS = tuple(sorted(set(Image.OPEN) - {*_NO_PICTURES, "TIFF"}, key=lambda name: (name not in ("JPEG", "PNG"), name)))
"""Pillow's names of what is read here, the commonest first, as they are tried one after the other."""
_ANIMATED = ("AVIF", "DCX", "FLI", "GIF", "PNG", "WEBP")
"""Whose frames are shown one after the other; those of others, such as MPO, are previews of the first."""
_KEPT = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "F")
_STRIP = 1 << 20
"""Pixels that are copied at a time."""


class Head(NamedTuple):
    """What a file says before any pixel is decoded."""

    size: tuple[int, int]
    """Upright height and width."""
    kind: str
    """Number format of a pixel's channel, such as uint8 or float32; bool for one bit."""
    frames: int = 1
    turn: int = 1
    """EXIF's orientation, by which the stored pixels are turned upright; 1 for not at all."""


class Picture(NamedTuple):
    """What a page holds, upright."""

    values: NDArray[np.generic]
    """(H, W) or (H, W, C), in the number format of the file; of a palette image its indices."""
    mode: str
    """Pillow's name of the file's kind, such as RGB, P or I;16; other colours than RGB, such as CMYK, come as RGB."""
    palette: NDArray[np.uint8] | None = None
    """(256, 3) or, with transparency, (256, 4): the colour of each index."""


def open_image(file: Path | BytesIO, formats: tuple[str, ...] = FORMATS) -> ImageFile:
    """Pillow's image of a file, not decoded yet; any exception means that it is no picture of these formats.

    All pictures are opened here: without a list, Pillow would start Ghostscript for PostScript, whatever the file's
    name says.
    """
    return Image.open(file, formats=formats)


def read_head(path: Path) -> Head:
    """What the head of a file says; any exception means that it is no picture."""
    with open_image(path) as image:
        frames = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
        turn = _turn_of(image)
        return Head(turned_size((image.height, image.width), turn), _kind_of(image), frames, turn)


def decode(path: Path, number: int | None) -> Picture:
    """One frame of an animation, or what a file holds; any exception means that it is broken."""
    with open_image(path) as image:
        turn = _turn_of(image)
        if number is None and image.mode in ("RGB", "RGBA") and _kind_of(image) == "uint16":
            values = _DEEP[str(image.format)](path.read_bytes())
            return Picture(upright(values, turn), {2: "LA", 3: "RGB", 4: "RGBA"}[values.shape[2]])
        if number is not None:
            image.seek(number)
            image.load()
            return _picture_of(image.convert("RGB"), turn)  # as shown: each frame may bring a palette of its own
        image.load()
        return _picture_of(image, turn)


def is_single(head: bytes) -> bool:
    """Whether the first bytes of a file show that it holds one frame, so that its head need not be read."""
    if head.startswith(b"\x89PNG"):
        return _is_still(head)
    return head.startswith((b"\xff\xd8\xff", b"BM"))


def _is_still(head: bytes) -> bool:
    """Whether the chunks of a PNG reach its pixels without an animation's."""
    at = 8
    while at + 8 <= len(head):
        kind = head[at + 4 : at + 8]
        if kind in (b"IDAT", b"acTL"):
            return kind == b"IDAT"
        at += 12 + int.from_bytes(head[at : at + 4], "big")
    return False


def guess_format(head: bytes) -> str:
    """Pillow's name of the kind that the first bytes of a file are of; empty if they tell none."""
    for name in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "AVIF", "JPEG2000"):
        accept = Image.OPEN[name][1] if name in Image.OPEN else None
        if accept and accept(head) is True:
            return name
    return ""


def upright(values: NDArray[np.generic], turn: int) -> NDArray[np.generic]:
    """Pixels (H, W) or (H, W, C) turned as EXIF's orientation says."""
    return _TURNS[turn](values) if turn in _TURNS else values


def turned_size(size: tuple[int, int], turn: int) -> tuple[int, int]:
    """Height and width after `upright`."""
    return size[::-1] if turn >= 5 else size


_TURNS: dict[int, Callable[[NDArray[np.generic]], NDArray[np.generic]]] = {
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: values[::-1].swapaxes(0, 1),
    7: lambda values: values[::-1, ::-1].swapaxes(0, 1),
    8: lambda values: values[:, ::-1].swapaxes(0, 1),
}


def _turn_of(image: ImageFile) -> int:
    if not image.info.keys() & {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}:
        return 1  # asked by itself, Pillow would decode a whole PNG for it
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # metadata of any kind of brokenness; the pixels may be whole
        return 1
    return turn if turn in _TURNS else 1


def _kind_of(image: ImageFile) -> str:
    """The number format in the file; Pillow's own of 16-bit colours has 8."""
    if image.mode in ("1", "F"):
        return {"1": "bool", "F": "float32"}[image.mode]
    if image.mode.startswith("I"):
        return "uint16" if image.mode != "I" or image.format == "PPM" else "int32"
    return "uint16" if _is_deep(image) else "uint8"


def _is_deep(image: ImageFile) -> bool:
    arguments = image.tile[0].args if image.tile else None
    if image.format == "PNG":
        return str(arguments).endswith(";16B")
    if image.format == "PPM":
        return isinstance(arguments, tuple) and int(arguments[1]) > 255
    if image.format == "JPEG2000" and image.fp is not None:
        at = image.fp.tell()
        image.fp.seek(0)
        found = re.search(rb"\xff\x4f\xff\x51.{38}(.)", image.fp.read(1 << 16), re.DOTALL)  # SOC, SIZ ... Ssiz
        image.fp.seek(at)
        return found is not None and (found[1][0] & 0x7F) + 1 > 8
    return False


def _decode_ppm(data: bytes) -> NDArray[np.generic]:
    head = re.match(rb"P6(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)(?:\s+|#[^\n]*\n)+(\d+)\s", data)
    if head is None:
        raise ValueError("colours of 16 bits that are written as text")
    width, height = int(head[1]), int(head[2])
    values = np.frombuffer(data, ">u2", count=width * height * 3, offset=head.end())
    return values.astype(np.uint16).reshape(height, width, 3)


_DEEP: dict[str, Callable[[bytes], NDArray[np.generic]]] = {
    "PNG": imagecodecs.png_decode,
    "JPEG2000": imagecodecs.jpeg2k_decode,
    "PPM": _decode_ppm,
}


def _picture_of(image: Image.Image, turn: int) -> Picture:
    mode, palette = image.mode, None
    if mode.startswith("I;") or (mode == "I" and image.format == "PPM"):
        return Picture(upright(_pixels_of(image).astype(np.uint16), turn), "I;16")
    if mode == "P":
        palette = _palette_of(image)
    elif mode in ("PA", "RGBa", "La"):
        image, mode = image.convert("RGBA"), "RGBA"
    elif mode not in _KEPT:
        image = image.convert("RGB")
    return Picture(upright(_pixels_of(image), turn), mode, palette)


def _palette_of(image: Image.Image) -> NDArray[np.uint8]:
    channels = 3
    if "transparency" in image.info:
        image.apply_transparency()
        channels = 4
    colours = np.array(image.getpalette("RGBA"[:channels]) or [], np.uint8).reshape(-1, channels)
    palette = np.zeros((256, channels), np.uint8)  # an index may lie behind the colours that the file names
    palette[: len(colours)] = colours
    return palette


def _pixels_of(image: Image.Image) -> NDArray[np.generic]:
    """What `np.asarray` gives; of a large picture without the two more copies that it makes on its way."""
    rows = max(1, _STRIP // image.width)
    if rows >= image.height:
        return np.asarray(image)
    first = np.asarray(image.crop((0, 0, image.width, 1)))
    pixels: NDArray[np.generic] = np.empty((image.height, *first.shape[1:]), first.dtype)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels

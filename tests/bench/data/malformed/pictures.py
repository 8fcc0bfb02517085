"""Files of pictures that are none, are broken or are of a kind that is not meant."""

import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from tests.bench.data.kinds import folders
from tests.bench.data.malformed.cases import AS_ONE, DATA, PREDICT, PREDICT_ONE, SPECIAL, case, made, special

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n(ran) print quit\n"


def encoded(kind: str, pixels: np.ndarray = PIXELS, **options: object) -> bytes:
    """A whole file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    """A whole file."""
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, pixels: bytes = b"", before: bytes = b"") -> bytes:
    """A grey PNG whose head says a size that its pixels need not have."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + end


def flipped(data: bytes, at: int) -> bytes:
    """With one byte changed."""
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def zipped() -> bytes:
    """An archive with a picture in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.png", encoded("PNG"))
    return file.getvalue()


def animated(kind: str) -> bytes:
    """Two frames."""
    file = io.BytesIO()
    first, second = Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1])
    first.save(file, kind, save_all=True, append_images=[second])
    return file.getvalue()


def circular_tiff() -> bytes:
    """Whose only page is followed by itself."""
    data = bytearray(tiff(PIXELS[..., 0], metadata=None))
    start = struct.unpack("<I", data[4:8])[0]
    entries = struct.unpack("<H", data[start : start + 2])[0]
    at = start + 2 + 12 * entries
    data[at : at + 4] = struct.pack("<I", start)
    return bytes(data)


def wide_tiff(width: int) -> bytes:
    """Whose head says another width."""
    data = bytearray(tiff(PIXELS[..., 0], metadata=None))
    at = data.index(struct.pack("<HHI", 256, 3, 1)) if struct.pack("<HHI", 256, 3, 1) in data else -1
    at = data.index(struct.pack("<HHI", 256, 4, 1)) if at < 0 else at
    data[at + 2 : at + 12] = struct.pack("<HII", 4, 1, width)
    return bytes(data)


class Attack:
    """Unpickled, it would leave a file."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("ran",)


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "an empty file"),
    "one byte": (lambda: b"\x89", "no known kind"),
    "zeros": (lambda: bytes(5000), "no known kind"),
    "text": (lambda: b"stem,scene\n", "a text that begins with"),
    "page of a server": (lambda: b"<!DOCTYPE html><html>404</html>", "a text that begins with"),
    "text with codes": (lambda: b"\x1b[31mred\x1b[0m", r"no known kind"),
    "pointer of Git LFS": (lambda: b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "EPS": (lambda: POSTSCRIPT, "a text that begins with"),
    "PDF": (lambda: b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "no known kind"),
    "SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a text that begins with"),
    "archive": (zipped, "no known kind"),
    "gzipped PNG": (lambda: gzip.compress(encoded("PNG")), "no known kind"),
    "array of NumPy": (lambda: b"\x93NUMPY\x01\x00" + bytes(120), "no known kind"),
    "pickle": (lambda: pickle.dumps(Attack()), "no known kind"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), "no known kind"),
    "icon": (lambda: encoded("ICO", PIXELS[:48, :48]), "no known kind"),
    "PNG cut at its half": (lambda: encoded("PNG")[:3000], "readable image"),
    "PNG with one bit flipped": (lambda: flipped(encoded("PNG"), 3000), "readable image"),
    "PNG of a head alone": (lambda: encoded("PNG")[:33], "readable image"),
    "PNG signature alone": (lambda: encoded("PNG")[:8], "a broken PNG file"),
    "PNG of no width": (lambda: png(0, 48), "readable image"),
    "PNG with too few pixels": (lambda: png(64, 48, bytes(100)), "readable image"),
    "PNG without pixels": (lambda: png(64, 48), "readable image"),
    "PNG that says 10,000 megapixels": (lambda: png(100_000, 100_000), "--max-megapixels 10000"),
    "PNG that says 2**31 columns": (lambda: png(2**31 - 1, 1), "--max-megapixels 2148"),
    "PNG of an unknown depth": (
        lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 48, 7, 9, 0, 0, 0)),
        "readable image",
    ),
    "PNG with a text that unpacks to 64 MiB": (
        lambda: png(64, 48, bytes(65 * 48), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 26)))),
        "readable image",
    ),
    "animated PNG": (lambda: animated("PNG"), "must hold one picture"),
    "animated GIF called .png": (lambda: animated("GIF"), "must hold one picture"),
    "JPEG cut at its half": (lambda: encoded("JPEG", quality=95)[:2000], "readable image"),
    "JPEG of a head alone": (lambda: encoded("JPEG")[:20], "readable image"),
    "JPEG signature alone": (lambda: b"\xff\xd8\xff", "readable image"),
    "JPEG with noise for tables": (lambda: b"\xff\xd8\xff\xdb" + bytes(range(256)) * 8, "readable image"),
    "GIF cut at its half": (lambda: encoded("GIF")[:1500], "readable image"),
    "GIF of a head alone": (lambda: encoded("GIF")[:10], "readable image"),
    "GIF of no size": (lambda: b"GIF89a" + bytes(60), "readable image"),
    "BMP cut at its half": (lambda: encoded("BMP")[:5000], "readable image"),
    "BMP that says 2**31 rows": (
        lambda: encoded("BMP")[:22] + struct.pack("<i", 2**31 - 1) + encoded("BMP")[26:],
        "--max-megapixels|readable image",
    ),
    "WebP cut at its half": (lambda: encoded("WEBP")[:500], "readable image"),
    "JPEG 2000 cut at its half": (lambda: encoded("JPEG2000")[:500], "readable image"),
    "JPEG 2000 signature alone": (lambda: encoded("JPEG2000")[:12], "readable image"),
    "PPM without a size": (lambda: b"P6\n", "readable image"),
    "PPM of words": (lambda: b"P6\nten ten\n255\n", "readable image"),
    "PPM with too few pixels": (lambda: b"P6\n64 48\n255\nabc", "readable image"),
    "PPM of no largest value": (lambda: b"P6\n64 48\n0\n" + bytes(64 * 48 * 3), "readable image"),
    "PGM of text that ends": (lambda: b"P2\n64 48\n255\n1 2 3", "readable image"),
    "PSD signature alone": (lambda: b"8BPS" + bytes(30), "readable image"),
    "DDS head": (lambda: b"DDS " + bytes(124), "readable image"),
    "QOI head": (lambda: b"qoif" + struct.pack(">II", 64, 48) + b"\x03\x00", "readable image"),
    "AVIF head": (lambda: b"\x00\x00\x00\x1cftypavif" + bytes(40), "readable image"),
    "TIFF signature alone": (lambda: b"II*\0", "readable image"),
    "TIFF without pages": (lambda: b"II*\0" + bytes(20), "readable image"),
    "TIFF whose page lies beyond its end": (lambda: b"II*\0" + struct.pack("<I", 10**9), "readable image"),
    "TIFF cut at its half": (lambda: tiff(PIXELS)[:4000], "readable image"),
    "TIFF of no width": (lambda: wide_tiff(0), "readable image"),
    "TIFF that says 4,000,000,000 columns": (lambda: wide_tiff(4_000_000_000), "--max-megapixels|readable image"),
    "TIFF of seven channels": (lambda: tiff(np.zeros((48, 64, 7), np.uint8), planarconfig="contig"), "7 channels"),
    "TIFF of complex numbers": (lambda: tiff(np.zeros((48, 64), np.complex64)), "numbers of the kind"),
    "TIFF of two pages called .png": (lambda: tiff(np.zeros((2, 48, 64), np.uint8)), "must hold one picture"),
    "TIFF of pages of two sizes": (
        lambda: _two_sizes(),
        "several sizes",
    ),
    "image of one pixel": (lambda: encoded("PNG", PIXELS[:1, :1]), "must have the size of its image"),
    "image of one row": (lambda: encoded("PNG", PIXELS[:1]), "must have the size of its image"),
    "image turned by 90 degrees": (lambda: encoded("PNG", PIXELS.swapaxes(0, 1)), "must have the size of its image"),
}
"""What one file of a set is -> how it is made, and what is said."""
ALONE = ("image of one pixel", "image of one row", "image turned by 90 degrees")
"""Whole as images: only a mask shows that they are wrong."""
STACKS = ("animated PNG", "animated GIF called .png", "TIFF of two pages called .png")
"""Of several frames, each of which is predicted."""


def _two_sizes() -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(np.zeros((48, 64), np.uint8), metadata=None)
        writer.write(np.zeros((20, 64), np.uint8), metadata=None)
    return file.getvalue()


def _in_a_set(root: Path, kind: str) -> None:
    (made(root) / "images" / "s03_0.png").write_bytes(BROKEN[kind][0]())


def _alone(root: Path, kind: str) -> None:
    (root / "x.png").write_bytes(BROKEN[kind][0]())


for _kind, (_, _says) in BROKEN.items():
    case(f"image: {_kind}", DATA, rf"s03_0.*{_says}")(partial(_in_a_set, kind=_kind))
    if _kind not in ALONE:
        _what = "" if _kind in STACKS else rf"x\.png.*{_says}"
        case(f"predict: {_kind}", PREDICT_ONE, _what)(partial(_alone, kind=_kind))


@case("image: a circle of pages in a TIFF", DATA, r"s03_0\.png must be a readable image")
def circle(root: Path) -> None:
    (made(root) / "images" / "s03_0.png").write_bytes(circular_tiff())


@case("image: bytes behind the end of a PNG", DATA)
def trailing(root: Path) -> None:
    with (made(root) / "images" / "s03_0.png").open("ab") as file:
        file.write(b"and more" * 1000)


@case("image: 16 bits among 8", AS_ONE, "one number format")
def deep(root: Path) -> None:
    (made(root) / "images" / "s03_0.png").write_bytes(encoded("PNG", PIXELS[..., 0].astype(np.uint16) * 200))


@case("image: no number at all in a TIFF of floating point", AS_ONE, "one number format")
def no_numbers(root: Path) -> None:
    (made(root) / "images" / "s03_0.png").write_bytes(tiff(np.full((48, 64), np.nan, np.float32)))


def _special(root: Path, kind: str, folder: str) -> None:
    special(made(root) / folder / "s03_0.png", kind)


def _special_alone(root: Path, kind: str) -> None:
    special(root / "x.png", kind)


def _special_among(root: Path, kind: str) -> None:
    images, _ = folders(root)
    (images / "whole.png").write_bytes(encoded("PNG"))
    special(images / "x.png", kind)


for _kind, _called in SPECIAL.items():
    for _folder in ("images", "masks"):
        case(f"{_folder}: {_kind}", DATA, rf"{_folder}/s03_0\.png must be a picture, got {_called}")(
            partial(_special, kind=_kind, folder=_folder)
        )
    _says = "x.png must hold images" if _kind == "folder" else rf"x\.png must be .*, got {_called}"
    case(f"predict: {_kind}", PREDICT_ONE, _says)(partial(_special_alone, kind=_kind))
    case(f"predict: {_kind} among images", PREDICT)(partial(_special_among, kind=_kind))

"""Files of pictures: which ones a folder holds, how many pages they have, and the numbers in them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from hourglass_bench.bench.data.files import decode, intensity, tiff
from hourglass_bench.bench.data.files.decode import Head, Picture
from hourglass_bench.bench.data.files.intensity import Range, kind_of, to_rgb
from hourglass_bench.bench.files import reading, require_file
from hourglass_bench.bench.progress import working

__all__ = [
    "SUFFIXES",
    "Page",
    "Picture",
    "Range",
    "find_range",
    "list_no_files",
    "list_pages",
    "list_pictures",
    "open_picture",
    "picture_size",
    "picture_turn",
    "telling",
    "to_rgb",
]

SUFFIXES = tuple(
    sorted(
        {suffix for suffix, name in Image.registered_extensions().items() if name in decode.FORMATS} | {*tiff.SUFFIXES}
    )
)
"""Of the files that are read: what Pillow decodes by itself, and TIFF."""

_SAMPLED_FILES = 200
"""Files that are decoded to find the range of a set."""
_HEAD = 4096
"""Bytes of a file that mostly show whether it is a stack."""
_HEADS_KEPT = 1 << 17
LARGE = 32 * 10**6
"""Pixels of a picture that takes more than a second, and gigabytes of memory."""
_BYTES = 12
"""That a pixel of a large picture takes while it is read with its mask; the peak of an RGB JPEG was 10."""
_RULE = "be a readable image"
_LFS = b"version https://git-lfs"


class Page(NamedTuple):
    """One picture of a file, which has one unless it is a stack."""

    path: Path
    number: int | None = None
    """From 0, of a stack's pages; None where the file holds a single picture."""

    @property
    def stem(self) -> str:
        """The file's stem; of a stack with the page's number, such as `scan#007`."""
        return self.path.stem + ("" if self.number is None else f"#{self.number:03}")

    def __str__(self) -> str:
        return str(self.path) + ("" if self.number is None else f"#{self.number:03}")


def list_pictures(folder: Path) -> list[Path]:
    """Files of pictures that lie in `folder` itself, sorted.

    Litter is passed over: hidden files (`._x`, `.DS_Store`), what has no suffix of a picture, and what is no file
    (folders, FIFOs, sockets, links that lead nowhere), which is never opened.

    Raises:
        ValueError: there is no such folder, or it cannot be read.
    """
    return [folder / entry.name for entry in _named_as_pictures(folder) if _is_file(entry)]


def list_no_files(folder: Path) -> list[Path]:
    """What is named as a picture in `folder` and is no file, see `bench.files.what_is`, sorted.

    Raises:
        ValueError: there is no such folder, or it cannot be read.
    """
    return [folder / entry.name for entry in _named_as_pictures(folder) if not _is_file(entry)]


def _is_file(entry: os.DirEntry[str]) -> bool:
    """As the entry itself says, but for a link that leads to itself, of which it raises an error."""
    return os.path.isfile(entry.path) if entry.is_symlink() else entry.is_file()


def _named_as_pictures(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder, got none there; a data set is a folder with images/ and masks/.")
    with reading(folder), os.scandir(folder) as entries:
        named = [entry for entry in entries if entry.name.lower().endswith(SUFFIXES) and entry.name[0] != "."]
    return sorted(named, key=lambda entry: entry.name)


def list_pages(path: Path) -> list[Page]:
    """The pages of a file: the frames of a stack or an animation, or one.

    Smaller copies (thumbnails, pyramids) are not among them.

    Raises:
        ValueError: the file is no picture, which may show only when it is opened.
    """
    require_file(path, _RULE)
    with _refusing(Page(path)), path.open("rb", buffering=0) as file:
        if decode.is_single(file.read(_HEAD)):
            return [Page(path)]
    frames = _head_of(Page(path)).frames
    return [Page(path)] if frames == 1 else [Page(path, number) for number in range(frames)]


def picture_size(page: Page) -> tuple[int, int]:
    """Upright height and width, of which only the file's head is read.

    Raises:
        ValueError: the file is no picture.
    """
    return _head_of(page).size


def picture_turn(page: Page) -> int:
    """EXIF's orientation, by which the picture was turned upright: 1 for not at all, 5 to 8 change height and width.

    Raises:
        ValueError: the file is no picture.
    """
    return _head_of(page).turn


def open_picture(page: Page, max_megapixels: int) -> Picture:
    """Decode a page.

    Raises:
        ValueError: the file is no picture, broken, a stack that was taken for one picture, or larger than
            `max_megapixels` million pixels, which is known before it is decoded.
    """
    head = _head_of(page)
    if page.number is None and head.frames > 1:  # large sets are listed by suffixes
        raise ValueError(
            f"{page} must hold one picture, as its suffix says, got {head.frames}; a stack or an animation must be "
            "called by its kind, such as .tif, .gif or .apng."
        )
    height, width = head.size
    if height * width > max_megapixels * 10**6:
        raise ValueError(
            f"{page} has {width}x{height} pixels, {height * width / 10**6:.1f} million; files of up to "
            f"{max_megapixels} million are read: set --max-megapixels {-(-height * width // 10**6)} or cut it to tiles."
        )
    if height * width > LARGE:
        from hourglass_bench.bench.machine.room import require_room  # torch, which files of usual sizes do without

        what = f"reading {page} of {width}x{height} pixels"
        require_room(height * width * _BYTES, what, "free some, or cut it to tiles")
    with _refusing(page):
        read = tiff.decode if _is_tiff(page.path) else decode.decode
        return read(page.path, page.number)


@contextmanager
def telling(page: Page) -> Iterator[None]:
    """Work on a picture in here: people are told which it is, if it is so large that they wait for it."""
    height, width = picture_size(page)
    with working(f"reading {page} of {width}x{height} pixels") if height * width > LARGE else nullcontext():
        yield


def find_range(pages: list[Page], setting: str, max_megapixels: int) -> Range | None:
    """What is black and white in images of more than 8 bits; None if all have 8 bits.

    Args:
        setting: `dtype` for the limits of the files' number format (of floating point 0 and 1); `set` or `auto` for the
            percentiles 0.1 and 99.9 of the set, from up to 200 files that lie evenly between the first and the last.

    Raises:
        ValueError: a file is no picture, or they have several number formats, which no range fits.
    """
    first: dict[str, Page] = {}
    counts: dict[str, int] = {}
    for page in pages:
        kind = kind_of(_head_of(page).kind)
        first.setdefault(kind, page)
        counts[kind] = counts.get(kind, 0) + 1
    deep = [kind for kind in first if kind != "uint8"]
    if not deep:
        return None
    if len(deep) > 1 or ("uint8" in first and setting != "dtype"):
        found = ", ".join(f"{counts[kind]} of {kind} such as {first[kind]}" for kind in sorted(first))
        remedy = "" if len(deep) > 1 else ", or set --intensity dtype, which maps each by the limits of its own"
        raise ValueError(f"images of one set must have one number format, got {found}; convert them{remedy}.")
    if setting == "dtype":
        return intensity.whole_range(deep[0])
    places = np.linspace(0, len(pages) - 1, min(len(pages), _SAMPLED_FILES)).round().astype(int)
    return intensity.percentile_range((open_picture(pages[place], max_megapixels) for place in places), deep[0])


def _head_of(page: Page) -> Head:
    require_file(page.path, _RULE)
    with _refusing(page):
        state = page.path.stat()
        return _read_head(page.path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=_HEADS_KEPT)  # pages, sizes and number formats of a set are asked for one after the other
def _read_head(path: Path, changed: int, length: int) -> Head:
    head = tiff.read_head(path) if _is_tiff(path) else decode.read_head(path)
    if 0 in head.size:
        raise ValueError("no pixels")
    return head


def _is_tiff(path: Path) -> bool:
    """By the first bytes, as suffixes lie."""
    with path.open("rb") as file:
        return file.read(4) in tiff.SIGNATURES


@contextmanager
def _refusing(page: Page) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # decoders raise errors of any kind, such as SyntaxError or struct.error
        raise ValueError(f"{page} must {_RULE}, got {_cause(page.path, error)}.") from error


def _cause(path: Path, error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "more pixels than there is memory for"
    if isinstance(error, OSError) and error.strerror:  # of the system, not of a decoder
        return error.strerror.lower()
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(len(_LFS))
        if not head:
            return "an empty file (0 bytes)"
        if head == _LFS:
            return "a pointer of Git LFS in its place; run git lfs pull"
        if isinstance(error, UnidentifiedImageError):
            kind = decode.guess_format(head)
            return f"a broken {kind} file" if kind else _no_picture(head)
    return str(error).rstrip(".") or type(error).__name__


def _no_picture(head: bytes) -> str:
    """What a file holds that is no picture: often the page or the message of a server that refused a download."""
    text = head.decode("ascii", errors="replace")
    is_text = text.isascii() and all(letter.isprintable() or letter.isspace() for letter in text)
    return "a file of no known kind of picture" + (f": a text that begins with {text!r}" if is_text else "")

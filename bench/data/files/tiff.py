"""TIFF by tifffile: any number format and compression, stacks of pages, ImageJ's and OME's among them."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import COMPRESSION, PHOTOMETRIC, TiffFile

from hourglass_bench.bench.data.files.decode import Head, Picture, open_image, turned_size, upright

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs what it mends in odd metadata

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a file, of BigTIFF too."""
SUFFIXES = (".btf", ".lsm", ".stk", ".tf2", ".tf8", ".tif", ".tiff")
"""Slides of many gigabytes (.svs, .ndpi) are not among them."""

_ORIENTATION = 274
_PLAIN = ("generic", "uniform")
"""tifffile's kinds of files whose pages tell by themselves what they are."""
_REDUCED, _TRANSPARENCY = 1, 4
_COLOURS = (
    *(PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MASK),
    *(PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.SEPARATED, PHOTOMETRIC.YCBCR),
)
_JPEG = (COMPRESSION.JPEG, COMPRESSION.OJPEG, COMPRESSION.ALT_JPEG)
_THUMB_RATIO = 0.05
"""Largest relative difference between the aspect ratios of a picture and its thumbnail."""


class Layout(NamedTuple):
    """Where the frames of a file lie."""

    head: Head
    planes: tuple[tuple[int, ...], ...]
    """Of each frame its pages: one, or one for each colour."""
    offset: int | None
    """Where the pixels of all pages begin, if only the first page is listed in the file (ImageJ's large stacks)."""


def read_head(path: Path) -> Head:
    """What the pages of a file say; any exception means that it is no picture."""
    return _layout_of(path).head


def decode(path: Path, number: int | None) -> Picture:
    """One frame of a file; any exception means that it is broken."""
    layout = _layout_of(path)
    planes = layout.planes[number or 0]
    with TiffFile(path, _multifile=False) as tiff:
        if layout.offset is not None:
            page = tiff.pages.first.aspage()
            arrays = _read_unlisted(tiff, layout.offset, planes)
        else:
            page = tiff.pages[planes[0]].aspage()
            _check_channels(page, len(planes))
            _check_complete(tiff, planes)
            if page.photometric == PHOTOMETRIC.YCBCR and page.compression not in _JPEG:
                return _decode_ycbcr(path, planes[0])
            arrays = [tiff.pages[plane].asarray(maxworkers=1) for plane in planes]
        values = arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=-1)
        if page.axes == "SYX":
            values = np.moveaxis(values, 0, -1)
        return _picture_of(values.astype(values.dtype.newbyteorder("="), copy=False), page, layout.head.turn)


def _read_unlisted(tiff: TiffFile, offset: int, planes: Sequence[int]) -> list[NDArray[np.generic]]:
    page = tiff.pages.first.aspage()
    dtype = np.dtype(page.dtype).newbyteorder(tiff.byteorder)
    length = dtype.itemsize * int(np.prod(page.shape))
    return [np.array(tiff.filehandle.memmap_array(dtype, page.shape, offset + plane * length)) for plane in planes]


def _layout_of(path: Path) -> Layout:
    state = path.stat()
    return _read_layout(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)  # the pages of a stack are read one after the other
def _read_layout(path: Path, changed: int, length: int) -> Layout:
    with TiffFile(path, _multifile=False) as tiff:
        planes, offset = _find_planes(tiff)
        page = tiff.pages.first if offset is not None else tiff.pages[planes[0][0]].aspage()
        _check_channels(page, len(planes[0]))
        turn = int(tag.value) if (tag := page.tags.get(_ORIENTATION)) and tag.value in range(1, 9) else 1
        size = turned_size((page.imagelength, page.imagewidth), turn)
        return Layout(Head(size, _kind_of(page), len(planes), turn), planes, offset)


def _find_planes(tiff: TiffFile) -> tuple[tuple[tuple[int, ...], ...], int | None]:
    """The pages of each frame, and `Layout.offset`."""
    series = tiff.series[0]
    if series.kind in _PLAIN:
        return tuple((index,) for index in _full_pages(tiff)), None
    first = series.keyframe
    outer = series.axes.removesuffix(first.axes)
    counts = series.shape[: len(outer)]
    if series.axes == "QYX" and first.imagewidth <= 8 < min(series.shape[:2]):  # rows of (H, W, C) became pages
        raise ValueError(_channels_text(first.imagewidth))
    if not series.axes.endswith(first.axes):
        raise ValueError(f"the axes {series.axes}, in which pages are {first.axes}")
    numbers = np.arange(int(np.prod(counts))).reshape(counts)
    channels = counts[outer.index("C")] if "C" in outer else 1
    if channels > 1:
        numbers = np.moveaxis(numbers, outer.index("C"), -1)
    planes = numbers.reshape(-1, channels).tolist()
    if len(series.pages) < numbers.size or series.is_truncated:
        if series.dataoffset is None:
            raise ValueError(f"{len(series.pages)} pages where {numbers.size} should be")
        return tuple(tuple(frame) for frame in planes), series.dataoffset
    indices = [page.index for page in series.pages if page is not None]
    if len(indices) < numbers.size:
        raise ValueError("pages that lie in other files; save them as one")
    return tuple(tuple(indices[number] for number in frame) for frame in planes), None


def _full_pages(tiff: TiffFile) -> list[int]:
    """Pages that are no smaller copies or masks of others."""
    pages = [page.aspage() for page in tiff.pages]
    tiff.filehandle.seek(tiff.pages.next_page_offset or 0)
    if any(tiff.filehandle.read(tiff.tiff.offsetsize)):
        raise ValueError(f"a truncated file: the page after page {len(pages)} lies beyond its end")
    full = [page for page in pages if not page.subfiletype & (_REDUCED | _TRANSPARENCY)] or pages[:1]
    if len({page.dtype for page in full}) > 1:
        raise ValueError("pages of several number formats; save each as its own file")
    sizes = [(page.imagelength, page.imagewidth) for page in full]
    largest = max(sizes, key=lambda size: size[0] * size[1])
    for size in set(sizes) - {largest}:
        is_smaller_copy = abs(size[0] * largest[1] / (size[1] * largest[0]) - 1) <= _THUMB_RATIO
        if not is_smaller_copy or sizes.count(size) > sizes.count(largest):
            raise ValueError(
                f"pages of several sizes, {largest[1]}x{largest[0]} and {size[1]}x{size[0]}; save each as its own file"
            )
    return [page.index for page, size in zip(full, sizes, strict=True) if size == largest]


def _check_complete(tiff: TiffFile, planes: Sequence[int]) -> None:
    """Decoders make up what is missing at the end of a JPEG in a TIFF."""
    for plane in planes:
        page = tiff.pages[plane]
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        if max(ends, default=0) > tiff.filehandle.size:
            raise ValueError("a truncated file: pixels lie beyond its end")


def _check_channels(page: Any, channels: int) -> None:
    samples = page.samplesperpixel
    if page.dtype is None or page.dtype.kind not in "buif":
        raise ValueError(f"numbers of the kind {page.dtype or 'unknown'}")
    if page.photometric not in _COLOURS:
        raise ValueError(f"colours of the kind {page.photometric.name}; convert the file to RGB")
    if page.photometric == PHOTOMETRIC.SEPARATED and (page.dtype != np.uint8 or samples != 4):
        raise ValueError(f"inks of {page.bitspersample} bits; convert the file to RGB")
    has_alpha = any(int(extra) in (1, 2) for extra in page.extrasamples)
    is_colour = page.photometric != PHOTOMETRIC.MINISBLACK
    known = channels in (1, 3) if samples == 1 else channels == 1 and samples <= 4
    if not known or (samples == 2 and not has_alpha) or (samples == 4 and not (has_alpha or is_colour)):
        raise ValueError(_channels_text(max(samples, channels)))


def _channels_text(channels: int) -> str:
    return (
        f"{channels} channels; an image has one (grey) or three (RGB) and may have alpha. Save slices as a stack (of "
        "the axes ZYX), and channels one by one"
    )


def _kind_of(page: Any) -> str:
    return str(page.dtype.newbyteorder("=").name)


def _picture_of(values: NDArray[np.generic], page: Any, turn: int) -> Picture:
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
        palette = np.zeros((256, 3), np.uint8)
        colours = page.colormap.T[:256]
        palette[: len(colours)] = colours >> 8 if colours.max() > 255 else colours  # some writers fill 8 of the 16 bits
        return Picture(upright(values.astype(np.uint8, copy=False), turn), "P", palette)  # bool where there are two
    if values.dtype == np.uint8 and values.ndim == 2 and page.bitspersample < 8:
        values = np.multiply(values, 255 // (2**page.bitspersample - 1), dtype=np.uint8)
    # tifffile calls every array of truths MINISWHITE, and means the values as they are.
    is_array = page.is_shaped and values.dtype == np.bool_
    if page.photometric == PHOTOMETRIC.MINISWHITE and values.dtype.kind in "bu" and not is_array:
        values = np.invert(values)
    if page.photometric == PHOTOMETRIC.SEPARATED:
        return Picture(upright(np.asarray(Image.fromarray(values, "CMYK").convert("RGB")), turn), "CMYK")
    return Picture(upright(values, turn), _mode_of(values))


def _mode_of(values: NDArray[np.generic]) -> str:
    if values.ndim == 3:
        return {2: "LA", 3: "RGB", 4: "RGBA"}[values.shape[2]]
    return {"bool": "1", "uint8": "L", "uint16": "I;16"}.get(
        values.dtype.name, "F" if values.dtype.kind == "f" else "I"
    )


def _decode_ycbcr(path: Path, page: int) -> Picture:
    """Colours of coarser resolution, which tifffile leaves to others."""
    with open_image(path, ("TIFF",)) as image:
        image.seek(page)
        image.load()  # Pillow turns a TIFF upright by itself
        return Picture(np.asarray(image.convert("RGB")), "YCbCr")

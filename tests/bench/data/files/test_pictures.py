"""Pictures of every kind: listed without litter, decoded page by page to the numbers of the file, or refused."""

import ast
import errno
import io
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from hourglass_bench.bench import progress as bench_progress
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.dataset import read
from hourglass_bench.bench.data.files import pictures
from hourglass_bench.bench.data.files.pictures import (
    SUFFIXES,
    Page,
    Picture,
    Range,
    find_range,
    list_no_files,
    list_pages,
    list_pictures,
    open_picture,
    picture_size,
    picture_turn,
    telling,
    to_rgb,
)
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.machine import room

ROOT = Path(__file__).parents[4]

Y, X = np.mgrid[:24, :32]
RGB = np.stack([X * 7 % 256, Y * 9 % 256, (X + Y) * 4], axis=-1).astype(np.uint8)
GREY = RGB[..., 2]
DEEP = GREY.astype(np.uint16) * 15 + 200
"""12 bits of a camera in 16."""
FLOAT = (GREY / np.float32(255)).astype(np.float32)
BITS = GREY > 100
LETTERS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def opened(path: Path, number: int | None = None) -> Picture:
    return open_picture(Page(path, number), 1)


def rgb_of(path: Path) -> np.ndarray:
    """As a set of this one file is read."""
    page = Page(path)
    return to_rgb(open_picture(page, 1), find_range([page], "set", 1))


def encode(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_litter_is_passed_over_and_never_opened(tmp_path: Path) -> None:
    kept = [save(tmp_path / name, RGB) for name in ("a.png", "b.JPG", "c.TIFF", "d.gif")]
    for name in ("._a.png", ".DS_Store", ".hidden.png", "Thumbs.db", "notes.txt", "a.npy"):
        (tmp_path / name).write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere" / "gone.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "s.png"))
        assert list_pictures(tmp_path) == sorted([*kept, tmp_path / "link.png"])
    others = ("folder.png", "gone.png", "pipe.png", "s.png")
    assert list_no_files(tmp_path) == [tmp_path / name for name in others]


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"images must be a folder, got none there"):
        list_pictures(tmp_path / "images")


def test_suffixes_are_of_pictures_only() -> None:
    assert {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jp2", ".pgm", ".btf"} <= {*SUFFIXES}
    assert not {".pdf", ".eps", ".ps", ".mpg", ".h5", ".ico", ".svs", ".npy", ".gz", ".dcm"} & {*SUFFIXES}


KINDS: dict[str, tuple[Callable[[Path], object], np.ndarray]] = {
    "grey.png": (lambda path: save(path, GREY), GREY),
    "rgb.png": (lambda path: save(path, RGB), RGB),
    "rgba.png": (lambda path: save(path, np.dstack([RGB, GREY])), np.dstack([RGB, GREY])),
    "la.png": (lambda path: save(path, np.dstack([GREY, GREY])), np.dstack([GREY, GREY])),
    "bits.png": (lambda path: save(path, BITS), BITS),
    "deep.png": (lambda path: save(path, DEEP), DEEP),
    "deep_rgb.png": (
        lambda path: encode(path, imagecodecs.png_encode(RGB.astype(np.uint16) * 16)),
        RGB.astype(np.uint16) * 16,
    ),
    "deep_rgba.png": (
        lambda path: encode(path, imagecodecs.png_encode(np.dstack([RGB, GREY]).astype(np.uint16) * 257)),
        np.dstack([RGB, GREY]).astype(np.uint16) * 257,
    ),
    "deep_la.png": (
        lambda path: encode(path, imagecodecs.png_encode(np.dstack([DEEP, DEEP]))),
        np.dstack([DEEP, DEEP]),
    ),
    "deep_rgb.jp2": (
        lambda path: encode(
            path,
            imagecodecs.jpeg2k_encode(RGB.astype(np.uint16) * 16, level=0, codecformat="jp2", bitspersample=12),
        ),
        RGB.astype(np.uint16) * 16,
    ),
    "deep.pgm": (lambda path: save(path, DEEP), DEEP),
    "deep.ppm": (
        lambda path: encode(path, b"P6\n# a remark\n32 24\n65535\n" + (RGB.astype(">u2") * 257).tobytes()),
        RGB.astype(np.uint16) * 257,
    ),
    "float.pfm": (lambda path: save(path, FLOAT), FLOAT),
    "rgb.bmp": (lambda path: save(path, RGB), RGB),
    "lossless.webp": (lambda path: save(path, RGB, lossless=True), RGB),
    "deep.tif": (lambda path: tifffile.imwrite(path, DEEP), DEEP),
    "big_endian.tif": (lambda path: tifffile.imwrite(path, DEEP, byteorder=">"), DEEP),
    "big.btf": (lambda path: tifffile.imwrite(path, DEEP, bigtiff=True), DEEP),
    "lzw.tif": (lambda path: tifffile.imwrite(path, DEEP, compression="lzw", predictor=True), DEEP),
    "deflate.tif": (lambda path: tifffile.imwrite(path, RGB, compression="deflate", tile=(16, 16)), RGB),
    "zstd.tif": (lambda path: tifffile.imwrite(path, RGB, compression="zstd"), RGB),
    "planar.tif": (
        lambda path: tifffile.imwrite(path, RGB.transpose(2, 0, 1).copy(), photometric="rgb", planarconfig="separate"),
        RGB,
    ),
    "deep_rgb.tif": (
        lambda path: tifffile.imwrite(path, RGB.astype(np.uint16) * 16, photometric="rgb"),
        RGB.astype(np.uint16) * 16,
    ),
    "int16.tif": (lambda path: tifffile.imwrite(path, DEEP.astype(np.int16) - 1000), DEEP.astype(np.int16) - 1000),
    "uint32.tif": (lambda path: tifffile.imwrite(path, DEEP.astype(np.uint32) << 12), DEEP.astype(np.uint32) << 12),
    "float32.tif": (lambda path: save(path, FLOAT), FLOAT),
    "float64.tif": (lambda path: tifffile.imwrite(path, FLOAT.astype(float)), FLOAT.astype(float)),
    "bits.tif": (lambda path: save(path, BITS, compression="group4"), BITS),
    "truths.tif": (lambda path: tifffile.imwrite(path, BITS), BITS),
    "white_is_zero.tif": (lambda path: tifffile.imwrite(path, 255 - GREY, photometric="miniswhite"), GREY),
}


@pytest.mark.parametrize("name", KINDS)
def test_numbers_are_those_of_the_file(name: str, tmp_path: Path) -> None:
    write, wanted = KINDS[name]
    write(tmp_path / name)
    page = Page(tmp_path / name)
    picture = open_picture(page, 1)
    assert picture.values.dtype == wanted.dtype
    np.testing.assert_array_equal(picture.values, wanted)
    assert list_pages(page.path) == [page]
    assert picture_size(page) == wanted.shape[:2]
    assert picture.palette is None


def _stretched(values: np.ndarray) -> np.ndarray:
    """By hand, between the percentiles."""
    low, high = np.percentile(values, (0.1, 99.9))
    return (np.minimum(np.maximum(values.astype(float), low), high) - low) / (high - low) * 255


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_becomes_colour_with_its_contrast(name: str, tmp_path: Path) -> None:
    write, wanted = KINDS[name]
    write(tmp_path / name)
    if wanted.ndim == 3:
        wanted = wanted[..., :1] if wanted.shape[2] == 2 else wanted[..., :3]  # alpha counts for nothing
    if wanted.dtype not in (np.uint8, np.bool_):
        wanted = _stretched(wanted)
    elif wanted.dtype == np.bool_:
        wanted = wanted * 255
    colours = np.broadcast_to(wanted.reshape(*wanted.shape[:2], -1), (24, 32, 3))
    rgb = rgb_of(tmp_path / name)
    assert rgb.dtype == np.uint8
    assert np.abs(rgb - colours).max() <= 0.5001


@pytest.mark.parametrize(
    ("suffix", "transparency"),
    [("png", None), ("png", 0), ("png", bytes([0, 100, 255])), ("gif", None), ("bmp", None), ("tif", None)],
)
def test_palettes_keep_their_indices(suffix: str, transparency: object, tmp_path: Path) -> None:
    indices = np.repeat(np.array([[0, 1, 255]], np.uint8), 24, axis=0).repeat(8, axis=1)
    image = Image.fromarray(indices)
    image.putpalette([0, 0, 0, 128, 0, 0, *[9] * (253 * 3), 224, 224, 192])
    options = {} if transparency is None else {"transparency": transparency}
    image.save(tmp_path / f"p.{suffix}", **options)
    picture = opened(tmp_path / f"p.{suffix}")
    assert picture.mode == "P"
    np.testing.assert_array_equal(picture.palette[picture.values][..., :3], np.asarray(image.convert("RGB")))
    if suffix != "gif":  # Pillow sorts a GIF's colours by use
        np.testing.assert_array_equal(picture.values, indices)
    np.testing.assert_array_equal(rgb_of(tmp_path / f"p.{suffix}"), np.asarray(image.convert("RGB")))
    assert picture.palette.shape == (256, 3 if transparency is None else 4)


def test_a_palette_of_few_colours_is_filled(tmp_path: Path) -> None:
    Image.fromarray(GREY).quantize(2).save(tmp_path / "two.png", bits=1)
    assert opened(tmp_path / "two.png").palette.shape == (256, 3)


@pytest.mark.parametrize("name", ["CMYK.jpg", "CMYK.tif", "YCbCr.tif", "L.jpg"])
def test_other_colours_come_as_rgb(name: str, tmp_path: Path) -> None:
    path = save(tmp_path / name, RGB, name.split(".")[0])
    with Image.open(path) as image:
        wanted = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(rgb_of(path), wanted)
    assert opened(path).mode == name.split(".")[0]
    assert np.abs(wanted.astype(int) - (GREY[..., None] if "L" in name[:1] else RGB)).mean() < 90


def test_jpeg_in_tiff_is_read_as_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "jpeg.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", compression="jpeg", compressionargs={"level": 95})
    with Image.open(path) as image:
        np.testing.assert_allclose(opened(path).values, np.asarray(image.convert("RGB")), atol=2)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_exif_turns_every_kind_as_pillow_does(suffix: str, turn: int, tmp_path: Path) -> None:
    path, exif = tmp_path / f"turned.{suffix}", Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(RGB).save(path, exif=exif)
    with Image.open(path) as image:
        wanted = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(opened(path).values, wanted)
    assert picture_size(Page(path)) == wanted.shape[:2] == ((32, 24) if turn >= 5 else (24, 32))
    assert picture_turn(Page(path)) == turn


STACK = np.stack([np.roll(GREY, shift, axis=1) for shift in range(6)])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"photometric": "minisblack", "metadata": None},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"imagej": True, "metadata": {"axes": "ZYX"}, "truncate": True},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"truncate": True, "byteorder": ">"},
        {"compression": "lzw"},
    ],
    ids=str,
)
def test_pages_of_a_stack_are_frames(options: dict[str, object], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", STACK.astype(np.uint16), **options)
    pages = list_pages(tmp_path / "stack.tif")
    assert [page.stem for page in pages] == [f"stack#{number:03}" for number in range(6)]
    assert str(pages[0]).endswith("stack.tif#000")
    for page, wanted in zip(pages, STACK, strict=True):
        np.testing.assert_array_equal(open_picture(page, 1).values, wanted)


def test_three_channels_of_a_stack_are_its_colours(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "ij.tif", STACK.reshape(2, 3, 24, 32), imagej=True, metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "ome.tif", STACK.reshape(3, 2, 24, 32), ome=True, metadata={"axes": "CZYX"})
    assert len(list_pages(tmp_path / "ij.tif")) == len(list_pages(tmp_path / "ome.tif")) == 2
    np.testing.assert_array_equal(opened(tmp_path / "ij.tif", 1).values, STACK[3:6].transpose(1, 2, 0))
    np.testing.assert_array_equal(opened(tmp_path / "ome.tif", 1).values, STACK[1::2].transpose(1, 2, 0))


def test_stack_of_colours_has_one_frame_a_page(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.stack([RGB, RGB[::-1]]), photometric="rgb")
    assert len(list_pages(tmp_path / "rgb.tif")) == 2
    np.testing.assert_array_equal(opened(tmp_path / "rgb.tif", 1).values, RGB[::-1])


def test_smaller_copies_are_no_pages(tmp_path: Path) -> None:
    small = Image.fromarray(GREY).resize((16, 12))
    Image.fromarray(GREY).save(tmp_path / "thumb.tif", save_all=True, append_images=[small])
    with tifffile.TiffWriter(tmp_path / "pyramid.tif") as file:
        file.write(GREY, subifds=1)
        file.write(GREY[::2, ::2], subfiletype=1)
    with tifffile.TiffWriter(tmp_path / "flagged.tif") as file:
        file.write(GREY[::2, ::2], subfiletype=1, metadata=None)
        file.write(GREY, metadata=None)
    for name in ("thumb", "pyramid", "flagged"):
        assert list_pages(tmp_path / f"{name}.tif") == [Page(tmp_path / f"{name}.tif")]
        np.testing.assert_array_equal(opened(tmp_path / f"{name}.tif").values, GREY)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animations_are_frames_as_shown(suffix: str, tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(BITS, shift, axis=0).astype(np.uint8) * 255).convert("RGB") for shift in range(4)]
    path, options = tmp_path / f"film.{suffix}", {"lossless": True} if suffix == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    pages = list_pages(path)
    assert [page.number for page in pages] == [0, 1, 2, 3]
    for page, wanted in zip(pages, frames, strict=True):
        picture = open_picture(page, 1)
        np.testing.assert_array_equal(picture.values, np.asarray(wanted))
        assert picture.mode == "RGB"


def test_a_stack_that_is_called_as_one_picture_is_never_cut_to_its_first_page(tmp_path: Path) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1].copy())]
    frames[0].save(tmp_path / "film.png", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "stack.tif", save_all=True, append_images=frames[1:])
    (tmp_path / "stack.tif").rename(tmp_path / "stack.jpg")
    for name in ("film.png", "stack.jpg"):
        with pytest.raises(ValueError, match=rf"{name} must hold one picture, as its suffix says, got 2; .*\.tif"):
            opened(tmp_path / name)


def test_an_animation_with_long_metadata_is_still_one(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(RGB, shift, axis=0)) for shift in range(3)]
    notes = PngInfo()
    notes.add_text("notes", "IDAT " + "x" * 10_000)
    frames[0].save(tmp_path / "film.png", save_all=True, append_images=frames[1:], pnginfo=notes)
    frames[0].save(tmp_path / "still.png", pnginfo=notes)
    assert len(list_pages(tmp_path / "film.png")) == 3
    assert list_pages(tmp_path / "still.png") == [Page(tmp_path / "still.png")]


def test_a_gif_of_one_frame_is_one_page(tmp_path: Path) -> None:
    path = save(tmp_path / "mask.gif", BITS.astype(np.uint8) * 255)
    assert [page.stem for page in list_pages(path)] == ["mask"]
    np.testing.assert_array_equal(rgb_of(path)[..., 0], BITS * np.uint8(255))


@pytest.mark.parametrize(
    ("pixels", "options", "found"),
    [
        (np.zeros((24, 32, 5), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"}, "5 channels"),
        (np.zeros((5, 24, 32), np.uint8), {"photometric": "minisblack", "planarconfig": "separate"}, "5 channels"),
        (np.zeros((24, 32, 5), np.uint8), {"photometric": "minisblack"}, "5 channels"),
        (np.zeros((24, 32, 2), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"}, "2 channels"),
        (STACK.reshape(3, 2, 24, 32), {"imagej": True, "metadata": {"axes": "ZCYX"}}, "2 channels"),
        (STACK, {"imagej": True, "metadata": {"axes": "CYX"}}, "6 channels; .* Save slices as a stack"),
        (np.zeros((24, 32), np.complex64), {}, "numbers of the kind complex64"),
        (np.zeros((24, 32, 4), np.uint16), {"photometric": "separated"}, "inks of 16 bits"),
    ],
)
def test_what_cannot_be_an_image_is_refused(
    pixels: np.ndarray, options: dict[str, object], found: str, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "odd.tif", pixels, **options)
    with pytest.raises(ValueError, match=rf"odd.tif must be a readable image, got {found}"):
        list_pages(tmp_path / "odd.tif")


def test_pages_of_several_sizes_are_refused(tmp_path: Path) -> None:
    other = Image.fromarray(GREY).resize((24, 24))
    Image.fromarray(GREY).save(tmp_path / "mixed.tif", save_all=True, append_images=[other])
    with pytest.raises(ValueError, match=r"pages of several sizes, 32x24 and 24x24; save each as its own file"):
        list_pages(tmp_path / "mixed.tif")


def _png(pixels: np.ndarray) -> bytes:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def _flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(data) // 2] ^= 0x10
    return bytes(changed)


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty.png": (b"", r"an empty file \(0 bytes\)"),
    "empty.tif": (b"", r"an empty file \(0 bytes\)"),
    "lfs.png": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "run git lfs pull"),
    "lfs.tif": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a pointer of Git LFS"),
    "text.jpg": (b"<!DOCTYPE html><html></html>", "a file of no known kind of picture: a text that begins with '<!DOC"),
    "noise.jpg": (b"\x01\x02\xfe\xff" * 9, r"a file of no known kind of picture\."),
    "drawing.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "a file of no known kind"),
    "bit.png": (_flipped(_png(LETTERS)), "broken"),
    "chunk.png": (_png(LETTERS).replace(b"IDAT", b"I\xb2AT"), "a broken PNG file"),
    "half_head.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "Truncated File Read"),
    "head.tif": (b"II*\0", "."),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_named_with_the_cause(name: str, tmp_path: Path) -> None:
    data, cause = BROKEN[name]
    path = encode(tmp_path / name, data)
    with pytest.raises(ValueError, match=rf"{name} must be a readable image, got .*{cause}"):
        opened(path)


def test_files_that_may_not_be_read_are_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "shut.png", _png(LETTERS))

    def forbid(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbid)
    with pytest.raises(ValueError, match=r"shut.png must be a readable image, got permission denied\."):
        list_pages(path)


def test_a_link_to_itself_is_passed_over(tmp_path: Path) -> None:
    encode(tmp_path / "whole.png", _png(LETTERS))
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert [path.name for path in list_pictures(tmp_path)] == ["whole.png"]
    assert [path.name for path in list_no_files(tmp_path)] == ["loop.png"]


def _read_all(path: Path) -> None:
    for page in list_pages(path):
        open_picture(page, 1)


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((f"cut.{suffix}", {}) for suffix in ("png", "jpg", "gif", "bmp", "webp", "jp2", "ppm", "tif")),
        *((f"{name}.tif", {"compression": name}) for name in ("lzw", "zstd", "deflate", "jpeg")),
        ("stack.tif", {"imagej": True}),
    ],
)
def test_truncated_files_are_refused(name: str, options: dict[str, object], share: float, tmp_path: Path) -> None:
    path = tmp_path / name
    if options:
        pixels = np.stack([LETTERS] * 4) if options.get("imagej") else LETTERS
        tifffile.imwrite(path, pixels, photometric="rgb", **options)
    else:
        Image.fromarray(LETTERS).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=rf"{name}.* must be a readable image, got "):
        _read_all(path)


def test_a_stack_that_lost_its_last_pages_is_refused(tmp_path: Path) -> None:
    path, pages = tmp_path / "stack.tif", [Image.fromarray(page) for page in STACK]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="a truncated file: the page after page 3 lies beyond its end"):
        list_pages(path)


@pytest.mark.filterwarnings("ignore")
def test_odd_metadata_breaks_nothing(tmp_path: Path) -> None:
    save(tmp_path / "odd.jpg", RGB, exif=b"Exif\0\0II*\0\x08\0\0\0\x20\0\x12\x01\x03\0\x01")
    assert opened(tmp_path / "odd.jpg").values.shape == RGB.shape


def test_large_files_are_refused_before_they_are_decoded_with_the_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "large.png", np.zeros((1100, 2000), np.uint8))
    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
        with pytest.raises(ValueError, match=r"large.png has 2000x1100 pixels, 2.2 million; .* --max-megapixels 3"):
            opened(path)
    assert open_picture(Page(path), 3).values.shape == (1100, 2000)


def test_pillows_own_limit_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    Image.new("1", (20_000, 10_000)).save(path)
    assert picture_size(Page(path)) == (10_000, 20_000)
    with pytest.raises(ValueError, match=r"--max-megapixels 200"):
        open_picture(Page(path), 199)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_large_pictures_are_copied_in_strips_without_a_seam(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.png", RGB, mode)
    whole, colours = opened(path).values, rgb_of(path)
    monkeypatch.setattr("hourglass_bench.bench.data.files.decode._STRIP", 32 * 5)  # five rows, the last four
    monkeypatch.setattr("hourglass_bench.bench.data.files.intensity._STRIP", 32 * 5)
    np.testing.assert_array_equal(opened(path).values, whole)
    np.testing.assert_array_equal(rgb_of(path), colours)


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", RGB)
    assert picture_size(Page(path)) == (24, 32)
    save(path, RGB[:20, :18])
    assert picture_size(Page(path)) == (20, 18)


def _sets(folder: Path, arrays: list[np.ndarray]) -> list[Page]:
    for number, values in enumerate(arrays):
        tifffile.imwrite(folder / f"{number:03}.tif", values)
    return [Page(path) for path in list_pictures(folder)]


def test_no_range_is_needed_for_eight_bits(tmp_path: Path) -> None:
    pages = [Page(save(tmp_path / name, RGB, mode)) for name, mode in (("a.png", "P"), ("b.png", "1"), ("c.jpg", "L"))]
    assert find_range(pages, "auto", 1) is None


def test_the_range_is_the_percentiles_of_the_whole_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays = [rng.integers(200 + 100 * n, 3000 + 100 * n, (40, 50), dtype=np.uint16) for n in range(10)]
    arrays[3][0, 0] = 65535  # one hot pixel is not white
    wanted = np.percentile(np.stack(arrays), (0.1, 99.9))
    for setting in ("auto", "set"):
        limits = find_range(_sets(tmp_path, arrays), setting, 1)
        assert limits is not None
        np.testing.assert_allclose(limits[:2], wanted)
        assert limits.kind == "uint16"


def test_files_are_sampled_evenly_and_always_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourglass_bench.bench.data.files.pictures._SAMPLED_FILES", 4)
    pages = _sets(tmp_path, [np.full((4, 4), 100 * n, np.uint16) for n in range(10)])
    limits = find_range(pages, "set", 1)
    wanted = np.percentile(np.repeat([0, 300, 600, 900], 16), (0.1, 99.9))
    np.testing.assert_allclose(limits[:2], wanted)
    assert find_range(pages, "set", 1) == limits


def test_large_pictures_are_sampled_all_over(tmp_path: Path) -> None:
    values = np.arange(600 * 700, dtype=np.uint32).reshape(600, 700)
    limits = find_range(_sets(tmp_path, [values]), "set", 1)
    np.testing.assert_allclose(limits[:2], np.percentile(values, (0.1, 99.9)), atol=0.005 * values.size)


@pytest.mark.parametrize(
    ("dtype", "wanted"), [(np.uint16, (0, 65535)), (np.int16, (-32768, 32767)), (np.float32, (0, 1)), (float, (0, 1))]
)
def test_dtype_takes_the_limits_of_the_number_format(dtype: type, wanted: tuple[float, float], tmp_path: Path) -> None:
    limits = find_range(_sets(tmp_path, [np.ones((4, 4), dtype)]), "dtype", 1)
    assert limits[:2] == wanted


def test_what_is_no_number_is_not_counted_and_black(tmp_path: Path) -> None:
    values = np.linspace(0.2, 0.6, 100, dtype=np.float32).reshape(10, 10)
    values[0, 0], values[0, 1], values[0, 2] = np.nan, np.inf, -np.inf
    pages = _sets(tmp_path, [values])
    limits = find_range(pages, "set", 1)
    np.testing.assert_allclose(limits[:2], np.percentile(values.ravel()[3:], (0.1, 99.9)), rtol=1e-6)
    rgb = to_rgb(open_picture(pages[0], 1), limits)
    assert (rgb[0, :3] == 0).all()
    assert rgb[9, 9, 0] == 255
    np.testing.assert_allclose(rgb[1:, :, 0], _stretched(values.ravel()[3:])[7:].reshape(9, 10), atol=0.501)


@pytest.mark.parametrize("value", [0, 7])
def test_a_set_of_one_value_has_a_range(value: int, tmp_path: Path) -> None:
    limits = find_range(_sets(tmp_path, [np.full((4, 4), value, np.uint16)]), "set", 1)
    assert limits.high > limits.low


def test_limits_map_to_black_and_white_and_clip() -> None:
    values = np.array([[0, 100, 140, 200, 65535]], np.uint16)
    rgb = to_rgb(Picture(values, "I;16"), Range(100, 200, "uint16"))
    assert rgb[0, :, 0].tolist() == [0, 0, 102, 255, 255]
    assert (rgb == rgb[..., :1]).all()


def test_sets_of_several_number_formats_are_refused_with_the_way_out(tmp_path: Path) -> None:
    pages = [Page(save(tmp_path / "a.png", GREY)), Page(save(tmp_path / "b.png", DEEP))]
    with pytest.raises(
        ValueError, match=r"got 1 of uint16 such as .*b.png, 1 of uint8 such as .*a.png.*--intensity dt"
    ):
        find_range(pages, "set", 1)
    limits = find_range(pages, "dtype", 1)
    np.testing.assert_array_equal(to_rgb(open_picture(pages[0], 1), limits)[..., 0], GREY)
    np.testing.assert_array_equal(to_rgb(open_picture(pages[1], 1), limits)[..., 0], np.rint(DEEP / 257))
    tifffile.imwrite(tmp_path / "c.tif", FLOAT)
    with pytest.raises(ValueError, match="must have one number format"):
        find_range([*pages, Page(tmp_path / "c.tif")], "dtype", 1)


@pytest.mark.parametrize(
    ("values", "limits", "message"),
    [
        (GREY, Range(200, 4000, "uint16"), "uint16, got uint8"),
        (DEEP, None, "uint8, got uint16"),
        (DEEP, Range(0, 1, "float"), "float, got uint16"),
    ],
)
def test_an_image_unlike_its_set_is_refused(values: np.ndarray, limits: Range | None, message: str) -> None:
    with pytest.raises(ValueError, match=rf"must have the number format of the others of its set, {message}"):
        to_rgb(Picture(values, "L"), limits)


def test_the_range_is_recorded_with_the_reading() -> None:
    reading = Reading(limits=Range(0.1, 0.9, "float"))
    assert Reading.from_json(reading.to_json()) == reading
    assert Reading.from_json(Reading().to_json()).limits is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for scene in range(3):
        save(tmp_path / "images" / f"{scene}_0.jpg", RGB)
        save(tmp_path / "masks" / f"{scene}_0.png", BITS.astype(np.uint8) * 255)
    return tmp_path


def _turn(path: Path, pixels: np.ndarray, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    save(path, pixels, exif=exif)


def _read(folder: Path) -> np.ndarray:
    return read(DataConfig(path=str(folder), size=(16, 16))).frames.masks


def test_a_mask_that_fits_only_the_stored_pixels_is_told_so(folder: Path) -> None:
    _turn(folder / "images" / "1_0.jpg", RGB, 6)
    with pytest.raises(
        ValueError, match=r"1_0.png must lie .*orientations 1 and 6: .*fits only the pixels as they are"
    ):
        _read(folder)


@pytest.mark.parametrize(("turn", "side"), [(3, 32), (2, 32), (6, 24)])
def test_a_turn_that_the_size_cannot_show_is_not_silent(turn: int, side: int, folder: Path) -> None:
    _turn(folder / "images" / "1_0.jpg", RGB[:, :side], turn)
    save(folder / "masks" / "1_0.png", BITS[:, :side].astype(np.uint8) * 255)
    with pytest.raises(ValueError, match=rf"orientations 1 and {turn}: .*fits as it is and turned. .*exiftool"):
        _read(folder)


def test_a_mask_that_fits_the_upright_image_is_taken(folder: Path) -> None:
    _turn(folder / "images" / "0_0.jpg", RGB, 6)
    save(folder / "masks" / "0_0.png", np.rot90(BITS, -1).astype(np.uint8) * 255)
    _turn(folder / "images" / "1_0.jpg", RGB, 6)
    _turn(folder / "masks" / "1_0.png", BITS.astype(np.uint8) * 255, 6)
    masks = _read(folder)
    np.testing.assert_array_equal(masks[0], masks[1])


def test_sizes_that_differ_for_another_reason_are_named(folder: Path) -> None:
    _turn(folder / "images" / "1_0.jpg", RGB, 6)
    save(folder / "masks" / "1_0.png", BITS[::2, ::2].astype(np.uint8) * 255)
    with pytest.raises(ValueError, match=r"must have the size of its image .*, got 16x12 against 24x32"):
        _read(folder)


def test_a_dead_link_with_a_partner_is_refused_and_one_without_is_litter(folder: Path) -> None:
    (folder / "images" / "litter.jpg").symlink_to(folder / "gone" / "litter.jpg")
    assert len(_read(folder)) == 3
    path = folder / "images" / "1_0.jpg"
    path.unlink()
    path.symlink_to(folder / "gone" / "1_0.jpg")
    with pytest.raises(ValueError, match=r"images/1_0.jpg must be a picture, got a link that leads nowhere"):
        _read(folder)


def test_a_picture_that_memory_has_no_room_for_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "large.png", RGB)
    monkeypatch.setattr(pictures, "LARGE", 0)
    opened(path)
    monkeypatch.setattr(room, "memory_limit", lambda _: 100)
    with pytest.raises(ValueError, match=r"reading .*large.png of 32x24 pixels, at least 9 KiB, got 100 B free on cpu"):
        opened(path)


def test_a_large_picture_is_named_while_people_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Page(save(tmp_path / "large.png", RGB))
    monkeypatch.setattr(bench_progress, "_SHORT", 0.01)
    for limit, said in ((32 * 24, ""), (32 * 24 - 1, f"reading {page} of 32x24 pixels ...\n")):
        monkeypatch.setattr(pictures, "LARGE", limit)
        with telling(page):
            time.sleep(0.1)
        assert capsys.readouterr().err == said


def test_pillow_is_never_left_to_choose_a_format() -> None:
    """It would start Ghostscript for PostScript, whatever the name of its file says."""
    rooms = [ROOT / name for name in ("architectures", "bench", "studies", "reports")]
    calls = [
        (file, call)
        for file in (file for room in rooms for file in room.rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("Image.open")
    ]
    assert calls
    assert [str(file) for file, call in calls if "formats" not in [word.arg for word in call.keywords]] == []

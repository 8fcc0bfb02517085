"""A folder of images/ and masks/ with the same stems, read into frames of one size.

Real folders are dirty: masks one row or column larger than their images are cropped, masks may be of mode `1`, soft or
coloured (their luminance counts); EXIF rotations are applied. A pixel is foreground where the mask is at least 128.
Label maps of more than two classes are refused (see `bench.data.classes`).
"""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from architectures.config import require
from bench.data.classes import NOISE, check_two_classes, count_flat
from bench.data.frames import FOREGROUND, Frames
from bench.files import replacing

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


class Pair(NamedTuple):
    """One frame's files and the scene it belongs to."""

    stem: str
    scene: str
    image: Path
    mask: Path


def find_pairs(folder: Path, scene_pattern: str = "") -> list[Pair]:
    """The frames of `folder`, sorted by stem.

    Raises:
        ValueError: a folder is missing, a stem has no partner or two files, or a scene cannot be told.
    """
    images, masks = find_images(folder / "images"), find_images(folder / "masks")
    unmatched = sorted(images.keys() ^ masks.keys())
    if not images.keys() & masks.keys():
        raise ValueError(
            f"{folder} holds no image with a mask of the same stem; without a partner: "
            f"{_listing([f'images/{stem}' for stem in images] + [f'masks/{stem}' for stem in masks])}."
        )
    if unmatched:
        names = [f"{'images' if stem in images else 'masks'}/{stem}" for stem in unmatched]
        raise ValueError(f"every image in {folder} must have a mask of the same stem; without: {_listing(names)}.")
    scene_of = _scene_rule(folder, scene_pattern)
    return [Pair(stem, scene_of(stem), images[stem], masks[stem]) for stem in sorted(images)]


class _Decoded(NamedTuple):
    """One frame at the asked size, and what is known of it before it was resized."""

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    original_size: tuple[int, int]
    flat: NDArray[np.int64]
    """Flat pixels of the mask, (256,); see `count_flat`."""


def open_image(path: Path) -> Image.Image:
    """An upright image in the mode of its file; ValueError names a file that is none."""
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image)
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} must be a readable image, got {error}.") from error


def read_image(path: Path) -> Image.Image:
    """An upright RGB image; ValueError names a file that is none."""
    return open_image(path).convert("RGB")


def read_frames(pairs: Iterable[Pair], size: tuple[int, int]) -> Frames:
    """Decode and resize to `size` = (height, width), bilinear with antialiasing for images and masks alike.

    Raises:
        ValueError: a file is no image, sizes of a pair differ by more than one pixel, masks tell more than two classes
            apart, or all masks are empty.
    """
    pairs = list(pairs)
    decoded = [_read_pair(pair, size) for pair in pairs]
    frames = Frames(
        stems=tuple(pair.stem for pair in pairs),
        scenes=tuple(pair.scene for pair in pairs),
        images=np.stack([item.image for item in decoded]),
        masks=np.stack([item.mask for item in decoded]),
        original_sizes=np.array([item.original_size for item in decoded], np.int64),
    )
    has_foreground = frames.masks.max() >= FOREGROUND
    noise = NOISE if has_foreground else 0  # numbers of classes lie side by side
    check_two_classes(
        [pair.mask for pair in pairs], np.stack([item.flat for item in decoded]), frames.original_sizes, noise
    )
    if not has_foreground:
        raise ValueError(
            f"masks must mark the foreground with values of at least {FOREGROUND}, got a largest value of "
            f"{frames.masks.max()} in {pairs[0].mask.parent}; scale the masks to 0..255."
        )
    return frames


def _read_pair(pair: Pair, size: tuple[int, int]) -> _Decoded:
    image, mask = read_image(pair.image), open_image(pair.mask).convert("L")
    if max(abs(image.width - mask.width), abs(image.height - mask.height)) > 1:
        raise ValueError(
            f"{pair.mask} must have the size of its image {pair.image} to within one pixel, "
            f"got {mask.width}x{mask.height} against {image.width}x{image.height}."
        )
    flat = count_flat(np.asarray(mask))
    width, height = min(image.width, mask.width), min(image.height, mask.height)
    image, mask = (
        item.crop((0, 0, width, height)).resize((size[1], size[0]), Image.Resampling.BILINEAR) for item in (image, mask)
    )
    return _Decoded(np.asarray(image), np.asarray(mask), (height, width), flat)


def find_images(folder: Path) -> dict[str, Path]:
    """Stem -> file of every image in `folder`; ValueError if there is no folder or two have one stem."""
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder, got none there; a data set is a folder with images/ and masks/.")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in files:
            raise ValueError(f"{folder} must hold one file per stem, got {files[path.stem].name} and {path.name}.")
        files[path.stem] = path
    return files


def _scene_rule(folder: Path, pattern: str) -> Callable[[str], str]:
    table = folder / "scenes.csv"
    if pattern:
        return lambda stem: _match_scene(stem, pattern)
    if table.is_file():
        scenes = _read_scene_table(table)
        return lambda stem: _look_up_scene(stem, scenes, table)
    return lambda stem: stem.rpartition("_")[0] or stem


def _match_scene(stem: str, pattern: str) -> str:
    try:
        found = re.search(pattern, stem)
    except re.error as error:
        raise ValueError(f"data.scene_pattern must be a regular expression, got {pattern!r} ({error}).") from error
    if found is None or not found.groups() or found.group(1) is None:
        raise ValueError(f"data.scene_pattern must find one group in every stem, got {pattern!r} for {stem!r}.")
    return found.group(1)


def write_scene_table(table: Path, stems: Sequence[str], scenes: Sequence[str]) -> None:
    """Write the scenes.csv that says to which scene each frame belongs; the file never holds half a table."""
    with replacing(table) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("stem", "scene"), *zip(stems, scenes, strict=True)])


def _read_scene_table(table: Path) -> dict[str, str]:
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        has_both = {"stem", "scene"} <= set(rows.fieldnames or ())
        require(has_both, str(table), "have the columns stem and scene", rows.fieldnames)
        return {row["stem"]: row["scene"] for row in rows}


def _look_up_scene(stem: str, scenes: dict[str, str], table: Path) -> str:
    if stem not in scenes:
        raise ValueError(f"{table} must name the scene of every stem, got none for {stem!r}.")
    return scenes[stem]


def _listing(names: list[str], limit: int = 12) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) or "nothing") + more

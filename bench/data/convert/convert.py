"""A source of any kind, written once as images/, masks/ and scenes.csv: whole, or not at all."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.convert.coco import is_coco, load_json, read_coco
from hourglass_bench.bench.data.convert.cvat import read_cvat
from hourglass_bench.bench.data.convert.drawing import (
    IGNORED,
    Annotations,
    Drawing,
    draw,
    labels_of,
    require_pycocotools,
)
from hourglass_bench.bench.data.convert.labelme import is_labelme, read_labelme
from hourglass_bench.bench.data.files.pictures import SUFFIXES, Page, open_picture, picture_size, picture_turn, to_rgb
from hourglass_bench.bench.data.folder.pairs import find_pairs
from hourglass_bench.bench.data.folder.scene_table import write_scene_table
from hourglass_bench.bench.data.folder.scenes import scene_rule
from hourglass_bench.bench.data.frames import is_foreground
from hourglass_bench.bench.data.masks.decide import decide_masks
from hourglass_bench.bench.data.masks.rule import read_labels
from hourglass_bench.bench.data.reading import check_fit, turned_apart
from hourglass_bench.bench.data.resizing.fit import Labels
from hourglass_bench.bench.files import FOLDER, reading, require_file, what_is

ROLE = re.compile(r"(?<![a-z])(train|val|test)(?:ing|id|idation)?(?![a-z])")
"""In the name of an annotation file or of its folder."""


@dataclass(slots=True)
class Imported:
    """What became of a source."""

    frames: int = 0
    masks: str = ""
    """What their foreground is."""
    labels: dict[str, int] = field(default_factory=dict)
    """How many objects of each label there are; empty where masks were delivered."""
    changed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """What was not taken, and why."""


def import_data(source: Path, out: Path, data: DataConfig) -> Imported:
    """Write the frames of `source` into the new folder `out`, by the flags of `data`.

    Raises:
        ValueError: the source holds nothing that is known, its labels could mean two things, or `out` holds something
            already. Nothing is written then.
    """
    if (there := what_is(source)) not in ("", FOLDER):
        raise ValueError(f"{source} must be a folder or an annotation file, got {there}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"--out must be a new or empty folder, got {out}, which holds something.")
    if not out.resolve().parent.is_dir():
        raise ValueError(f"--out must be a folder in one that exists, got {out}.")
    annotations = find_annotations(source)
    with _new_folder(out) as folder:
        if annotations.drawings:
            return _write_drawings(annotations, source, folder, data)
        return _write_pairs(source, folder, data)


def find_annotations(source: Path) -> Annotations:
    """Every image that an annotation file in the source speaks of; none if it holds masks.

    Raises:
        ValueError: an annotation file breaks the rules of its form, or speaks of an image that is not there.
    """
    root = source if source.is_dir() else source.parent
    with reading(root):
        below = sorted(root.rglob("*"))
    files = below if source.is_dir() else [source]
    pictures: dict[str, list[Path]] = {}
    for path in below:
        if path.suffix.lower() in SUFFIXES:
            pictures.setdefault(path.name, []).append(path)
    found: list[Annotations] = []
    for file in files:
        if file.name.startswith(".") or file.suffix.lower() not in (".json", ".xml") or file.is_dir():
            continue
        require_file(file, "be an annotation file")
        if file.suffix.lower() == ".json":
            content = load_json(file)
            if is_coco(content):
                found.append(_with_role(read_coco(file, content, pictures), file))
            elif is_labelme(content):
                found.append(read_labelme(file, content, pictures))
        else:
            found.append(read_cvat(file, pictures))
    drawings = tuple(drawing for part in found for drawing in part.drawings)
    if not all(drawing.role for drawing in drawings):
        drawings = tuple(drawing._replace(role="") for drawing in drawings)
    return Annotations(drawings, tuple(sentence for part in found for sentence in part.refused))


def _with_role(annotations: Annotations, file: Path) -> Annotations:
    match = ROLE.search(file.stem.lower()) or ROLE.search(file.parent.name.lower())
    role = match.group(1) if match else ""
    return annotations._replace(drawings=tuple(drawing._replace(role=role) for drawing in annotations.drawings))


def _write_drawings(annotations: Annotations, source: Path, folder: Path, data: DataConfig) -> Imported:
    require_pycocotools()
    labels = labels_of(annotations.drawings)
    if not labels:
        reasons = " ".join(annotations.refused[:3])
        raise ValueError(f"{source} must hold objects with an outline, got none; {reasons}")
    foreground = _choose_labels(labels, data)
    result = Imported(labels=labels, refused=list(annotations.refused))
    result.masks = f"objects of {', '.join(sorted(foreground))}"
    rule = scene_rule(source if source.is_dir() else source.parent, data)
    scenes: dict[str, str] = {}
    for drawing in annotations.drawings:
        stem = Path(drawing.name).stem
        key = f"{drawing.role}/{stem}" if drawing.role else stem
        if key in scenes:
            raise ValueError(f"{source} must hold one image of each name, got two called {key}.")
        part = folder / drawing.role
        image = part / "images" / drawing.name
        _write_image(drawing.image, image)
        if sentence := _wrong_size(drawing, image, data):
            result.refused.append(sentence)
            image.unlink()
            continue
        _write_mask(draw(drawing, foreground, data.ignore), part / "masks" / f"{stem}.png")
        scenes[key] = rule.of(stem)
    if not scenes:
        raise ValueError(f"{source} must hold an image that can be taken; {' '.join(result.refused[:3])}")
    result.frames = len(scenes)
    result.changed.append(f"outlines were filled: {sum(labels.values()):,} objects in {len(scenes):,} masks")
    if rule.said:
        write_scene_table(folder / "scenes.csv", list(scenes), list(scenes.values()))
    return result


def _choose_labels(labels: dict[str, int], data: DataConfig) -> set[str]:
    """The labels that are foreground."""
    counts = ", ".join(f"{label} ({count:,})" for label, count in labels.items())
    if unknown := [label for label in (*data.foreground, *data.ignore) if label not in {*labels, "all"}]:
        raise ValueError(f"--foreground and --ignore must name labels of the annotations, {counts}; got {unknown[0]}.")
    left = set(labels) - set(data.ignore)
    if data.foreground == ("all",) or (not data.foreground and len(left) == 1):
        return left
    if not data.foreground:
        raise ValueError(
            f"the annotations tell {len(left)} labels apart, {counts}; say which are foreground with --foreground "
            "LABEL ... (several unite), or --foreground all."
        )
    return set(data.foreground)


def _wrong_size(drawing: Drawing, image: Path, data: DataConfig) -> str:
    """Why the image, which was written to a file, cannot lie under its outlines, if so."""
    name = f"the image in {drawing.file}" if isinstance(drawing.image, bytes) else str(drawing.image)
    try:
        height, width = open_picture(Page(image), data.max_megapixels).values.shape[:2]
    except ValueError as error:
        raise ValueError(str(error).replace(str(image), name)) from error
    if (height, width) != drawing.size:
        return (
            f"{name} has {width}x{height} pixels, its annotations speak of {drawing.size[1]}x{drawing.size[0]}; "
            "it may have been turned by EXIF or resized since."
        )
    if picture_turn(Page(image)) == 1 or _turn_shows(Page(image)):
        return ""
    return (
        f"{name} is turned by EXIF, and its size does not tell whether its outlines were drawn on it as it is seen or "
        "as it is stored; store it upright (mogrify -auto-orient) or without its orientation (exiftool -Orientation=)."
    )


def _write_pairs(source: Path, folder: Path, data: DataConfig) -> Imported:
    found = find_pairs(data)
    rule = decide_masks([pair.masks for pair in found.pairs], data)
    result = Imported(frames=len(found.pairs), masks=rule.text)
    result.refused += [f"{stem} has no mask." for stem in found.unlabelled]
    result.refused += [f"{mask} has no image." for mask in found.without_image]
    for pair in found.pairs:
        labels = read_labels(pair.masks, rule, data.max_megapixels)
        image = open_picture(pair.image, data.max_megapixels)  # before it is copied: it may be broken
        check_fit(pair, image.values.shape[:2], labels.foreground.shape)
        part, stem = folder / pair.role, pair.stem.removeprefix(f"{pair.role}/")
        if _can_be_copied(pair.image):
            _write_image(pair.image.path, part / "images" / f"{stem}{pair.image.path.suffix}")
        else:
            _write_page(pair.image, part / "images" / f"{stem}.tif", data)
        _write_mask(_to_values(labels), part / "masks" / f"{stem}.png")
    if found.scene_rule.said:  # else the names say it, as they did before
        stems, scenes = [pair.stem for pair in found.pairs], [pair.scene for pair in found.pairs]
        write_scene_table(folder / "scenes.csv", stems, scenes)
    result.changed.append(f"masks became PNG files of 0 and 255 ({found.layout})")
    if turned := sum(map(turned_apart, found.pairs)):
        result.changed.append(
            f"EXIF turns {turned:,} images or their masks and not both: they fit as they are seen, and were taken so"
        )
    return result


def _to_values(labels: Labels) -> NDArray[np.uint8]:
    """Grey where nothing is ignored, else 0, 1 and `IGNORED`."""
    if not labels.ignored.any():
        return labels.foreground
    values = is_foreground(labels.foreground).astype(np.uint8)
    values[labels.ignored] = IGNORED
    return values


def _can_be_copied(image: Page) -> bool:
    """Whether it is a file of its own, which EXIF does not turn or so that its size shows it: masks are upright."""
    return image.number is None and (picture_turn(image) == 1 or _turn_shows(image))


def _turn_shows(image: Page) -> bool:
    """Whether the size of a picture is another one after EXIF's turn."""
    height, width = picture_size(image)
    return picture_turn(image) >= 5 and abs(height - width) > 1


def _write_image(image: Path | bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image, bytes):
        path.write_bytes(image)
    else:
        shutil.copyfile(image, path)


def _write_page(page: Page, path: Path, data: DataConfig) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = open_picture(page, data.max_megapixels)
    values = picture.values if picture.palette is None else to_rgb(picture, None)
    if values.ndim == 3 and values.shape[2] == 2:
        values = values[..., 0]  # grey without alpha, as images are read
    tifffile.imwrite(path, values, photometric="rgb" if values.ndim == 3 else "minisblack", compression="zlib")


def _write_mask(values: NDArray[np.uint8], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` at the end; after an error nothing is left."""
    temporary = Path(tempfile.mkdtemp(prefix=".partial-", dir=out.resolve().parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        os.rename(temporary, out)  # takes the place of an empty folder
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def listing(sentences: Sequence[str], limit: int = 12) -> str:
    """The first of some sentences, a line each."""
    more = [f"and {len(sentences) - limit:,} more"] if len(sentences) > limit else []
    return "\n".join(f"  {sentence}" for sentence in [*sentences[:limit], *more])

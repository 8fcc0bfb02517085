"""COCO's JSON (Lin et al. 2014, arXiv 1405.0312), also as Roboflow, Label Studio and CVAT export it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hourglass_bench.bench.data.convert.drawing import (
    AnnotationError,
    Annotations,
    Drawing,
    Polygons,
    Runs,
    Shape,
    outlines,
    parsing,
    read_size,
    runs,
)
from hourglass_bench.bench.files import what_is


def is_coco(content: Any) -> bool:
    """Whether the content of a JSON file has COCO's form."""
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def read_coco(file: Path, content: Mapping[str, Any], pictures: Mapping[str, list[Path]]) -> Annotations:
    """The images of a COCO file, those without an object too: their masks are empty.

    Args:
        pictures: name -> the pictures of the source with that name.

    Raises:
        ValueError: an entry lacks what COCO demands, or an image is not there.
    """
    with parsing(file, "COCO's JSON"):
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        shapes: dict[Any, list[Shape]] = {image["id"]: [] for image in content["images"]}
        refused = []
        for annotation in content["annotations"]:
            label, region = names[annotation["category_id"]], annotation.get("segmentation")
            if isinstance(region, list):  # two points cover nothing, and would be taken for a box
                region = [outline for outline in region if len(outline) >= 6]
            if not region:
                refused.append(f"{file}: object {annotation['id']} ({label}) has no outline that covers an area.")
                continue
            shapes[annotation["image_id"]].append(Shape(label, _region(region), bool(annotation.get("iscrowd"))))
        drawings = [
            Drawing(
                find_picture(image["file_name"], file, pictures),
                Path(image["file_name"]).name,
                read_size(image["height"], image["width"]),
                tuple(shapes[image["id"]]),
                file,
            )
            for image in content["images"]
        ]
    return Annotations(tuple(drawings), tuple(refused))


def _region(region: Any) -> Polygons | Runs:
    if not isinstance(region, Mapping):
        return outlines(region)
    counts = region["counts"]
    height, width = region["size"]
    return runs(_unpack(counts) if isinstance(counts, str) else counts, read_size(height, width))


def _unpack(text: str) -> list[int]:
    """The lengths of the runs that COCO packs: five bits in each character, the third and later as differences."""
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("packed runs that are cut off")
    return counts


def find_picture(name: str, file: Path, pictures: Mapping[str, list[Path]]) -> Path:
    """The picture that an annotation file calls `name`: beside the file as it says, else the one of that name.

    Raises:
        AnnotationError: there is none, or several.
    """
    relative = Path(name.replace("\\", "/"))
    if not what_is(file.parent / relative):
        return file.parent / relative
    anywhere = [path for path in pictures.get(relative.name, []) if not what_is(path)]
    found = [path for path in anywhere if path.is_relative_to(file.parent)] or anywhere
    if len(found) != 1:
        several = f"{len(found)} of that name ({', '.join(map(str, found[:3]))})" if found else "none"
        raise AnnotationError(
            f"{file} speaks of the image {name}, which must lie once beside it or below, got {several}."
        )
    return found[0]


def load_json(file: Path) -> Any:
    """Content of a JSON file; ValueError names one that is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, RecursionError, ValueError) as error:
        raise ValueError(f"{file} must be a JSON file, got {error}.") from error

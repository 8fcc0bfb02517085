"""labelme's JSON: one file for each image, with polygons, rectangles, circles and bitmaps."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hourglass_bench.bench.data.convert.coco import find_picture
from hourglass_bench.bench.data.convert.drawing import (
    AnnotationError,
    Annotations,
    Bitmap,
    Drawing,
    Polygons,
    Shape,
    ellipse,
    outline,
    parsing,
    read_size,
    rectangle,
)
from hourglass_bench.bench.data.files.decode import open_image


def is_labelme(content: Any) -> bool:
    """Whether the content of a JSON file has labelme's form."""
    return isinstance(content, dict) and {"shapes", "imagePath"} <= content.keys()


def read_labelme(file: Path, content: Mapping[str, Any], pictures: Mapping[str, list[Path]]) -> Annotations:
    """The one image of a labelme file, which may hold it itself.

    Raises:
        ValueError: an entry lacks what labelme writes, or the image is not there.
    """
    refused = []
    with parsing(file, "labelme's JSON"):
        name = Path(content["imagePath"].replace("\\", "/")).name
        image: Path | bytes
        try:
            image = find_picture(content["imagePath"], file, pictures)
        except AnnotationError:
            if not content.get("imageData"):
                raise
            image = _unpack(content["imageData"])
        size = read_size(content["imageHeight"], content["imageWidth"])
        shapes = []
        for shape in content["shapes"]:
            region = _region(shape)
            if region is None:
                refused.append(f"{file}: a {shape['shape_type']} ({shape['label']}) covers no area.")
            else:
                shapes.append(Shape(str(shape["label"]), region))
    return Annotations((Drawing(image, name, size, tuple(shapes), file),), tuple(refused))


def _region(shape: Mapping[str, Any]) -> Polygons | Bitmap | None:
    """None of points and lines."""
    points, kind = np.array(shape["points"], float).reshape(-1, 2), shape.get("shape_type") or "polygon"
    if kind == "rectangle":
        return outline(rectangle(*points.min(axis=0), *points.max(axis=0)))
    if kind == "circle":
        radius = float(np.hypot(*(points[1] - points[0])))
        return outline(ellipse(points[0], radius, radius))
    if kind == "mask":
        bitmap = open_image(io.BytesIO(_unpack(shape["mask"])))
        left, top = (int(corner) for corner in points.min(axis=0))
        return Bitmap(bitmap, top, left)
    return outline(points) if kind == "polygon" and len(points) >= 3 else None


def _unpack(text: str) -> bytes:
    """What base64 holds, be it in lines, as MIME has it."""
    return base64.b64decode("".join(text.split()), validate=True)

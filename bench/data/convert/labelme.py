"""labelme's JSON: one file for each image, with polygons, rectangles, circles and bitmaps."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hourglass_bench.bench.data.convert.coco import find_picture
from hourglass_bench.bench.data.convert.drawing import Annotations, Drawing, Shape, ellipse, encode, outline, rectangle


def is_labelme(content: Any) -> bool:
    """Whether the content of a JSON file has labelme's form."""
    return isinstance(content, dict) and {"shapes", "imagePath"} <= content.keys()


def read_labelme(file: Path, content: Mapping[str, Any], pictures: Mapping[str, list[Path]]) -> Annotations:
    """The one image of a labelme file, which may hold it itself.

    Raises:
        ValueError: an entry lacks what labelme writes, or the image is not there.
    """
    refused = []
    try:
        name = Path(content["imagePath"].replace("\\", "/")).name
        image: Path | bytes
        try:
            image = find_picture(content["imagePath"], file, pictures)
        except ValueError:
            if not content.get("imageData"):
                raise
            image = base64.b64decode(content["imageData"])
        size = int(content["imageHeight"]), int(content["imageWidth"])
        shapes = []
        for shape in content["shapes"]:
            region = _region(shape, size)
            if region is None:
                refused.append(f"{file}: a {shape['shape_type']} ({shape['label']}) covers no area.")
            else:
                shapes.append(Shape(str(shape["label"]), region))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} must be labelme's JSON, got an entry without {error}.") from error
    return Annotations((Drawing(image, name, size, tuple(shapes)),), tuple(refused))


def _region(shape: Mapping[str, Any], size: tuple[int, int]) -> Any:
    """As `Shape.region`; None of points and lines."""
    points, kind = np.array(shape["points"], float), shape.get("shape_type") or "polygon"
    if kind == "rectangle":
        return outline(rectangle(*points.min(axis=0), *points.max(axis=0)))
    if kind == "circle":
        radius = float(np.hypot(*(points[1] - points[0])))
        return outline(ellipse(points[0], radius, radius))
    if kind == "mask":
        bitmap = np.asarray(Image.open(io.BytesIO(base64.b64decode(shape["mask"]))).convert("L")) > 0
        left, top = points.min(axis=0).astype(int)
        return encode(bitmap, top, left, size)
    return outline(points) if kind == "polygon" and len(points) >= 3 else None

"""CVAT's XML for images (version 1.1): polygons, boxes, ellipses and run-length masks."""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from hourglass_bench.bench.data.convert.coco import find_picture
from hourglass_bench.bench.data.convert.drawing import (
    Annotations,
    Drawing,
    Points,
    Polygons,
    Runs,
    Shape,
    ellipse,
    outline,
    parsing,
    read_size,
    rectangle,
    runs,
)
from hourglass_bench.bench.files import reading


def read_cvat(file: Path, pictures: Mapping[str, list[Path]]) -> Annotations:
    """The images of a CVAT file; nothing if it is another XML.

    Raises:
        ValueError: the file is no XML, an entry lacks what CVAT writes, or an image is not there.
    """
    try:
        with reading(file):
            root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, UnicodeError) as error:
        raise ValueError(f"{file} must be XML, got {error}.") from error
    if root.tag != "annotations":
        return Annotations((), ())
    drawings, refused = [], []
    with parsing(file, "CVAT's XML for images"):
        for image in root.iter("image"):
            name, size = image.attrib["name"], read_size(image.attrib["height"], image.attrib["width"])
            shapes = []
            for shape in image:
                region = _region(shape)
                if region is not None:
                    shapes.append(Shape(shape.attrib["label"], region))
                elif "label" in shape.attrib:
                    refused.append(f"{file}: a {shape.tag} ({shape.attrib['label']}) in {name} covers no area.")
            drawings.append(Drawing(find_picture(name, file, pictures), Path(name).name, size, tuple(shapes), file))
    return Annotations(tuple(drawings), tuple(refused))


def _region(shape: ElementTree.Element) -> Polygons | Runs | None:
    """None of points, lines and what is no shape."""
    of = shape.attrib
    if shape.tag == "polygon":
        return outline(np.array([[float(number) for number in point.split(",")] for point in of["points"].split(";")]))
    if shape.tag == "box":
        return outline(_turn(rectangle(*(float(of[name]) for name in ("xtl", "ytl", "xbr", "ybr"))), of))
    if shape.tag == "ellipse":
        x, y, wide, tall = (float(of[name]) for name in ("cx", "cy", "rx", "ry"))
        return outline(_turn(ellipse(np.array([x, y]), wide, tall), of))
    return _mask(of) if shape.tag == "mask" else None


def _turn(points: Points, of: Mapping[str, str]) -> Points:
    """Clockwise about their middle, by the degrees that the shape names."""
    angle, middle = np.radians(float(of.get("rotation", 0))), points.mean(axis=0)
    x, y = (points - middle).T
    turned = np.column_stack((x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)))
    return np.asarray(middle + turned)


def _mask(of: Mapping[str, str]) -> Runs:
    """Runs along the rows of a box."""
    left, top, width, height = (int(of[name]) for name in ("left", "top", "width", "height"))
    return runs(of["rle"].split(","), (height, width), top, left, by_columns=False)

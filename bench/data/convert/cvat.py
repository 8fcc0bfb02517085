"""CVAT's XML for images (version 1.1): polygons, boxes, ellipses and run-length masks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from bench.data.convert.coco import find_picture
from bench.data.convert.drawing import Annotations, Drawing, Shape

CORNERS = 64
"""Of the polygon that stands for an ellipse."""


def read_cvat(file: Path, pictures: Mapping[str, list[Path]]) -> Annotations:
    """The images of a CVAT file; nothing if it is another XML.

    Raises:
        ValueError: the file is no XML, an entry lacks what CVAT writes, or an image is not there.
    """
    try:
        root = ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{file} must be XML, got {error}.") from error
    if root.tag != "annotations":
        return Annotations((), ())
    drawings, refused = [], []
    try:
        for image in root.iter("image"):
            name, size = image.attrib["name"], (int(image.attrib["height"]), int(image.attrib["width"]))
            shapes = []
            for shape in image:
                region = _region(shape, size)
                if region is not None:
                    shapes.append(Shape(shape.attrib["label"], region))
                elif "label" in shape.attrib:
                    refused.append(f"{file}: a {shape.tag} ({shape.attrib['label']}) in {name} covers no area.")
            drawings.append(Drawing(find_picture(name, file, pictures), Path(name).name, size, tuple(shapes)))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} must be CVAT's XML for images, got an entry without {error}.") from error
    return Annotations(tuple(drawings), tuple(refused))


def _region(shape: ElementTree.Element, size: tuple[int, int]) -> Any:
    """As `Shape.region`; None of points, lines and what is no shape."""
    of = shape.attrib
    if shape.tag == "polygon":
        return [[float(number) for point in of["points"].split(";") for number in point.split(",")]]
    if shape.tag == "box":
        left, top, right, bottom = (float(of[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
        return [[left, top, right, top, right, bottom, left, bottom]]
    if shape.tag == "ellipse":
        angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
        x, y, wide, tall = (float(of[name]) for name in ("cx", "cy", "rx", "ry"))
        return [np.column_stack((x + wide * np.cos(angles), y + tall * np.sin(angles))).ravel().tolist()]
    return _encode(of, size) if shape.tag == "mask" else None


def _encode(of: Mapping[str, str], size: tuple[int, int]) -> Any:
    """A mask in its box, whose runs go along rows and begin with background, as an encoding of the whole image."""
    from pycocotools import mask as coco

    left, top, width, height = (int(of[name]) for name in ("left", "top", "width", "height"))
    runs = np.array([int(run) for run in of["rle"].split(",")])
    if runs.sum() != width * height:
        raise ValueError(f"a mask of CVAT must fill its box of {width}x{height} pixels, got runs of {runs.sum()}.")
    bitmap = np.repeat(np.arange(len(runs)) % 2, runs).reshape(height, width)
    whole = np.zeros(size, np.uint8, order="F")
    whole[top : top + height, left : left + width] = bitmap
    return coco.encode(whole)

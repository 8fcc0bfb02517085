"""Annotation files for `data import`."""

import base64
import json
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from tests.bench.data.malformed.cases import IMPORT, SPECIAL, case, special
from tests.bench.data.malformed.pictures import PIXELS, encoded

BOX = [[8, 8, 40, 8, 40, 30, 8, 30]]


def coco(**changes: Any) -> dict[str, Any]:
    """Whole, but for what is changed of its first image, its first object, or of all."""
    image = {"id": 1, "file_name": "x.png", "height": 48, "width": 64} | changes.pop("image", {})
    thing = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": BOX} | changes.pop("object", {})
    return {"images": [image], "annotations": [thing], "categories": [{"id": 1, "name": "leaf"}]} | changes


def without(content: dict[str, Any], *path: Any) -> dict[str, Any]:
    """Less one entry."""
    content = json.loads(json.dumps(content))
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return content


def labelme(**changes: Any) -> dict[str, Any]:
    """Whole, but for what is changed of its shape, or of all."""
    shape = {"label": "leaf", "points": [[8, 8], [40, 8], [40, 30]], "shape_type": "polygon"} | changes.pop("shape", {})
    return {"imagePath": "x.png", "imageHeight": 48, "imageWidth": 64, "shapes": [shape]} | changes


def cvat(shape: str = '<polygon label="leaf" points="8,8;40,8;40,30"/>', image: str = 'height="48" width="64"') -> str:
    """An XML."""
    return f'<annotations><image name="x.png" {image}>{shape}</image></annotations>'


def _rle(counts: Any, size: Any = (48, 64)) -> dict[str, Any]:
    return coco(object={"segmentation": {"counts": counts, "size": size}})


BOMB = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><annotations>&j;</annotations>"
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotations>&a;</annotations>'
FILE = r"a\.(json|xml) must"
FILES: dict[str, tuple[str, Any, str]] = {
    "an empty JSON": ("a.json", "", "a.json must be a JSON file"),
    "half a JSON": ("a.json", json.dumps(coco())[:60], "a.json must be a JSON file"),
    "a JSON that is no text": ("a.json", b"\xff\xfe\x00\xd8", "a.json must be a JSON file"),
    "a JSON of 100,000 brackets": ("a.json", "[" * 100_000, "a.json must be a JSON file"),
    "a JSON with a number of 10,000 digits": ("a.json", "9" * 10_000, "a.json must be a JSON file"),
    "COCO without a name": ("a.json", without(coco(), "images", 0, "file_name"), FILE),
    "COCO without a size": ("a.json", without(coco(), "images", 0, "height"), FILE),
    "COCO without a category": ("a.json", coco(categories=[]), FILE),
    "COCO without objects": ("a.json", coco(annotations=[]), "must hold objects with an outline"),
    "COCO without images": ("a.json", coco(images=[]), FILE),
    "COCO whose images are a text": ("a.json", coco(images="x.png"), FILE),
    "COCO whose images are numbers": ("a.json", coco(images=[1, 2]), FILE),
    "COCO whose objects are one": ("a.json", coco(annotations={"id": 1}), FILE),
    "COCO whose categories are null": ("a.json", coco(categories=None), FILE),
    "COCO of another image": ("a.json", coco(image={"file_name": "y.png"}), "must lie once beside it"),
    "COCO of an image without a name": ("a.json", coco(image={"file_name": ""}), "must lie once beside it"),
    "COCO of an image that is a number": ("a.json", coco(image={"file_name": 7}), FILE),
    "COCO of an image outside": ("a.json", coco(image={"file_name": "../../etc/passwd"}), "must lie once beside it"),
    "COCO of an image with a name of no file": ("a.json", coco(image={"file_name": "a\0b"}), FILE),
    "COCO of an image with a long name": ("a.json", coco(image={"file_name": "a" * 5000}), "must|long"),
    "COCO with an image twice": ("a.json", coco(images=coco()["images"] * 2), "two called x"),
    "COCO of 10**9 rows": ("a.json", coco(image={"height": 10**9}), "its annotations speak of"),
    "COCO of -1 rows": ("a.json", coco(image={"height": -1}), "its annotations speak of|must"),
    "COCO of nan rows": ("a.json", coco(image={"height": float("nan")}), FILE),
    "COCO of inf rows": ("a.json", coco(image={"height": float("inf")}), FILE),
    "COCO of words for rows": ("a.json", coco(image={"height": "many"}), FILE),
    "COCO of two corners": ("a.json", coco(object={"segmentation": [[1, 2, 3, 4]]}), "no outline that covers"),
    "COCO of seven numbers": ("a.json", coco(object={"segmentation": [BOX[0][:7]]}), FILE),
    "COCO of corners that are words": ("a.json", coco(object={"segmentation": [["a"] * 8]}), FILE),
    "COCO of corners that are nan": ("a.json", coco(object={"segmentation": [[float("nan")] * 8]}), FILE),
    "COCO of corners at 1e300": ("a.json", coco(object={"segmentation": [[1e300] * 8]}), FILE),
    "COCO of corners that are null": ("a.json", coco(object={"segmentation": [None]}), FILE),
    "COCO with a text for an outline": ("a.json", coco(object={"segmentation": "box"}), FILE),
    "COCO with a number for an outline": ("a.json", coco(object={"segmentation": 5}), FILE),
    "COCO with runs of too many pixels": ("a.json", _rle([0, 10**9]), FILE),
    "COCO with runs below 0": ("a.json", _rle([0, -5]), FILE),
    "COCO with runs that are words": ("a.json", _rle(["a"]), FILE),
    "COCO with runs without a size": ("a.json", coco(object={"segmentation": {"counts": [0, 3072]}}), FILE),
    "COCO with runs of another size": ("a.json", _rle([0, 100], (10, 10)), "must have the size of its image"),
    "COCO with runs of 10**9 rows": ("a.json", _rle([0, 100], (10**9, 10**9)), FILE),
    "COCO with packed runs of nonsense": ("a.json", _rle("~~~~~~~~zzzzz"), FILE),
    "COCO with packed runs cut off": ("a.json", _rle("o"), FILE),
    "COCO with a label that is not named": ("a.json", coco(object={"category_id": 9}), FILE),
    "COCO with an object of no image": ("a.json", coco(object={"image_id": 9}), FILE),
    "labelme without shapes": ("a.json", labelme(shapes=[]), "must hold objects with an outline"),
    "labelme whose shapes are null": ("a.json", labelme(shapes=None), FILE),
    "labelme whose shapes are words": ("a.json", labelme(shapes=["leaf"]), FILE),
    "labelme without corners": ("a.json", without(labelme(), "shapes", 0, "points"), FILE),
    "labelme with corners of words": ("a.json", labelme(shape={"points": [["a", "b"]] * 3}), FILE),
    "labelme with corners of one number": ("a.json", labelme(shape={"points": [[1], [2], [3]]}), FILE),
    "labelme with ragged corners": ("a.json", labelme(shape={"points": [[1, 2], [3], [4, 5]]}), FILE),
    "labelme with corners of nan": ("a.json", labelme(shape={"points": [[float("nan")] * 2] * 3}), FILE),
    "labelme with no corners": ("a.json", labelme(shape={"points": []}), "covers no area|must"),
    "labelme with a circle of one corner": (
        "a.json",
        labelme(shape={"points": [[1, 2]], "shape_type": "circle"}),
        FILE,
    ),
    "labelme with a mask that is no picture": (
        "a.json",
        labelme(shape={"shape_type": "mask", "mask": base64.b64encode(b"no").decode()}),
        FILE,
    ),
    "labelme with a mask that is PostScript": (
        "a.json",
        labelme(shape={"shape_type": "mask", "mask": base64.b64encode(b"%!PS-Adobe-3.0 EPSF-3.0\n").decode()}),
        FILE,
    ),
    "labelme with a mask that is no base64": ("a.json", labelme(shape={"shape_type": "mask", "mask": "%"}), FILE),
    "labelme with a mask outside": (
        "a.json",
        labelme(
            shape={
                "shape_type": "mask",
                "points": [[-30, -30], [900, 900]],
                "mask": base64.b64encode(encoded("PNG", PIXELS[..., 0])).decode(),
            }
        ),
        "must lie in its image",
    ),
    "labelme with an image that is none": (
        "a.json",
        labelme(imagePath="y.png", imageData=base64.b64encode(b"no").decode()),
        "y.png must be a readable image|a.json must",
    ),
    "labelme with an image of another size": (
        "a.json",
        labelme(imagePath="y.png", imageData=base64.b64encode(encoded("PNG", PIXELS[:20])).decode()),
        "its annotations speak of",
    ),
    "labelme with an image that is a number": ("a.json", labelme(imagePath=5), FILE),
    "labelme with an image that is no base64": ("a.json", labelme(imagePath="y.png", imageData="%%%"), FILE),
    "labelme of inf rows": ("a.json", labelme(imageHeight=float("inf")), FILE),
    "an empty XML": ("a.xml", "", "a.xml must be XML"),
    "half an XML": ("a.xml", cvat()[:50], "a.xml must be XML"),
    "an XML that unpacks to gigabytes": ("a.xml", BOMB, "a.xml must be XML"),
    "an XML of a file elsewhere": ("a.xml", OUTSIDE, "a.xml must be XML|must hold"),
    "CVAT without a size": ("a.xml", cvat(image=""), FILE),
    "CVAT of words for rows": ("a.xml", cvat(image='height="many" width="64"'), FILE),
    "CVAT without a label": ("a.xml", cvat('<polygon points="8,8;40,8;40,30"/>'), FILE),
    "CVAT without corners": ("a.xml", cvat('<polygon label="leaf"/>'), FILE),
    "CVAT of corners that are words": ("a.xml", cvat('<polygon label="leaf" points="a,b;c,d;e,f"/>'), FILE),
    "CVAT of corners of one number": ("a.xml", cvat('<polygon label="leaf" points="1;2;3"/>'), FILE),
    "CVAT with ragged corners": ("a.xml", cvat('<polygon label="leaf" points="1,2;3;4,5"/>'), FILE),
    "CVAT of corners that are nan": ("a.xml", cvat('<polygon label="leaf" points="nan,nan;1,2;3,4"/>'), FILE),
    "CVAT with two corners": ("a.xml", cvat('<polygon label="leaf" points="1,2;3,4"/>'), "covers no area|must"),
    "CVAT with a box of words": ("a.xml", cvat('<box label="leaf" xtl="a" ytl="1" xbr="2" ybr="3"/>'), FILE),
    "CVAT with an ellipse of nan": ("a.xml", cvat('<ellipse label="leaf" cx="nan" cy="1" rx="2" ry="3"/>'), FILE),
    "CVAT with runs that do not fill their box": (
        "a.xml",
        cvat('<mask label="leaf" rle="3,4" left="0" top="0" width="10" height="10"/>'),
        "must fill its box",
    ),
    "CVAT with runs below 0": (
        "a.xml",
        cvat('<mask label="leaf" rle="-3,103" left="0" top="0" width="10" height="10"/>'),
        FILE,
    ),
    "CVAT with a box of 10**9 pixels": (
        "a.xml",
        cvat(
            '<mask label="leaf" rle="0,1000000000000000000" left="0" top="0" width="1000000000" height="1000000000"/>'
        ),
        "must lie in its image",
    ),
    "CVAT with a mask left of the image": (
        "a.xml",
        cvat('<mask label="leaf" rle="0,100" left="-5" top="-5" width="10" height="10"/>'),
        "must lie in its image",
    ),
    "CVAT with a turn of words": (
        "a.xml",
        cvat('<box label="leaf" xtl="1" ytl="1" xbr="9" ybr="9" rotation="left"/>'),
        FILE,
    ),
}
"""What a source's annotation file is -> its name, its content, and what is said."""


def _write(root: Path, name: str, content: Any) -> None:
    (root / "set").mkdir()
    (root / "set" / "x.png").write_bytes(encoded("PNG"))
    data = content if isinstance(content, bytes | str) else json.dumps(content)
    (root / "set" / name).write_bytes(data if isinstance(data, bytes) else data.encode())


for _kind, (_name, _content, _says) in FILES.items():
    case(f"annotations: {_kind}", IMPORT, _says)(partial(_write, name=_name, content=_content))
for _kind, _content in {"COCO": coco(), "labelme": labelme(), "CVAT": cvat()}.items():
    _name = "a.xml" if isinstance(_content, str) else "a.json"
    case(f"annotations: {_kind}, whole", IMPORT)(partial(_write, name=_name, content=_content))


def _special(root: Path, kind: str, name: str) -> None:
    _write(root, "whole.json", coco())
    special(root / "set" / name, kind)


def _special_source(root: Path, kind: str) -> None:
    special(root / "a.json", kind)


ALONE = {"data import": "data import a.json --out imported"}
for _kind, _called in SPECIAL.items():
    if _kind != "folder":
        case(f"annotations: {_kind}", IMPORT, rf"set/a\.json must be .*got {_called}")(
            partial(_special, kind=_kind, name="a.json")
        )
        case(f"annotations: {_kind} for a source", ALONE, rf"got {_called}|must hold")(
            partial(_special_source, kind=_kind)
        )
    case(f"annotations: {_kind} for an image", IMPORT, rf"x\.png.*({_called}|must lie once)")(
        partial(_special, kind=_kind, name="x.png")
    )


@case("annotations: an image that EXIF turns and whose size does not show it", IMPORT, "EXIF")
def square(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (root / "set").mkdir()
    (root / "set" / "x.png").write_bytes(encoded("PNG", PIXELS[:48, :48], exif=exif))
    (root / "set" / "a.json").write_text(json.dumps(coco(image={"width": 48})))

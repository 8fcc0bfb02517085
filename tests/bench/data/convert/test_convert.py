"""Annotations and folders become images, masks and scenes: filled exactly, whole or not at all."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from pycocotools import mask as encoder

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.convert.coco import _region
from hourglass_bench.bench.data.convert.convert import import_data
from hourglass_bench.bench.data.dataset import read
from hourglass_bench.bench.data.folder.pairs import find_pairs
from hourglass_bench.bench.data.folder.scene_table import write_scene_table

HEIGHT, WIDTH = 40, 60
SQUARE = [10.0, 5.0, 30.0, 5.0, 30.0, 25.0, 10.0, 25.0]
"""Covers the pixels of rows 5 to 24 and columns 10 to 29."""


def square(top: int = 5, left: int = 10, side: int = 20) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def picture(path: Path, seed: int = 0) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def coco(source: Path, annotations: list[dict[str, Any]], names: tuple[str, ...] = ("cell", "dust")) -> Path:
    """A COCO file with the images a_0.png and b_0.png beside it, in images/."""
    for seed, stem in enumerate(("a_0", "b_0")):
        picture(source / "images" / f"{stem}.png", seed)
    content = {
        "images": [
            {"id": 7 + n, "file_name": f"{stem}.png", "height": HEIGHT, "width": WIDTH}
            for n, stem in enumerate(("a_0", "b_0"))
        ],
        "categories": [{"id": 3 * n + 2, "name": name} for n, name in enumerate(names)],
        "annotations": [{"id": number, **annotation} for number, annotation in enumerate(annotations)],
    }
    (source / "annotations.json").write_text(json.dumps(content))
    return source


def taken(source: Path, **flags: Any) -> dict[str, np.ndarray]:
    """Masks by stem, as the import writes them."""
    out = source.parent / "out"
    import_data(source, out, DataConfig(path=str(source), **flags))
    return {path.stem: np.asarray(Image.open(path)) for path in sorted(out.rglob("masks/*.png"))}


def of(image: int, category: int, segmentation: Any, **more: Any) -> dict[str, Any]:
    return {"image_id": 7 + image, "category_id": category, "segmentation": segmentation, **more}


def test_polygons_are_filled_and_images_without_objects_are_empty(tmp_path: Path) -> None:
    masks = taken(coco(tmp_path / "in", [of(0, 2, [SQUARE])], names=("cell",)))
    assert (masks["a_0"] == square()).all()
    assert not masks["b_0"].any()
    kept = np.asarray(Image.open(tmp_path / "out" / "images" / "b_0.png"))
    assert (kept == picture(tmp_path / "again.png", 1)).all()


def test_an_outline_of_two_points_is_no_box(tmp_path: Path) -> None:
    source = coco(tmp_path / "in", [of(0, 2, [[5.0, 5.0, 20.0, 20.0]]), of(1, 2, [SQUARE])], names=("cell",))
    out = tmp_path / "out"
    found = import_data(source, out, DataConfig(path=str(source)))
    assert found.refused == [f"{source / 'annotations.json'}: object 0 (cell) has no outline that covers an area."]
    assert not np.asarray(Image.open(out / "masks" / "a_0.png")).any()


def test_run_lengths_go_down_columns_and_begin_with_background(tmp_path: Path) -> None:
    flat = square(3, 50, 7).T.ravel()  # columns first
    changes = np.flatnonzero(np.diff(flat.astype(int))) + 1
    counts = np.diff(np.concatenate(([0], changes, [flat.size]))).tolist()
    masks = taken(coco(tmp_path / "in", [of(1, 2, {"counts": counts, "size": [HEIGHT, WIDTH]})], names=("cell",)))
    assert (masks["b_0"] == square(3, 50, 7)).all()


def test_crowds_are_ignored_where_no_object_lies(tmp_path: Path) -> None:
    wide = [0.0, 0.0, 40.0, 0.0, 40.0, 40.0, 0.0, 40.0]
    masks = taken(coco(tmp_path / "in", [of(0, 2, [SQUARE]), of(0, 2, [wide], iscrowd=1)], names=("cell",)))
    assert (masks["a_0"][square()] == 1).all()
    assert (masks["a_0"][:, :40][~square()[:, :40]] == 255).all()
    assert not masks["a_0"][:, 40:].any()


def test_several_labels_are_refused_until_one_is_chosen(tmp_path: Path) -> None:
    source = coco(tmp_path / "in", [of(0, 2, [SQUARE]), of(0, 5, [[40.0, 30.0, 50.0, 30.0, 50.0, 38.0, 40.0, 38.0]])])
    with pytest.raises(ValueError, match=r"tell 2 labels apart, cell \(1\), dust \(1\); .*--foreground LABEL"):
        taken(source)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match=r"must name labels of the annotations, cell \(1\), dust \(1\); got bone"):
        taken(source, foreground=("bone",))
    masks = taken(source, foreground=("cell",), ignore=("dust",))
    assert (masks["a_0"] == 1).sum() == 400
    assert (masks["a_0"] == 255).sum() == 80


def test_annotations_without_any_outline_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="in must hold objects with an outline, got none; .*object 0 .cell. has no"):
        taken(coco(tmp_path / "in", [of(0, 2, [])], names=("cell",)))


def test_every_label_can_be_foreground(tmp_path: Path) -> None:
    source = coco(tmp_path / "in", [of(0, 2, [SQUARE]), of(0, 5, [[40.0, 30.0, 50.0, 30.0, 50.0, 38.0, 40.0, 38.0]])])
    assert (taken(source, foreground=("all",))["a_0"] == 1).sum() == 480


def labelme(source: Path, shapes: list[dict[str, Any]], **more: Any) -> Path:
    picture(source / "a_0.jpg")
    content = {"imagePath": "a_0.jpg", "imageHeight": HEIGHT, "imageWidth": WIDTH, "shapes": shapes, **more}
    (source / "a_0.json").write_text(json.dumps(content))
    return source


def _bitmap(side: int) -> str:
    held = io.BytesIO()
    Image.fromarray(np.ones((side, side), bool)).save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode()


@pytest.mark.parametrize(
    ("shape", "covered"),
    [
        ({"shape_type": "polygon", "points": np.reshape(SQUARE, (4, 2)).tolist()}, square()),
        ({"shape_type": "rectangle", "points": [[30, 5], [10, 25]]}, square()),
        ({"shape_type": "mask", "points": [[10, 5], [29, 24]], "mask": _bitmap(20)}, square()),
    ],
    ids=["polygon", "rectangle", "mask"],
)
def test_shapes_of_labelme_cover_their_pixels(shape: dict[str, Any], covered: np.ndarray, tmp_path: Path) -> None:
    assert (taken(labelme(tmp_path / "in", [{"label": "cell", **shape}]))["a_0"] == covered).all()


def test_circles_cover_their_area_and_points_are_named(tmp_path: Path) -> None:
    shapes = [
        {"label": "cell", "shape_type": "circle", "points": [[30, 20], [30, 32]]},
        {"label": "cell", "shape_type": "point", "points": [[3, 3]]},
    ]
    source, out = labelme(tmp_path / "in", shapes), tmp_path / "out"
    found = import_data(source, out, DataConfig(path=str(source)))
    mask = np.asarray(Image.open(out / "masks" / "a_0.png"))
    assert mask.sum() == pytest.approx(np.pi * 12**2, rel=0.02)
    assert found.refused == [f"{source / 'a_0.json'}: a point (cell) covers no area."]


def test_an_image_may_lie_in_the_file_of_labelme(tmp_path: Path) -> None:
    source = labelme(tmp_path / "in", [{"label": "cell", "points": np.reshape(SQUARE, (4, 2)).tolist()}])
    image = source / "a_0.jpg"
    content = json.loads((source / "a_0.json").read_text())
    content["imageData"] = base64.encodebytes(image.read_bytes()).decode()  # in lines
    (source / "a_0.json").write_text(json.dumps(content))
    expected = image.read_bytes()
    image.unlink()
    assert (taken(source)["a_0"] == square()).all()
    assert (tmp_path / "out" / "images" / "a_0.jpg").read_bytes() == expected


@pytest.mark.parametrize(
    "shape",
    [
        '<polygon label="cell" points="10,5;30,5;30,25;10,25"/>',
        '<box label="cell" xtl="10" ytl="5" xbr="30" ybr="25"/>',
        '<box label="cell" xtl="5" ytl="10" xbr="35" ybr="20" rotation="90"/>',
        '<mask label="cell" rle="21,2,38,359" left="9" top="5" width="21" height="20"/>',
    ],
)
def test_shapes_of_cvat_cover_their_pixels(shape: str, tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a_0.png")
    (tmp_path / "in" / "annotations.xml").write_text(
        f'<annotations><image id="0" name="a_0.png" width="{WIDTH}" height="{HEIGHT}">{shape}</image></annotations>'
    )
    mask = taken(tmp_path / "in")["a_0"].astype(bool)
    if "rle" in shape:  # in the box of 20 rows and 21 columns: two pixels of the second row, all after the third
        expected = np.zeros((20, 21), bool).ravel()
        expected[21:23], expected[61:] = True, True
        assert (mask[5:25, 9:30] == expected.reshape(20, 21)).all()
    elif "rotation" in shape:
        expected = np.zeros((HEIGHT, WIDTH), bool)
        expected[0:30, 15:25] = True
        assert (mask == expected).all()
    else:
        assert (mask == square()).all()


def test_a_turned_ellipse_of_cvat_covers_its_pixels(tmp_path: Path) -> None:
    """Clockwise, as one looks at the image: of a flat one its right end goes down."""
    picture(tmp_path / "in" / "a_0.png")
    (tmp_path / "in" / "annotations.xml").write_text(
        f'<annotations><image id="0" name="a_0.png" width="{WIDTH}" height="{HEIGHT}">'
        '<ellipse label="cell" cx="30" cy="20" rx="16" ry="3" rotation="45"/></image></annotations>'
    )
    mask = taken(tmp_path / "in")["a_0"].astype(bool)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5 - np.array([20, 30])[:, None, None]
    inside = ((x + y) / 2**0.5 / 16) ** 2 + ((y - x) / 2**0.5 / 3) ** 2 <= 1
    assert (mask & inside).sum() / (mask | inside).sum() > 0.85


def test_roles_of_the_annotation_files_are_kept(tmp_path: Path) -> None:
    for role in ("train", "valid", "test"):
        folder = coco(tmp_path / "in" / role, [of(0, 2, [SQUARE])], names=("cell",))
        (folder / "annotations.json").rename(folder / "_annotations.coco.json")
    taken(tmp_path / "in")
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("a_0.png"))
    assert written == [f"{role}/{kind}/a_0.png" for role in ("test", "train", "val") for kind in ("images", "masks")]


@pytest.mark.parametrize("layout", ["{role}/{kind}", "{kind}/{role}"])
def test_roles_of_folders_are_kept(layout: str, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for seed, role in enumerate(("train", "valid", "test")):
        for stem in ("a_0", "b_0"):
            picture(source / layout.format(role=role, kind="images") / f"{stem}.png", seed)
            mask = source / layout.format(role=role, kind="masks") / f"{stem}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(square(seed).astype(np.uint8) * 255).save(mask)
    stems = [f"{role}/{stem}" for role in ("train", "val", "test") for stem in ("a_0", "b_0")]
    write_scene_table(source / "scenes.csv", stems, [stem[-3] for stem in stems])
    import_data(source, out, DataConfig(path=str(source)))
    before, after = (find_pairs(DataConfig(path=str(folder))).pairs for folder in (source, out))
    assert [(pair.stem, pair.scene, pair.role) for pair in after] == [
        (pair.stem, pair.scene, pair.role) for pair in before
    ]
    assert {pair.role for pair in after} == {"train", "val", "test"}
    assert (out / "val" / "images" / "a_0.png").is_file()
    assert (np.asarray(Image.open(out / "val" / "masks" / "a_0.png")) > 0).sum(0).max() == 20


def _pages_of_a_palette(path: Path) -> None:
    pages = [Image.new("P", (WIDTH, HEIGHT), colour) for colour in (0, 1)]
    for page in pages:
        page.putpalette([200, 30, 10, 5, 90, 250])
    pages[0].save(path, save_all=True, append_images=pages[1:])


def _turn(turn: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    return exif


def _upside_down(path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=_turn(3))


@pytest.mark.parametrize(("write", "pages", "turn"), [(_pages_of_a_palette, 2, 1), (_upside_down, 1, 3)])
def test_images_are_read_as_before(write: Callable[[Path], None], pages: int, turn: int, tmp_path: Path) -> None:
    """Though each becomes a file of its own, beside a mask that is upright."""
    source, out = tmp_path / "in", tmp_path / "out"
    for kind in ("images", "masks"):
        (source / kind).mkdir(parents=True)
    write(source / "images" / "a.tif")
    masks = [Image.fromarray(square(5 + page).astype(np.uint8) * 255) for page in range(pages)]
    masks[0].save(source / "masks" / "a.tif", save_all=True, append_images=masks[1:], exif=_turn(turn))
    import_data(source, out, DataConfig(path=str(source)))
    before, after = (read(DataConfig(path=str(folder), size=(HEIGHT, WIDTH))).frames for folder in (source, out))
    assert after.stems == before.stems
    np.testing.assert_array_equal(after.images, before.images)
    np.testing.assert_array_equal(after.masks, before.masks)


def _no_image(source: Path) -> None:
    (source / "images" / "a_0.png").unlink()


def _no_category(source: Path) -> None:
    content = json.loads((source / "annotations.json").read_text())
    content["categories"] = []
    (source / "annotations.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_no_image, r"annotations.json speaks of the image a_0.png, which must lie once beside it or below, got none"),
        (_no_category, r"annotations.json must be COCO's JSON, got an entry without 2"),
        (lambda source: (source / "annotations.json").write_text("{"), r"annotations.json must be a JSON file, got"),
    ],
)
def test_what_cannot_be_taken_is_refused_whole(spoil: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    source = coco(tmp_path / "in", [of(0, 2, [SQUARE])])
    spoil(source)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=message):
        taken(source)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_image_of_another_size_is_not_taken(tmp_path: Path) -> None:
    source, out = coco(tmp_path / "in", [of(0, 2, [SQUARE])], names=("cell",)), tmp_path / "out"
    Image.new("RGB", (WIDTH // 2, HEIGHT)).save(source / "images" / "a_0.png")
    found = import_data(source, out, DataConfig(path=str(source)))
    assert found.frames == 1
    assert "a_0.png has 30x40 pixels, its annotations speak of 60x40" in found.refused[0]
    assert not (out / "images" / "a_0.png").exists()


def test_folders_in_the_way_are_refused(tmp_path: Path, refused: Callable[[Any, str], str]) -> None:
    coco(tmp_path / "in", [of(0, 2, [SQUARE])], names=("cell",))
    assert "--out must be a new or empty folder, got in" in refused(main, "data import in --out in")
    assert "--out must be a folder in one that exists, got a/b" in refused(main, "data import in --out a/b")
    assert "there must be a folder or an annotation file, got none there." in refused(
        main, "data import there --out out"
    )


def test_the_command_tells_what_it_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = coco(tmp_path / "in", [of(0, 2, [SQUARE]), of(1, 2, [])], names=("cell",))
    assert main(["data", "import", str(source), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "2 frames; foreground: objects of cell" in said
    assert "object 1 (cell) has no outline that covers an area" in said
    assert main(["data", "import", str(source), "--out", str(tmp_path / "more"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 2


@pytest.mark.parametrize("packed", [False, True], ids=["numbers", "text"])
def test_runs_of_coco_cover_what_its_own_tools_say(packed: bool, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for share in (0.0, 0.02, 0.5, 0.98, 1.0):
        mask = draw.random((37, 53)) < share
        text = encoder.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()
        changes = np.flatnonzero(np.diff(mask.ravel(order="F"), prepend=False))
        numbers = np.diff(changes, prepend=0, append=mask.size).tolist()
        region = _region({"counts": text if packed else numbers, "size": [37, 53]})
        np.testing.assert_array_equal(region.cover((37, 53)), mask)

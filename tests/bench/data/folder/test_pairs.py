"""Reading a folder as dirty as real ones, and refusing what cannot be meant."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.dataset import load, read
from hourglass_bench.bench.data.folder.pairs import Pair, find_pairs
from hourglass_bench.bench.data.synthetic import generate


def write(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four scenes of two frames, 20 wide and 30 high, the upper half foreground."""
    rng = np.random.default_rng(0)
    root = tmp_path / "data"
    for scene in range(4):
        for frame in range(2):
            mask = np.zeros((30, 20), np.uint8)
            mask[:15] = 255
            write(root / "images" / f"{scene}_{frame}.png", rng.integers(0, 256, (30, 20, 3), dtype=np.uint8))
            write(root / "masks" / f"{scene}_{frame}.png", mask)
    return root


def config(folder: Path, folds: int = 3) -> DataConfig:
    return DataConfig(path=str(folder), size=(32, 16), folds=folds)


def pairs_of(folder: Path, pattern: str = "") -> tuple[Pair, ...]:
    return find_pairs(DataConfig(path=str(folder), scene_pattern=pattern)).pairs


def test_frames_have_the_asked_size_and_scenes_come_from_the_stem(folder: Path) -> None:
    frames = read(config(folder)).frames
    assert frames.images.shape == (8, 32, 16, 3)
    assert frames.masks.shape == (8, 32, 16)
    assert frames.scenes == ("0", "0", "1", "1", "2", "2", "3", "3")
    assert (frames.masks[:, :15] == 255).all()
    assert (frames.masks[:, 17:] == 0).all()


def test_mask_one_row_taller_is_cropped_and_modes_are_read(folder: Path) -> None:
    tall = np.zeros((31, 20), np.uint8)
    tall[:15] = 255
    write(folder / "masks" / "0_0.png", tall)
    write(folder / "masks" / "1_0.png", tall[:30], "1")
    write(folder / "masks" / "2_0.png", np.stack([tall[:30]] * 3, axis=-1))
    masks = read(config(folder)).frames.masks
    for index in (0, 2, 4):
        assert (masks[index] == masks[1]).all()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "masks/0_0.png",
            np.zeros((32, 20), np.uint8),
            "0_0.png must have the size of its image .*, got 20x32 against 20x30",
        ),
        ("images/0_0.jpg", np.zeros((30, 20, 3), np.uint8), "one file per stem, got images/0_0.jpg and images/0_0.png"),
        ("images/0_0.png", b"no image", r"images/0_0.png must be a readable image"),
    ],
)
def test_a_file_that_cannot_be_meant_is_named(name: str, content: Any, message: str, folder: Path) -> None:
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        write(folder / name, content)
    with pytest.raises(ValueError, match=message):
        read(config(folder))


def test_what_has_no_partner_is_named_and_left_out_or_refused(folder: Path) -> None:
    (folder / "masks" / "1_1.png").unlink()
    (folder / "images" / "3_0.png").unlink()
    found = find_pairs(config(folder))
    assert [pair.stem for pair in found.pairs] == ["0_0", "0_1", "1_0", "2_0", "2_1", "3_1"]
    assert found.unlabelled == ("1_1",)
    assert found.without_image == ("masks/3_0.png",)
    with pytest.raises(ValueError, match=r"\(--require-all\); without: images/1_1.png, masks/3_0.png"):
        find_pairs(DataConfig(path=str(folder), require_all=True))


def test_no_pair_lists_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.png", np.zeros((4, 4, 3), np.uint8))
    write(tmp_path / "masks" / "b.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(
        ValueError, match="1 images and 1 masks, without a partner: images/a.png, masks/b.png; known are"
    ):
        pairs_of(tmp_path)


def test_original_sizes_are_those_before_resizing(folder: Path, tmp_path: Path) -> None:
    write(folder / "masks" / "0_1.png", np.full((31, 20), 255, np.uint8))
    for kind in ("images", "masks"):
        with Image.open(folder / kind / "3_0.png") as image:
            image.resize((50, 44)).save(folder / kind / "3_0.png")
    expected = [[30, 20]] * 6 + [[44, 50], [30, 20]]
    assert read(config(folder)).frames.original_sizes.tolist() == expected
    for _ in range(2):
        assert load(config(folder), tmp_path / "cache").frames.original_sizes.tolist() == expected
    drawn = generate(scenes=2, frames_per_scene=1, size=(24, 16), seed=0)
    assert drawn.original_sizes.tolist() == [[24, 16]] * 2


def test_scene_pattern_and_table(folder: Path) -> None:
    assert {pair.scene for pair in pairs_of(folder, r"_(\d)$")} == {"0", "1"}
    with pytest.raises(ValueError, match="data.scene_pattern must find one group in every stem, got 'x' for '0_0'"):
        pairs_of(folder, "x")
    with pytest.raises(ValueError, match=r"data.scene_pattern must be a regular expression, got '\('"):
        pairs_of(folder, "(")
    rows = [f"{scene}_{frame},{'left' if scene < 2 else 'right'}" for scene in range(4) for frame in range(2)]
    (folder / "scenes.csv").write_text("\n".join(["stem,scene", *rows]))
    assert {pair.scene for pair in pairs_of(folder)} == {"left", "right"}
    (folder / "scenes.csv").write_text("stem,scene\n0_0,left")
    with pytest.raises(ValueError, match=r"scenes.csv must name the scene of every stem, got none for '0_1'"):
        pairs_of(folder)


def test_stem_without_underscore_is_its_own_scene(tmp_path: Path) -> None:
    for stem in ("a", "b"):
        write(tmp_path / "images" / f"{stem}.png", np.zeros((4, 4, 3), np.uint8))
        write(tmp_path / "masks" / f"{stem}.png", np.full((4, 4), 255, np.uint8))
    assert [pair.scene for pair in pairs_of(tmp_path)] == ["a", "b"]

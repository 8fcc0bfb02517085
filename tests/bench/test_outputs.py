"""What is written takes the place of no input, by whatever name or link it is reached."""

import os
from pathlib import Path

import pytest

from hourglass_bench.bench import outputs
from hourglass_bench.bench.outputs import require_file_apart, require_folders_apart

HELD = "holds none of the images and masks, got "


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "walk" / "a.png"
    path.parent.mkdir(parents=True)
    path.touch()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "b.png").symlink_to(path)
    return path


@pytest.mark.parametrize("folder", ["photos", "photos/walk", "link", "link/walk", "empty/../photos", "."])
def test_a_folder_around_an_input_is_refused(folder: str, image: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=HELD):
        require_folders_apart("--out", [tmp_path / folder], [image])


def test_a_folder_is_refused_for_a_link_in_it_and_for_what_it_leads_to(image: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked" / "b.png"
    for folder in ("linked", "photos"):
        with pytest.raises(ValueError, match=rf"{HELD}.*/{folder}, where {link} is read"):
            require_folders_apart("--out", [tmp_path / folder], [link])


@pytest.mark.parametrize("folder", ["empty", "new", "photos/new", "linked"])
def test_another_folder_is_free(folder: str, image: Path, tmp_path: Path) -> None:
    require_folders_apart("--out", [tmp_path / folder], [image])


def test_a_file_is_refused_beside_an_input_and_free_above_it(image: Path, tmp_path: Path) -> None:
    for name in ("photos/walk/a.png", "photos/walk/new.png", "link/walk/new.png"):
        with pytest.raises(ValueError, match=f"--sheet must be a place that {HELD}"):
            require_file_apart("--sheet", tmp_path / name, [image])
    for name in ("photos/new.png", "new.png", "new/new.png"):
        require_file_apart("--sheet", tmp_path / name, [image])


def test_one_folder_by_another_spelling_of_a_file_system_without_case(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a Mac's: both names have one inode, and neither is a link."""
    stat = Path.stat

    def without_case(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        return stat(Path(str(path).replace("PHOTOS", "photos")), follow_symlinks=follow_symlinks)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", without_case)
        with pytest.raises(ValueError, match=HELD):
            require_folders_apart("--out", [tmp_path / "PHOTOS"], [image])


def test_each_folder_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for each scene is usual: looking at all of them for each of them took minutes."""
    images = [tmp_path / "photos" / str(scene) / f"{name}.png" for scene in range(30) for name in "abc"]
    for image in images:
        image.parent.mkdir(parents=True, exist_ok=True)
        image.touch()
    looked: list[Path] = []
    identity = outputs._identity

    def look(folder: Path) -> outputs.Identity | None:
        looked.append(folder)
        return identity(folder)

    monkeypatch.setattr(outputs, "_identity", look)
    require_folders_apart("--out", [tmp_path / "masks" / str(scene) for scene in range(30)], images)
    assert len(looked) == 2 * 30 + len(images[0].parent.parents)

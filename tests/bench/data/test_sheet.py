"""The contact sheet: what it shows, where, and how it is written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.sheet import contact_sheet


def _frames(scenes: int, per_scene: int, size: tuple[int, int] = (20, 30)) -> Frames:
    """Frames whose red is the scene and whose green is the frame number; the mask is 200 everywhere."""
    count = scenes * per_scene
    images = np.zeros((count, *size, 3), dtype=np.uint8)
    images[..., 0] = np.repeat(np.arange(scenes), per_scene)[:, None, None]
    images[..., 1] = np.tile(np.arange(per_scene), scenes)[:, None, None]
    names = tuple(f"{s:05d}" for s in range(scenes) for _ in range(per_scene))
    stems = tuple(f"{s:05d}_{f:04d}" for s in range(scenes) for f in range(per_scene))
    return Frames(stems, names, images, np.full((count, *size), 200, dtype=np.uint8), np.full((count, 2), size))


def _read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_rows_are_scenes_and_columns_are_frames(tmp_path: Path) -> None:
    contact_sheet(_frames(2, 3), tmp_path / "sheet.png")
    sheet = _read(tmp_path / "sheet.png")
    assert sheet.shape == (2 * 44 + 2, 3 * 32 + 2, 3)
    for scene in range(2):
        for frame in range(3):
            top, left = scene * 44 + 2, frame * 32 + 2
            assert (sheet[top : top + 20, left : left + 30] == (scene, frame, 0)).all()
            assert (sheet[top + 20 : top + 40, left : left + 30] == 200).all()


def test_long_scenes_are_spread_from_first_to_last(tmp_path: Path) -> None:
    contact_sheet(_frames(30, 50), tmp_path / "sheet.png", columns=3)
    sheet = _read(tmp_path / "sheet.png")
    assert sheet.shape == (12 * 44 + 2, 3 * 32 + 2, 3)
    assert sheet[12, 2 + 5 :: 32, 1].tolist()[:3] == [0, 24, 49]
    scenes = sheet[12::44, 7, 0].tolist()
    assert scenes[0] == 0
    assert scenes[-1] == 29
    assert scenes == sorted(set(scenes))


def test_one_column_shows_the_first_frame(tmp_path: Path) -> None:
    contact_sheet(_frames(1, 5), tmp_path / "sheet.png", columns=1)
    assert _read(tmp_path / "sheet.png")[5, 5].tolist() == [0, 0, 0]


def test_uneven_scenes_leave_blank_cells(tmp_path: Path) -> None:
    whole = _frames(2, 3)
    uneven = Frames(*(values[:4] for values in whole[:5]))
    contact_sheet(uneven, tmp_path / "sheet.png")
    sheet = _read(tmp_path / "sheet.png")
    assert len(np.unique(sheet[46:86, 34:64])) == 1


@pytest.mark.parametrize("size", [(20, 30), (200, 300)])
def test_ignored_pixels_have_a_colour_of_their_own(tmp_path: Path, size: tuple[int, int]) -> None:
    height, width = size
    frames = _frames(1, 1, size)
    ignored = np.zeros(frames.masks.shape, bool)
    ignored[:, : height // 2] = True
    contact_sheet(frames._replace(ignored=ignored), tmp_path / "sheet.png")
    cell = _read(tmp_path / "sheet.png")[2:-4, 2:-2]
    shown = cell[len(cell) // 2 :]
    red, _, blue = shown[: len(shown) // 3, :, :].reshape(-1, 3).T.astype(int)
    assert (blue - red > 40).all()
    assert (shown[2 * len(shown) // 3 :] == 200).all()


def test_large_frames_are_shrunk(tmp_path: Path) -> None:
    contact_sheet(_frames(1, 1, (300, 200)), tmp_path / "sheet.png")
    assert _read(tmp_path / "sheet.png").shape == (2 * 100 + 6, 67 + 4, 3)


def test_a_failed_write_keeps_the_old_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sheet.png"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", refuse)
        with pytest.raises(OSError, match="disk full"):
            contact_sheet(_frames(1, 1), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    contact_sheet(_frames(1, 1), path)
    assert _read(path).shape[2] == 3
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"frames must hold at least 1 frame, got 0\."):
        contact_sheet(_frames(0, 0), tmp_path / "sheet.png")
    with pytest.raises(ValueError, match=r"columns must be at least 1, got 0\."):
        contact_sheet(_frames(1, 1), tmp_path / "sheet.png", columns=0)
    assert list(tmp_path.iterdir()) == []

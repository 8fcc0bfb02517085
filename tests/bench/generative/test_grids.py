"""Pictures in rows and columns, as files."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.generative.grids import (
    GAP,
    LEAST_WIDTH,
    PAPER,
    Grid,
    interpolation_grid,
    reconstruction_grid,
    sample_grid,
    save_grid,
    traversal_grid,
)


def pictures(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture)


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize(("width", "scale"), [(100, 1), (96, 1), (64, 2), (32, 3), (40, 3)])
def test_pictures_stand_in_their_places_enlarged_by_whole_factors(
    tmp_path: Path, channels: tuple[int, ...], width: int, scale: int
) -> None:
    grid = pictures(2, 3, 10, width, *channels)
    save_grid(Grid(grid), tmp_path / "grid.png")
    sheet = read(tmp_path / "grid.png")
    height, wide = 10 * scale + GAP, width * scale + GAP
    assert width * scale >= LEAST_WIDTH
    assert sheet.shape == (2 * height + GAP, 3 * wide + GAP, *channels)
    for row, column in np.ndindex(2, 3):
        top, left = row * height + GAP, column * wide + GAP
        tile = sheet[top : top + 10 * scale, left : left + width * scale]
        assert (tile[::scale, ::scale] == grid[row, column]).all()
        assert (tile[scale - 1 :: scale, scale - 1 :: scale] == grid[row, column]).all()
    assert (sheet[:GAP] == PAPER).all()
    assert (sheet[:, -GAP:] == PAPER).all()
    assert (sheet[height : height + GAP] == PAPER).all()


@pytest.mark.parametrize("channels", [(), (3,)])
def test_names_stand_beside_rows_and_above_columns_and_cover_no_picture(
    tmp_path: Path, channels: tuple[int, ...]
) -> None:
    grid = pictures(2, 3, 100, 100, *channels)
    save_grid(Grid(grid), tmp_path / "plain.png")
    save_grid(Grid(grid, rows=("", "wide name"), columns=("a", "", "c")), tmp_path / "named.png")
    plain, named = read(tmp_path / "plain.png"), read(tmp_path / "named.png")
    top, left = named.shape[0] - plain.shape[0], named.shape[1] - plain.shape[1]
    assert (named[top:, left:] == plain).all()
    ink = named.reshape(*named.shape[:2], -1).min(axis=2) < 100
    assert not ink[:, :left][: top + 100].any()
    assert ink[top + 100 :, :left].any()
    assert not ink[top + 100 :, 0].any()  # nothing is cut off
    places = [ink[:top, left + column * 102 : left + (column + 1) * 102] for column in range(3)]
    assert [place.any() for place in places] == [True, False, True]


def test_failing_to_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Image.Image, path: Path, **__: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_grid(Grid(pictures(1, 1, 4, 4)), tmp_path / "grid.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (5, 2, 3), (7, 3, 3), (64, 8, 8)])
def test_samples_fill_a_square_row_by_row(count: int, rows: int, columns: int) -> None:
    samples = pictures(count, 4, 5, 3)
    filled = sample_grid(samples).pictures
    assert filled.shape == (rows, columns, 4, 5, 3)
    assert (filled.reshape(-1, 4, 5, 3)[:count] == samples).all()
    assert (filled.reshape(-1, 4, 5, 3)[count:] == PAPER).all()


def test_every_grid_names_what_it_shows() -> None:
    originals, decoded = pictures(2, 3, 8, 8)
    grid = reconstruction_grid(originals, decoded)
    assert grid.rows == ("original", "decoded")
    assert (grid.pictures[1] == decoded).all()

    ways = pictures(3, 5, 8, 8)
    grid = interpolation_grid(originals, ways, decoded)
    assert grid.columns == ("from", "0", "0.25", "0.5", "0.75", "1", "to")
    assert (grid.pictures[:, 0] == originals).all()
    assert (grid.pictures[:, 1:-1] == ways).all()
    assert (grid.pictures[:, -1] == decoded).all()

    grid = traversal_grid(originals[0], ways, [7, 0, 12], (-2.5, -1.25, 0, 1.25, 2.5))
    assert grid.rows == ("latent 7", "latent 0", "latent 12")
    assert grid.columns == ("frame", "-2.5 sd", "-1.2 sd", "mean", "+1.2 sd", "+2.5 sd")
    assert (grid.pictures[:, 0] == originals[0]).all()
    assert (grid.pictures[:, 1:] == ways).all()

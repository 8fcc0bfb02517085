"""Thumbnails, and which of them is nearest."""

import numpy as np
import pytest

from hourglass_bench.bench.data import neighbours
from hourglass_bench.bench.data.neighbours import distance, nearest, thumbnails


def test_thumbnails_are_means_over_areas_in_rows_columns_and_colours() -> None:
    images = np.zeros((2, 64, 96, 3), np.uint8)
    images[1, :2, :3, 0] = 255
    images[1, :1, 3:6, 2] = 255
    thumbs = thumbnails(images).reshape(2, 32, 32, 3)
    assert thumbs.dtype == np.float32
    assert (thumbs[0] == 0).all()
    assert thumbs[1, 0, 0].tolist() == [1, 0, 0]
    assert thumbs[1, 0, 1] == pytest.approx([0, 0, 0.5], abs=1 / 255)
    assert thumbs[1].sum() == pytest.approx(1.5, abs=1 / 255)


def test_nearest_agrees_with_comparing_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    queries, references = (rng.random((count, 12), dtype=np.float32) for count in (7, 5))
    monkeypatch.setattr(neighbours, "_CHUNK", 3)
    index, apart = nearest(queries, references)
    table = np.sqrt(((queries[:, None].astype(float) - references) ** 2).mean(axis=2))
    assert index.tolist() == table.argmin(axis=1).tolist()
    assert apart == pytest.approx(table.min(axis=1))


def test_equal_rows_are_at_distance_zero_and_opposite_ones_at_one() -> None:
    thumbs = thumbnails(np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3), dtype=np.uint8))
    index, apart = nearest(thumbs[::-1], thumbs)
    assert index.tolist() == [3, 2, 1, 0]
    assert apart.tolist() == [0, 0, 0, 0]
    assert distance(np.zeros((1, 6), np.float32), np.ones((1, 6), np.float32)).tolist() == [1]

"""Frames at another size: labels by exact areas, whose share is kept, and the way back."""

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.frames import is_foreground
from hourglass_bench.bench.data.resizing.boxes import Fit, Size, choose_fit, find_boxes, pixel_sizes
from hourglass_bench.bench.data.resizing.coverage import STRIP, area_sums, keep_share
from hourglass_bench.bench.data.resizing.fit import (
    BORDER,
    Labels,
    fit_frame,
    fit_image,
    fit_labels,
    keeping_size,
    undo_fit,
)

FITS: tuple[Fit, ...] = ("squash", "letterbox", "crop")


def hard(drawn: NDArray[np.bool_], ignored: NDArray[np.bool_] | None = None) -> Labels:
    nothing = np.zeros(drawn.shape, np.bool_)
    return Labels(drawn.astype(np.uint8) * 255, nothing if ignored is None else ignored, soft=False)


def blob(height: int, width: int, top: float, left: float, radius: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[:height, :width]
    return np.asarray((y - top) ** 2 + (1.5 * (x - left)) ** 2 < radius**2)


def crack(height: int, width: int, seed: int) -> NDArray[np.bool_]:
    """A line of two pixels from top to bottom."""
    middle = width // 2 + np.cumsum(np.random.default_rng(seed).normal(0, 1.2, height)).astype(int)
    x = np.arange(width)
    return np.asarray((x >= middle[:, None]) & (x < middle[:, None] + 2))


def bilinear(picture: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def brute_sums(marked: NDArray[np.bool_], size: Size) -> list[list[Fraction]]:
    """Pixel by pixel, as fractions of a pixel's area."""
    (height, width), (rows, columns) = marked.shape, size
    sums = [[Fraction(0)] * columns for _ in range(rows)]

    def overlap(cell: int, cells: int, pixel: int, pixels: int) -> Fraction:
        ends = min(Fraction((cell + 1) * pixels, cells), Fraction(pixel + 1))
        return max(Fraction(0), ends - max(Fraction(cell * pixels, cells), Fraction(pixel)))

    for y, x in np.argwhere(marked).tolist():
        for row in range(rows):
            for column in range(columns):
                sums[row][column] += overlap(row, rows, y, height) * overlap(column, columns, x, width)
    return sums


@pytest.mark.parametrize(
    ("height", "width", "size"), [(12, 9, (4, 3)), (11, 7, (4, 5)), (3, 5, (7, 10)), (5, 5, (5, 5))]
)
def test_areas_are_exact(height: int, width: int, size: Size) -> None:
    marked = np.random.default_rng(height).random((height, width)) < 0.4
    expected = np.array(brute_sums(marked, size)) * size[0] * size[1]
    assert area_sums(marked, size).tolist() == expected.tolist()


def test_areas_of_large_masks_are_added_up_in_strips() -> None:
    marked = np.random.default_rng(0).random((2 * STRIP + 100, 30)) < 0.4
    rows = area_sums(marked, (len(marked) // 100, 3))
    whole = marked.T.astype(np.int64)
    by_row = np.repeat(whole, rows.shape[0], axis=1).reshape(30, rows.shape[0], -1).sum(axis=2)
    assert np.array_equal(rows, 3 * by_row.reshape(3, 10, -1).sum(axis=1).T)


@pytest.mark.parametrize("size", [(64, 64), (33, 47), (24, 128), (192, 256), (200, 150)])
@pytest.mark.parametrize("seed", range(4))
def test_the_share_is_kept_to_half_a_pixel(size: Size, seed: int) -> None:
    draw = np.random.default_rng(seed)
    for drawn in (crack(96, 128, seed), blob(96, 128, *draw.uniform(30, 60, 2), 20), draw.random((96, 128)) < 0.02):
        fitted = fit_labels(hard(drawn), size, "squash")
        assert set(np.unique(fitted.mask)) == {0, 255}
        assert not fitted.ignored.any()
        assert abs((fitted.mask > 0).sum() - drawn.mean() * size[0] * size[1]) <= 0.5


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("inverse", [False, True])
def test_a_straight_thin_line_keeps_its_share_over_its_whole_length(across: bool, inverse: bool) -> None:
    """All of its cells are equally covered, so that no threshold can tell them apart."""
    drawn = np.zeros((256, 256), np.bool_)
    drawn[:, 100:102] = True
    mask = fit_labels(hard((drawn.T if across else drawn) ^ inverse), (32, 32), "squash").mask
    line = np.argwhere((mask > 0) ^ inverse)
    along, beside = (line[:, 1], line[:, 0]) if across else (line[:, 0], line[:, 1])
    assert set(beside) == {12}
    assert len(along) == 8
    assert np.diff(np.sort(along)).tolist() == [4] * 7


def test_the_most_covered_cells_are_kept() -> None:
    coverage = np.array([0.2, 1.0, 0.3, 0.0, 0.9, 0.6])
    assert np.flatnonzero(keep_share(coverage)).tolist() == [1, 4, 5]


@pytest.mark.parametrize(("coverage", "kept"), [([0, 0, 0], 0), ([0.01, 0, 0], 1), ([1, 1, 0.99], 2), ([1, 1, 1], 3)])
def test_what_is_there_stays_there(coverage: list[float], kept: int) -> None:
    assert keep_share(np.array(coverage, np.float64)).sum() == kept


@pytest.mark.parametrize("size", [(64, 64), (48, 48), (31, 57)])
def test_a_blob_is_what_the_half_threshold_made_of_it(size: Size) -> None:
    drawn = blob(200, 260, 90, 120, 60)
    old, new = bilinear(hard(drawn).foreground, size) >= 128, fit_labels(hard(drawn), size, "squash").mask > 0
    assert (old & new).sum() / (old | new).sum() > 0.97


@pytest.mark.parametrize("fit", FITS)
def test_at_their_own_size_frames_stay_as_they_are(fit: Fit) -> None:
    draw = np.random.default_rng(0)
    image = draw.integers(0, 256, (40, 56, 3), np.uint8)
    drawn, ignored = draw.random((40, 56)) < 0.3, draw.random((40, 56)) < 0.1
    fitted = fit_frame(image, hard(drawn, ignored), (40, 56), fit)
    assert np.array_equal(fitted.image, image)
    assert np.array_equal(fitted.mask, np.where(drawn & ~ignored, 255, 0))
    assert np.array_equal(fitted.ignored, ignored)
    assert fitted.lost == 0
    soft = Labels(draw.integers(0, 256, (40, 56), np.uint8), np.zeros((40, 56), np.bool_), soft=True)
    assert np.array_equal(fit_labels(soft, (40, 56), fit).mask, soft.foreground)


def test_soft_masks_and_images_are_resized_as_ever() -> None:
    draw = np.random.default_rng(0)
    image, alpha = draw.integers(0, 256, (61, 83, 3), np.uint8), draw.integers(0, 256, (61, 83), np.uint8)
    fitted = fit_frame(image, Labels(alpha, np.zeros(alpha.shape, np.bool_), soft=True), (32, 40), "squash")
    assert np.array_equal(fitted.image, bilinear(image, (32, 40)))
    assert np.array_equal(fitted.mask, bilinear(alpha, (32, 40)))


def test_a_cell_is_ignored_where_half_of_it_is_and_else_decided_by_what_counts() -> None:
    drawn, ignored = np.zeros((4, 16), np.bool_), np.zeros((4, 16), np.bool_)
    drawn[:, :4] = True  # foreground
    drawn[:2, 4:8], ignored[2:, 4:8] = True, True  # half ignored
    drawn[:3, 8:12], ignored[3:, 8:12] = True, True  # a quarter ignored, all else foreground
    ignored[3:, 12:] = True  # a quarter ignored, all else background
    drawn &= ~ignored
    fitted = fit_labels(hard(drawn, ignored), (1, 4), "squash")
    assert fitted.ignored.tolist() == [[False, True, False, False]]
    assert fitted.mask.tolist() == [[255, 0, 255, 0]]
    assert fitted.lost == 0


def test_coverage_is_of_what_counts() -> None:
    """Three of four pixels are foreground in both cells, and the fourth of the first counts nowhere."""
    drawn, ignored = np.ones((1, 8), np.bool_), np.zeros((1, 8), np.bool_)
    drawn[0, 3], ignored[0, 3], drawn[0, 7] = False, True, False
    assert fit_labels(hard(drawn, ignored), (1, 2), "squash").mask.tolist() == [[255, 0]]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("marked", [False, True])
def test_an_ignored_ring_never_becomes_foreground(soft: bool, marked: bool) -> None:
    """Whatever the mask says there: cells that hold nothing but ring and background are background or ignored."""
    outer, inner = blob(96, 128, 48, 64, 40), blob(96, 128, 48, 64, 37)
    foreground = np.where(outer if marked else inner, 255, 0).astype(np.uint8)
    for size in ((96, 128), (48, 48), (12, 16)):
        fitted = fit_labels(Labels(foreground, outer & ~inner, soft), size, "squash")
        assert not (fitted.mask[area_sums(inner, size) == 0] >= 128).any()
        assert not fitted.mask[fitted.ignored].any()


def test_what_is_lost_is_the_foreground_under_background() -> None:
    drawn = crack(256, 256, seed=3)
    mask, _, lost = fit_labels(hard(drawn), (32, 32), "squash")
    under = np.kron(mask == 0, np.ones((8, 8), np.bool_))
    assert lost == pytest.approx((drawn & under).sum() / drawn.sum())
    assert lost > 0.5
    assert fit_labels(hard(blob(256, 256, 120, 130, 70)), (64, 64), "squash").lost < 0.03
    assert fit_labels(hard(np.zeros((64, 64), np.bool_)), (16, 16), "squash").lost == 0


def test_the_size_that_keeps_a_line_is_found() -> None:
    straight = np.zeros((512, 512), np.bool_)
    straight[:, 100:104] = True
    assert keeping_size(hard(straight), (32, 32), "squash") == (128, 128)
    assert keeping_size(hard(crack(512, 512, 0)), (64, 64), "squash") == (512, 512)
    assert keeping_size(hard(crack(300, 300, 0)), (64, 64), "squash") == (300, 300)  # not beyond the frame's own


@pytest.mark.parametrize(
    ("sizes", "fit"),
    [
        ([(96, 128)], "squash"),
        ([(96, 128), (300, 400)], "squash"),
        ([(100, 100), (105, 100)], "squash"),
        ([(100, 100), (106, 100)], "letterbox"),
        ([(100, 103), (103, 100)], "letterbox"),
    ],
)
def test_auto_squashes_where_all_have_one_aspect_ratio(sizes: list[Size], fit: Fit) -> None:
    assert choose_fit(sizes, "auto") == fit
    for wanted in FITS:
        assert choose_fit(sizes, wanted) == wanted


@pytest.mark.parametrize(
    ("original", "size", "letterbox", "crop"),
    [
        ((100, 200), (64, 64), (16, 0, 32, 64), (0, 50, 100, 100)),
        ((200, 100), (64, 64), (0, 16, 64, 32), (50, 0, 100, 100)),
        ((60, 40), (30, 40), (0, 10, 30, 20), (15, 0, 30, 40)),
        ((1, 1000), (16, 16), (7, 0, 1, 16), (0, 499, 1, 1)),
        ((90, 120), (30, 40), (0, 0, 30, 40), (0, 0, 90, 120)),
    ],
)
def test_boxes_keep_the_aspect_ratio(original: Size, size: Size, letterbox: Size, crop: Size) -> None:
    assert find_boxes(original, size, "squash") == ((0, 0, *original), (0, 0, *size))
    assert find_boxes(original, size, "letterbox") == ((0, 0, *original), letterbox)
    assert find_boxes(original, size, "crop") == (crop, (0, 0, *size))


def test_a_letterbox_has_a_grey_border_that_is_ignored() -> None:
    image = np.full((40, 80, 3), 255, np.uint8)
    fitted = fit_frame(image, hard(np.ones((40, 80), np.bool_)), (32, 32), "letterbox")
    inside = np.zeros((32, 32), np.bool_)
    inside[8:24] = True
    assert np.array_equal(fitted.ignored, ~inside)
    assert np.array_equal(fitted.mask > 0, inside)
    assert (fitted.image[inside] == 255).all()
    assert (fitted.image[~inside] == BORDER).all()
    assert np.array_equal(fit_image(image, (32, 32), "letterbox"), fitted.image)


def test_a_crop_shows_the_middle() -> None:
    draw = np.random.default_rng(0)
    image, drawn = draw.integers(0, 256, (40, 80, 3), np.uint8), draw.random((40, 80)) < 0.3
    drawn[:, :20] = True
    fitted = fit_frame(image, hard(drawn), (20, 20), "crop")
    assert np.array_equal(fitted.image, bilinear(image[:, 20:60], (20, 20)))
    assert np.array_equal(fitted.mask, fit_labels(hard(drawn[:, 20:60]), (20, 20), "squash").mask)
    assert not fitted.ignored.any()


def test_pixels_are_as_large_as_what_they_show() -> None:
    originals = np.array([[100, 200], [90, 120], [64, 64]])
    squashed = pixel_sizes(originals, (30, 40), "squash")
    assert np.array_equal(squashed, originals / np.array([30, 40]))
    assert pixel_sizes(originals, (30, 40), "letterbox").tolist() == [[5, 5], [3, 3], [64 / 30, 64 / 30]]
    assert pixel_sizes(originals, (30, 40), "crop").tolist() == [[100 / 30, 133 / 40], [3, 3], [1.6, 1.6]]
    assert pixel_sizes(originals[:0], (30, 40), "squash").shape == (0, 2)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(("height", "width"), [(120, 90), (64, 200), (40, 40)])
def test_a_prediction_comes_back_to_where_it_was_seen(fit: Fit, height: int, width: int) -> None:
    drawn = blob(height, width, height / 2, width / 2, 16)
    mask = fit_labels(hard(drawn), (64, 64), fit).mask
    undone = undo_fit((mask / 255).astype(np.float32), (height, width), fit)
    assert undone.shape == (height, width)
    assert undone.dtype == np.float32
    found = undone > 0.5
    seen = find_boxes((height, width), (64, 64), fit).source
    inside = np.zeros((height, width), np.bool_)
    seen.of(inside)[:] = True
    assert not undone[~inside].any()
    assert (found & drawn).sum() / ((found | drawn) & inside).sum() > 0.9


def test_labels_cut_at_half_are_as_frames_cut_them() -> None:
    alpha = np.array([[127, 128, 255, 0]], np.uint8).repeat(4, axis=0)
    labels = Labels(alpha, np.zeros(alpha.shape, np.bool_), soft=True)
    assert fit_labels(labels, (4, 4), "squash").lost == 0
    assert is_foreground(alpha).mean() == 0.5

"""Boundary metrics against brute force over all pairs of pixels."""

import math

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, gaussian_filter

from hourglass_bench.bench.metrics import boundary
from hourglass_bench.bench.metrics.boundary import boundary_iou, boundary_scores, nearest_distances
from hourglass_bench.bench.metrics.boundary_maps import boundary_pixels
from hourglass_bench.bench.schema import TOLERANCES

SIZE = (18, 14)
NATIVE = np.array([[27, 14], [27, 14], [36, 70]])
"""Pixels 1.5 high and 1 wide, and 2 by 5."""


def blobs(seed: int, share: float = 0.4) -> np.ndarray:
    """Ragged masks that touch the frame's edge here and there."""
    noise = np.random.default_rng(seed).random((3, *SIZE))
    smooth = sum(np.roll(noise, shift, (1, 2)) for shift in ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)))
    return smooth > np.quantile(smooth, 1 - share)


def boundary_points(mask: np.ndarray) -> list[tuple[int, int]]:
    height, width = mask.shape

    def inside(row: int, column: int) -> bool:
        return 0 <= row < height and 0 <= column < width and bool(mask[row, column])

    return [
        (r, c)
        for r, c in np.ndindex(height, width)
        if mask[r, c] and not all(inside(*n) for n in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)))
    ]


def map_points(mask: np.ndarray) -> list[tuple[int, int]]:
    """DAVIS's boundary map, pixel by pixel: what differs from a neighbour to the right, below or diagonally below."""
    height, width = mask.shape
    steps = (0, 1), (1, 0), (1, 1)
    return [
        (r, c)
        for r, c in np.ndindex(height, width)
        if any(r + y < height and c + x < width and mask[r, c] != mask[r + y, c + x] for y, x in steps)
    ]


def f_measure(first: np.ndarray, second: np.ndarray, spacing: tuple[float, float], diagonal: float) -> float:
    """Of two masks that both have a boundary map, from the distances of all pairs of pixels."""
    ours, theirs = map_points(first), map_points(second)
    theta = math.ceil(0.008 * diagonal)
    precision, recall = ((directed(*pair, spacing) <= theta).mean() for pair in ((ours, theirs), (theirs, ours)))
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def directed(points: list[tuple[int, int]], targets: list[tuple[int, int]], spacing: tuple[float, float]) -> np.ndarray:
    return np.array(
        [min(math.hypot((r - y) * spacing[0], (c - x) * spacing[1]) for y, x in targets) for r, c in points]
    )


def test_boundary_scores_equal_brute_force() -> None:
    predictions, truths = blobs(1), blobs(2, share=0.25)
    for scores, prediction, truth, original_size in zip(
        boundary_scores(predictions, truths, NATIVE, NATIVE / SIZE), predictions, truths, NATIVE.tolist(), strict=True
    ):
        spacing = original_size[0] / SIZE[0], original_size[1] / SIZE[1]
        ours, theirs = boundary_points(prediction), boundary_points(truth)
        there, back = directed(ours, theirs, spacing), directed(theirs, ours, spacing)
        assert scores.boundary_f == pytest.approx(f_measure(prediction, truth, spacing, math.hypot(*original_size)))
        assert scores.nsd == pytest.approx(((there <= 1).sum() + (back <= 1).sum()) / (len(there) + len(back)))
        assert scores.hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
        assert scores.assd == pytest.approx((there.sum() + back.sum()) / (len(there) + len(back)))


def davis(segmentation: np.ndarray, annotation: np.ndarray) -> float:
    """DAVIS 2017's algorithm: boundary maps of shifted masks, which a disc makes wider."""

    def boundary_map(mask: np.ndarray) -> np.ndarray:
        east, south, both = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
        east[:, :-1], south[:-1], both[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        found = mask ^ east | mask ^ south | mask ^ both
        found[-1], found[:, -1] = mask[-1] ^ east[-1], mask[:, -1] ^ south[:, -1]
        found[-1, -1] = False
        return found

    radius = math.ceil(0.008 * np.linalg.norm(annotation.shape))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    maps = boundary_map(segmentation), boundary_map(annotation)
    wide = [binary_dilation(of, y**2 + x**2 <= radius**2) for of in maps]
    if not (maps[0].any() and maps[1].any()):
        return float(maps[0].any() == maps[1].any())
    precision, recall = (maps[0] & wide[1]).sum() / maps[0].sum(), (maps[1] & wide[0]).sum() / maps[1].sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@pytest.mark.parametrize("size", [(18, 14), (60, 90), (120, 130), (256, 256)])
def test_boundary_f_is_that_of_davis(size: tuple[int, int]) -> None:
    """A disc of 1, 1, 2 and 3 pixels; masks leave the frame on all sides."""
    rng = np.random.default_rng(size[0])
    smooth = gaussian_filter(rng.random((12, *size)), (0, 3, 3))
    masks = smooth > np.quantile(smooth, np.linspace(0.3, 0.7, 12))[:, None, None]
    masks[-1] = True
    truths = np.roll(masks, (1, 2), (1, 2)) ^ (rng.random(masks.shape) < 0.005)
    truths[-2] = True
    sizes = np.array([size] * 12)
    scores = [of.boundary_f for of in boundary_scores(masks, truths, sizes, np.ones((12, 2)))]
    assert scores == pytest.approx([davis(*pair) for pair in zip(masks, truths, strict=True)], abs=1e-12)
    assert min(scores) == 0
    assert len(set(scores)) > 8


@pytest.mark.parametrize("stretch", [(5.0, 20.0), (0.5, 9.0), (12.0, 3.0)])
def test_boundary_f_of_pixels_that_are_not_square(stretch: tuple[float, float]) -> None:
    predictions, truths = blobs(1), blobs(2, share=0.25)
    sizes = np.array([[round(side * by) for side, by in zip(SIZE, stretch, strict=True)]] * 3)
    scores = [of.boundary_f for of in boundary_scores(predictions, truths, sizes, sizes / SIZE)]
    pairs, diagonal = zip(predictions, truths, strict=True), math.hypot(*sizes[0])
    assert scores == pytest.approx([f_measure(*pair, stretch, diagonal) for pair in pairs])
    assert min(scores) < 1


def test_boundaries_that_are_far_apart_do_not_agree_at_all() -> None:
    truth = np.zeros((1, *SIZE), dtype=bool)
    truth[0, 1:4, 1:4] = True
    (scores,) = boundary_scores(np.roll(truth, (9, 7), (1, 2)), truth, np.array([SIZE]), np.ones((1, 2)))
    assert (scores.boundary_f, scores.nsd) == (0, 0)


def test_the_frames_edge_is_no_boundary_to_boundary_f() -> None:
    """Truth that fills the frame has no boundary map: to DAVIS six missing columns are all wrong."""
    truth = np.ones((1, 64, 64), bool)
    prediction = truth.copy()
    prediction[..., :6] = False
    (scores,) = boundary_scores(prediction, truth, np.array([[64, 64]]), np.ones((1, 2)))
    assert scores.boundary_f == davis(prediction[0], truth[0]) == 0
    assert 0.5 < scores.nsd < 1  # to which the edge is one
    (scores,) = boundary_scores(truth, truth, np.array([[64, 64]]), np.ones((1, 2)))
    assert scores.boundary_f == davis(truth[0], truth[0]) == 1


@pytest.mark.parametrize("all_pairs", [0, 10**6])
def test_distances_equal_the_distance_transform(all_pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "ALL_PAIRS", all_pairs)
    ours, theirs = boundary_pixels(blobs(4))[0], boundary_pixels(blobs(5))[0]
    spacing = np.array([1.5, 0.7])
    there, back = nearest_distances(np.argwhere(ours), np.argwhere(theirs), spacing)
    np.testing.assert_allclose(there, distance_transform_edt(~theirs, sampling=spacing)[ours], rtol=1e-6)
    np.testing.assert_allclose(back, distance_transform_edt(~ours, sampling=spacing)[theirs], rtol=1e-6)


@pytest.mark.parametrize(("size", "width"), [((128, 128), 4), ((136, 76), 3), ((20, 20), 1)])
def test_boundary_iou_equals_the_authors_algorithm(size: tuple[int, int], width: int) -> None:
    y, x = np.mgrid[: size[0], : size[1]]
    truth = np.hypot(y - size[0] / 2, x - size[1] * 0.1) < size[1] * 0.6  # leaves the frame on the left
    prediction = np.roll(truth, (2, 1), (0, 1))

    def band(mask: np.ndarray) -> np.ndarray:
        return mask & ~binary_erosion(mask, np.ones((3, 3)), iterations=width, border_value=0)

    ours, theirs = band(prediction), band(truth)
    expected = (ours & theirs).sum() / (ours | theirs).sum()
    assert boundary_iou(prediction[None], truth[None])[0] == pytest.approx(expected)


def test_boundary_iou_sees_what_iou_hardly_does() -> None:
    y, x = np.mgrid[:128, :128]
    truth, prediction = (np.hypot(y - 64, x - 64) < radius for radius in (50, 48))
    iou = (truth & prediction).sum() / (truth | prediction).sum()
    assert iou > 0.9
    assert boundary_iou(prediction[None], truth[None])[0] < 0.6


def test_empty_masks_agree_with_each_other_and_with_nothing_else() -> None:
    empty, full = np.zeros((1, *SIZE), dtype=bool), np.ones((1, *SIZE), dtype=bool)
    diagonal = math.hypot(27, 14)
    for prediction, truth, score, distance in (
        (empty, empty, 1, 0),
        (empty, full, 0, diagonal),
        (full, empty, 0, diagonal),
        (full, full, 1, 0),
    ):
        (scores,) = boundary_scores(prediction, truth, NATIVE[:1], NATIVE[:1] / SIZE)
        assert tuple(scores) == (score, score, distance, distance, (score,) * len(TOLERANCES))
        assert boundary_iou(prediction, truth).tolist() == [score]


def test_distances_are_in_original_pixels() -> None:
    truth = np.zeros((1, *SIZE), dtype=bool)
    truth[0, 4:9, 3:8] = True
    shifted = np.roll(truth, 2, axis=1)
    original_sizes = np.array([[SIZE[0] * 3, SIZE[1]]])
    (scores,) = boundary_scores(shifted, truth, original_sizes, original_sizes / SIZE)
    assert scores.hd95 == 6
    (unscaled,) = boundary_scores(shifted, truth, np.array([SIZE]), np.ones((1, 2)))
    assert unscaled.hd95 == 2

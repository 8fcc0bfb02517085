"""Distances of reconstructions to their originals, against scikit-image and formulas."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from hourglass_bench.bench.generative.evaluation import quality_table
from hourglass_bench.bench.generative.similarity import LEAST_SIDE, WEIGHTS
from hourglass_bench.bench.metrics import frame_table

Array = NDArray[np.float64]
WINDOW = 5
"""Pixels to either side of a pixel that its statistics come from."""
WANG = {
    "gaussian_weights": True,
    "sigma": 1.5,
    "use_sample_covariance": False,
    "data_range": 1.0,
    "channel_axis": 0,
}
"""What makes scikit-image's SSIM that of Wang et al. 2004."""


def pictures(size: tuple[int, int], channels: int = 3, count: int = 2) -> Array:
    """Smooth ones, (N, C, H, W) in [0, 1]."""
    noise = np.random.default_rng(1).random((count, channels, *size))
    smooth = gaussian_filter(noise, (0, 0, 2, 2))
    low, high = smooth.min(), smooth.max()
    return np.asarray((smooth - low) / (high - low))


def noisy(originals: Array, strength: float) -> Array:
    return np.clip(originals + strength * np.random.default_rng(2).standard_normal(originals.shape), 0, 1)


def ssim(first: Array, second: Array) -> float:
    """Of one frame (C, H, W): scikit-image's, which leaves out windows that look beyond the edge."""
    return float(structural_similarity(first, second, **WANG))


def similarity_maps(first: Array, second: Array) -> tuple[Array, Array]:
    """SSIM and contrast of one channel (H, W) by scikit-image, where the window lies in the frame as a whole."""
    inside = (slice(WINDOW, -WINDOW),) * 2
    full = structural_similarity(first, second, full=True, **WANG | {"channel_axis": None})[1]
    means = [gaussian_filter(of, 1.5, radius=WINDOW) for of in (first, second)]
    luminance = (2 * means[0] * means[1] + 0.01**2) / (means[0] ** 2 + means[1] ** 2 + 0.01**2)
    return full[inside], (full / luminance)[inside]


def ms_ssim(first: Array, second: Array) -> float:
    """Of one frame (C, H, W), channel by channel as pytorch-msssim: contrasts, and at the last scale the SSIM."""
    values = []
    for one, other in zip(first, second, strict=True):
        value = 1.0
        for beta in WEIGHTS[:-1]:
            value *= max(similarity_maps(one, other)[1].mean(), 0) ** beta
            one, other = halve(one), halve(other)
        values.append(value * max(similarity_maps(one, other)[0].mean(), 0) ** WEIGHTS[-1])
    return float(np.mean(values))


def halve(values: Array) -> Array:
    """2x2 means, pixel by pixel; what is left of an odd side is dropped."""
    height, width = values.shape
    return np.array(
        [[values[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean() for x in range(width // 2)] for y in range(height // 2)]
    )


def random_pair(seed: int) -> tuple[Array, Array]:
    """Two pictures of odd and even sizes, grey and in colour, flat and rough, alike and not at all."""
    rng = np.random.default_rng(seed)
    picture = rng.random((3 if seed % 2 else 1, *rng.integers(LEAST_SIDE, 90, 2)))
    if seed % 3:
        picture = gaussian_filter(picture, (0, 2, 2))
        picture = (picture - picture.min()) / np.ptp(picture)
    if seed % 5 == 0:
        picture = np.round(picture)
    if seed % 7 == 0:
        picture = 0.9 + 0.1 * picture
    strength = (0.005, 0.1, 0.5)[seed % 3]
    other = np.clip(picture + rng.normal(0, strength, picture.shape), 0, 1)
    return picture, 1 - other if seed % 11 == 0 else other


@pytest.mark.parametrize("channels", [1, 3])
def test_squared_error_and_psnr_agree_with_their_formulas(channels: int) -> None:
    originals = pictures((20, 30), channels)
    decoded = noisy(originals, 0.2)
    table = quality_table(decoded, originals)
    expected = [((first - second) ** 2).mean() for first, second in zip(decoded, originals, strict=True)]
    assert table["mse"].tolist() == pytest.approx(expected, rel=1e-5)
    assert table["psnr"].tolist() == pytest.approx([10 * np.log10(1 / mse) for mse in expected], rel=1e-5)


@pytest.mark.parametrize(("column", "reference"), [("ssim", ssim), ("ms_ssim", ms_ssim)])
def test_structural_similarity_is_that_of_scikit_image(column: str, reference: Callable[[Array, Array], float]) -> None:
    pairs = [random_pair(seed) for seed in range(100)]
    ours = [quality_table(first[None], second[None])[column].item() for first, second in pairs]
    expected = [reference(*(of.astype(np.float32).astype(float) for of in pair)) for pair in pairs]
    assert max(np.abs(np.subtract(ours, expected))) < 1e-9
    assert min(expected) < 0.05
    assert max(expected) > 0.99
    assert (min(expected) < 0) == (column == "ssim")  # a negative contrast counts as 0


def test_windows_that_look_beyond_the_edge_are_left_out() -> None:
    """Errors within 5 pixels of the edge weigh less than others, the corner's pixel next to nothing."""
    original, corner, middle = np.full((3, 1, 1, 16, 16), 0.5)
    corner[..., 0, 0] = middle[..., 8, 8] = 1
    lost = [1 - quality_table(of, original)["ssim"].item() for of in (corner, middle)]
    assert 0 < lost[0] < 0.01 * lost[1]


def test_weights_of_the_scales_are_those_of_wang_in_proportion() -> None:
    assert sum(WEIGHTS) == pytest.approx(1, abs=1e-9)
    assert np.divide(WEIGHTS, (0.0448, 0.2856, 0.3001)) == pytest.approx(1 / 0.6305, rel=1e-4)


def test_equal_pictures_are_perfect_and_have_finite_values() -> None:
    originals = pictures((48, 48))
    row = quality_table(originals, originals).iloc[0]
    assert row.to_dict() == pytest.approx({"mse": 0, "psnr": 100, "ssim": 1, "ms_ssim": 1}, abs=1e-5)


@pytest.mark.parametrize(
    ("size", "has"), [((44, 44), True), ((47, 45), True), ((43, 64), False), ((64, 43), False), ((16, 16), False)]
)
def test_small_frames_have_no_ms_ssim(size: tuple[int, int], has: bool) -> None:
    originals = pictures(size)
    table = quality_table(noisy(originals, 0.1), originals)
    assert ("ms_ssim" in table) == has
    assert not table.isna().to_numpy().any()


def test_frames_do_not_depend_on_those_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    originals = pictures((24, 24), count=5)
    decoded = noisy(originals, 0.1)
    whole = quality_table(decoded, originals)
    monkeypatch.setattr(frame_table, "FRAMES_AT_A_TIME", 2)
    parts = quality_table(decoded, originals)
    assert parts.index.tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(parts, whole)
    assert whole["mse"].nunique() == 5

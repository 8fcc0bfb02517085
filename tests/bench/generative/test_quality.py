"""Distances of reconstructions to their originals, against implementations of our own."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from bench.generative.evaluation import BETAS, quality_table
from bench.metrics import frame_table

Array = NDArray[np.float64]
WINDOW = 5
"""Pixels to either side of a pixel that its statistics come from."""


def pictures(size: tuple[int, int], channels: int = 3, count: int = 2) -> Array:
    """Smooth ones, (N, C, H, W) in [0, 1]."""
    noise = np.random.default_rng(1).random((count, channels, *size))
    smooth = gaussian_filter(noise, (0, 0, 2, 2))
    low, high = smooth.min(), smooth.max()
    return np.asarray((smooth - low) / (high - low))


def noisy(originals: Array, strength: float) -> Array:
    return np.clip(originals + strength * np.random.default_rng(2).standard_normal(originals.shape), 0, 1)


def local(values: Array) -> Array:
    """Means under the normal window with a standard deviation of 1.5 pixels, of one channel (H, W)."""
    return np.asarray(gaussian_filter(values, 1.5, mode="mirror", truncate=WINDOW / 1.5))


def similarity_maps(first: Array, second: Array) -> tuple[Array, Array]:
    """SSIM and its contrast term at every pixel (Wang et al. 2004), of one channel (H, W)."""
    low, high = 0.01**2, 0.03**2
    means = local(first), local(second)
    variances = local(first**2) - means[0] ** 2, local(second**2) - means[1] ** 2
    covariance = local(first * second) - means[0] * means[1]
    contrast = (2 * covariance + high) / (variances[0] + variances[1] + high)
    return (2 * means[0] * means[1] + low) / (means[0] ** 2 + means[1] ** 2 + low) * contrast, contrast


def ssim(first: Array, second: Array) -> float:
    """Of one frame (C, H, W)."""
    return float(np.mean([similarity_maps(*pair)[0] for pair in zip(first, second, strict=True)]))


def ms_ssim(first: Array, second: Array) -> float:
    """Of one frame (C, H, W): the contrast at each scale, away from the edges, and at the last one the SSIM."""
    value = 1.0
    for beta in BETAS[:-1]:
        maps = [similarity_maps(*pair)[1] for pair in zip(first, second, strict=True)]
        value *= math.pow(np.mean(np.stack(maps)[:, WINDOW:-WINDOW, WINDOW:-WINDOW]), beta)
        first, second = halve(first), halve(second)
    return value * math.pow(ssim(first, second), BETAS[-1])


def halve(values: Array) -> Array:
    channels, height, width = values.shape
    return np.asarray(values.reshape(channels, height // 2, 2, width // 2, 2).mean(axis=(2, 4)))


@pytest.mark.parametrize("channels", [1, 3])
def test_squared_error_and_psnr_agree_with_their_formulas(channels: int) -> None:
    originals = pictures((20, 30), channels)
    decoded = noisy(originals, 0.2)
    table = quality_table(decoded, originals)
    expected = [((first - second) ** 2).mean() for first, second in zip(decoded, originals, strict=True)]
    assert table["mse"].tolist() == pytest.approx(expected, rel=1e-5)
    assert table["psnr"].tolist() == pytest.approx([10 * np.log10(1 / mse) for mse in expected], rel=1e-5)


@pytest.mark.parametrize(("column", "own"), [("ssim", ssim), ("ms_ssim", ms_ssim)])
@pytest.mark.parametrize(("channels", "size"), [(1, (48, 48)), (3, (64, 80))])
def test_structural_similarity_agrees_with_an_implementation_of_our_own(
    channels: int, size: tuple[int, int], column: str, own: Callable[[Array, Array], float]
) -> None:
    originals = pictures(size, channels)
    decoded = noisy(originals, 0.1)
    expected = [own(first, second) for first, second in zip(decoded, originals, strict=True)]
    assert quality_table(decoded, originals)[column].tolist() == pytest.approx(expected, abs=1e-4)


def test_weights_of_the_scales_add_up_to_one() -> None:
    assert sum(BETAS) == pytest.approx(1, abs=1e-3)


def test_equal_pictures_are_perfect_and_have_finite_values() -> None:
    originals = pictures((48, 48))
    row = quality_table(originals, originals).iloc[0]
    assert row.to_dict() == pytest.approx({"mse": 0, "psnr": 100, "ssim": 1, "ms_ssim": 1}, abs=1e-5)


@pytest.mark.parametrize(("size", "has"), [((48, 48), True), ((47, 64), False), ((64, 47), False)])
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

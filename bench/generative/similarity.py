"""Structural similarity of two pictures, over the windows that lie in the frame as a whole.

As scikit-image, MONAI and pytorch-msssim have it; a window that looks beyond the frame's edge sees what is not there.
Numbers are float64, since a variance in float32 is mostly rounding where a picture is flat. Shapes: C channels, H
height, W width.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Picture = NDArray[np.floating]
"""(C, H, W) in [0, 1]."""
Map = NDArray[np.float64]

SIGMA = 1.5
"""Standard deviation of the normal window in pixels (Wang et al. 2004)."""
RADIUS = 5
"""Pixels of the window to either side of its middle."""
OF_LUMINANCE, OF_CONTRAST = 0.01**2, 0.03**2
"""What keeps both terms finite (Wang et al. 2004)."""
WEIGHTS = (0.07106, 0.45297, 0.47597)
"""Of three scales: the first of the five of Wang et al. 2003, made to add up to 1; five would need 176 pixels."""
LEAST_SIDE = (2 * RADIUS + 1) * 2 ** (len(WEIGHTS) - 1)
"""Pixels that a frame needs for a window at the last scale."""


def ssim(first: Picture, second: Picture) -> float:
    """SSIM, mean over windows and channels; a side has at least a window's 11 pixels."""
    luminance, contrast = _terms(first.astype(np.float64), second.astype(np.float64))
    return float((luminance * contrast).mean())


def ms_ssim(first: Picture, second: Picture) -> float:
    """SSIM at several scales, mean over channels; a side has at least `LEAST_SIDE` pixels.

    The contrast of each scale but the last and the SSIM of the last, means over windows, each to the power of its
    weight; a negative one counts as 0, as in pytorch-msssim.
    """
    one, other = first.astype(np.float64), second.astype(np.float64)
    product = np.ones(len(first))
    for weight in WEIGHTS[:-1]:
        _, contrast = _terms(one, other)
        product *= _power(contrast, weight)
        one, other = _halve(one), _halve(other)
    luminance, contrast = _terms(one, other)
    return float((product * _power(luminance * contrast, WEIGHTS[-1])).mean())


def _terms(first: Map, second: Map) -> tuple[Map, Map]:
    """How alike the windows are in mean and in structure: (C, H, W) twice -> (C, H - 10, W - 10) twice."""
    one, other = _local(first), _local(second)
    squares = one**2 + other**2
    luminance = (2 * one * other + OF_LUMINANCE) / (squares + OF_LUMINANCE)
    covariance = _local(first * second) - one * other
    variances = _local(first**2 + second**2) - squares
    return luminance, (2 * covariance + OF_CONTRAST) / (variances + OF_CONTRAST)


def _local(values: Map) -> Map:
    """Means under the window wherever it lies in the frame: (C, H, W) -> (C, H - 10, W - 10)."""
    means: Map = gaussian_filter(values, SIGMA, radius=RADIUS, axes=(1, 2))
    return means[:, RADIUS:-RADIUS, RADIUS:-RADIUS]


def _power(values: Map, weight: float) -> Map:
    """Of the mean of each channel: (C, H, W) -> (C,)."""
    power: Map = np.maximum(values.mean(axis=(1, 2)), 0) ** weight
    return power


def _halve(values: Map) -> Map:
    """Means of 2x2 pixels: (C, H, W) -> (C, H // 2, W // 2); the last row or column of an odd side is left out."""
    channels, height, width = values.shape
    even = values[:, : height // 2 * 2, : width // 2 * 2]
    return np.asarray(even.reshape(channels, height // 2, 2, width // 2, 2).mean(axis=(2, 4)))

"""How near a reconstruction is to its original, per frame."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from bench.metrics.frame_table import as_float32, chunks

BETAS = (0.0517, 0.3295, 0.3462, 0.2726)
"""Weights of four scales: the first of five of Wang et al. 2003, made to add up to 1; five would need 161 pixels."""
LEAST_SIDE = 48
"""Pixels that four scales need: the window of 11 pixels is reflected at the edges of a map of an eighth of the side."""
PERFECT = 1e-10
"""Squared error below which PSNR stays at 100 dB."""


def quality_table(reconstructions: NDArray[np.floating], originals: NDArray[np.floating]) -> pd.DataFrame:
    """Columns mse, psnr, ssim and ms_ssim, a row per frame; both (N, C, H, W) in [0, 1]. Small frames lack ms_ssim."""
    parts = [_table(as_float32(reconstructions[at]), as_float32(originals[at])) for at in chunks(len(originals))]
    return pd.concat(parts, ignore_index=True)


def _table(reconstructions: NDArray[np.float32], originals: NDArray[np.float32]) -> pd.DataFrame:
    pair = torch.from_numpy(reconstructions), torch.from_numpy(originals)
    mse = np.square(reconstructions - originals).mean(axis=(1, 2, 3), dtype=np.float64)
    columns = {
        "mse": mse,
        "psnr": -10 * np.log10(np.maximum(mse, PERFECT)),
        "ssim": _ssim(*pair).numpy(),
    }
    if min(originals.shape[2:]) >= LEAST_SIDE:
        # The window is that of sigma = 1.5 whatever the kernel's size, which only decides what is refused.
        columns["ms_ssim"] = multiscale_structural_similarity_index_measure(
            *pair, data_range=1.0, betas=BETAS, kernel_size=5, reduction="none"
        ).numpy()
    return pd.DataFrame(columns)


def _ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    ssim = structural_similarity_index_measure(reconstructions, originals, data_range=1.0, reduction="none")
    assert isinstance(ssim, Tensor)
    return ssim

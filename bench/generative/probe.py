"""How much of the person can be read off a frozen latent by a linear map: the tie from reconstruction to segmentation.

Shapes: N frames, D latent numbers, P pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.metrics.overlap import frame_scores, scene_mean

STRENGTHS = tuple(10.0**power for power in range(-6, 2))
"""Of the ridge penalty, relative to the largest eigenvalue; validation scenes choose."""


def probe_iou(
    train: tuple[Tensor, Tensor],
    val: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    val_scenes: Sequence[str],
    test_scenes: Sequence[str],
) -> float:
    """Test IoU, mean over scenes, of masks that a ridge regression predicts; (codes (N, D), masks (N, P) bool) each."""
    predict = _Ridge(*train)
    best = max(STRENGTHS, key=lambda strength: _iou(predict(val[0], strength), val[1], val_scenes))
    return _iou(predict(test[0], best), test[1], test_scenes)


class _Ridge:
    """Ridge regression from standardised codes to masks, for any strength from one decomposition."""

    def __init__(self, codes: Tensor, masks: Tensor) -> None:
        self._centre, self._scale = codes.mean(0), codes.std(0).clamp(min=1e-6)
        self._mean = masks.float().mean(0)
        left, self._singular, self._right = torch.linalg.svd(self._standardise(codes), full_matrices=False)
        self._target = left.T @ (masks.float() - self._mean)

    def _standardise(self, codes: Tensor) -> Tensor:
        return (codes - self._centre) / self._scale

    def __call__(self, codes: Tensor, strength: float) -> Tensor:
        """(N, D) -> (N, P), about 0 for background and 1 for foreground."""
        penalty = (strength * self._singular[0].square()).clamp(min=1e-12)  # of codes that are all the same
        shrunk = (self._singular / (self._singular.square() + penalty))[:, None] * self._target
        predicted: Tensor = self._mean + self._standardise(codes) @ self._right.T @ shrunk
        return predicted


def _iou(predictions: Tensor, masks: Tensor, scenes: Sequence[str]) -> float:
    return scene_mean(frame_scores(predictions > 0.5, masks).iou.tolist(), scenes)

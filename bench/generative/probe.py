"""How much of the person can be read off a frozen latent by a linear map: the tie from reconstruction to segmentation.

Shapes: N frames, D latent numbers, P pixels. Labels are bool, or int8 where some pixels are IGNORED: these do not count
in the score, and in the regression they are what the pixel is on average, which is no reason for any slope.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hourglass_bench.bench.metrics.overlap import frame_scores, scene_mean
from hourglass_bench.bench.training.pixels import known

STRENGTHS = tuple(10.0**power for power in range(-6, 2))
"""Of the ridge penalty, relative to the largest eigenvalue; validation scenes choose."""


def probe_iou(
    train: tuple[Tensor, Tensor],
    val: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    val_scenes: Sequence[str],
    test_scenes: Sequence[str],
) -> float:
    """Test IoU, mean over scenes, of masks that a ridge regression predicts; (codes (N, D), labels (N, P)) each."""
    predict = _Ridge(*train)
    best = max(STRENGTHS, key=lambda strength: _iou(predict(val[0], strength), val[1], val_scenes))
    return _iou(predict(test[0], best), test[1], test_scenes)


class _Ridge:
    """Ridge regression from standardised codes to masks, for any strength from one decomposition."""

    def __init__(self, codes: Tensor, masks: Tensor) -> None:
        self._centre, self._scale = codes.mean(0), codes.std(0).clamp(min=1e-6)
        labels, ignored = known(masks.float(), masks)
        if ignored is not None:
            labels = torch.where(ignored, labels.sum(0) / (~ignored).sum(0).clamp(min=1), labels)
        self._mean = labels.mean(0)
        left, self._singular, self._right = torch.linalg.svd(self._standardise(codes), full_matrices=False)
        self._target = left.T @ (labels - self._mean)

    def _standardise(self, codes: Tensor) -> Tensor:
        return (codes - self._centre) / self._scale

    def __call__(self, codes: Tensor, strength: float) -> Tensor:
        """(N, D) -> (N, P), about 0 for background and 1 for foreground."""
        penalty = (strength * self._singular[0].square()).clamp(min=1e-12)  # of codes that are all the same
        shrunk = (self._singular / (self._singular.square() + penalty))[:, None] * self._target
        predicted: Tensor = self._mean + self._standardise(codes) @ self._right.T @ shrunk
        return predicted


def _iou(predictions: Tensor, masks: Tensor, scenes: Sequence[str]) -> float:
    labels, ignored = known(masks, masks)
    return scene_mean(frame_scores(predictions > 0.5, labels > 0, ignored).iou.tolist(), scenes)

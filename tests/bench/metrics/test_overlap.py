"""Overlap metrics against brute force over pixels."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_f1_score, binary_jaccard_index

from hourglass_bench.bench.metrics.overlap import frame_scores, scene_mean


def random_masks(share: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((6, 9, 7)) < share


def brute_force(prediction: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    both = either = total = 0
    for p, t in zip(prediction.ravel().tolist(), truth.ravel().tolist(), strict=True):
        both, either, total = both + (p and t), either + (p or t), total + p + t
    return (both / either, 2 * both / total) if either else (1.0, 1.0)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_scores_equal_brute_force(share: float) -> None:
    predictions, truths = random_masks(share, 1), random_masks(0.3, 2)
    scores = frame_scores(torch.tensor(predictions), torch.tensor(truths))
    expected = [brute_force(p, t) for p, t in zip(predictions, truths, strict=True)]
    np.testing.assert_allclose(scores.iou, [iou for iou, _ in expected], rtol=1e-6)
    np.testing.assert_allclose(scores.dice, [dice for _, dice in expected], rtol=1e-6)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_scores_are_those_of_torchmetrics(share: float) -> None:
    """Whose F1 of pixels is Dice; ignored pixels are of a class that it leaves out."""
    predictions, truths, ignored = (torch.tensor(random_masks(of, seed)) for seed, of in enumerate((share, 0.3, 0.2)))
    for some in (None, ignored):
        scores = frame_scores(predictions, truths, some)
        classes = truths.long() if some is None else truths.long().masked_fill(some, -1)
        pairs = list(zip(predictions.long(), classes, strict=True))
        for found, reference in ((scores.iou, binary_jaccard_index), (scores.dice, binary_f1_score)):
            expected = torch.stack([reference(*pair, ignore_index=-1) for pair in pairs])
            torch.testing.assert_close(found, expected.to(found.dtype), rtol=1e-6, atol=1e-7)


def test_empty_masks() -> None:
    empty, full = torch.zeros(1, 4, 4, dtype=torch.bool), torch.ones(1, 4, 4, dtype=torch.bool)
    for prediction, truth, score in ((empty, empty, 1), (empty, full, 0), (full, empty, 0), (full, full, 1)):
        scores = frame_scores(prediction, truth)
        assert (scores.iou.item(), scores.dice.item()) == (score, score)


def test_every_scene_weighs_the_same() -> None:
    assert scene_mean([1.0, 0.0, 0.0, 0.0], ["a", "b", "b", "b"]) == 0.5
    assert scene_mean([0.2, 0.6, 1.0], ["a", "a", "b"]) == pytest.approx(0.7)

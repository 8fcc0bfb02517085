"""The linear probe, against the normal equations of ridge regression, and on latents that do and do not tell."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from hourglass_bench.bench.generative.probe import STRENGTHS, probe_iou

Array = NDArray[np.float64]
PIXELS = 40
SCENES = ["a", "a", "a", "b"] * 15
"""Of the 60 validation frames, and of as many test frames: means over scenes are not means over frames."""


def make(dimensions: int, frames: int, noise: float, seed: int = 0) -> tuple[list[Tensor], list[Tensor]]:
    """Codes and masks of three roles; a pixel is foreground on one side of a plane of its own, off by noise."""
    rng = np.random.default_rng(seed)
    planes = rng.standard_normal((dimensions, PIXELS)) / np.sqrt(dimensions)
    codes = [5 + rng.standard_normal((count, dimensions)) * np.arange(1, dimensions + 1) for count in (frames, 60, 60)]
    sides = [(of - 5) / np.arange(1, dimensions + 1) @ planes for of in codes]
    masks = [side + noise * rng.standard_normal(side.shape) > 0 for side in sides]
    return [torch.from_numpy(of).float() for of in codes], [torch.from_numpy(mask) for mask in masks]


def ridge(train: Array, masks: Array, codes: Array, strength: float) -> Array:
    """By the normal equations."""
    scale = train.std(axis=0, ddof=1)
    inputs, queries = (train - train.mean(axis=0)) / scale, (codes - train.mean(axis=0)) / scale
    gram = inputs.T @ inputs
    penalty = strength * np.linalg.eigvalsh(gram)[-1] * np.eye(len(gram))
    weights = np.linalg.solve(gram + penalty, inputs.T @ (masks - masks.mean(axis=0)))
    return np.asarray(queries @ weights + masks.mean(axis=0))


def iou(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    frames = (prediction & truth).sum(axis=1) / np.maximum((prediction | truth).sum(axis=1), 1)
    names = np.array(SCENES)
    return float(np.mean([frames[names == scene].mean() for scene in ("a", "b")]))


def probe(codes: list[Tensor], masks: list[Tensor]) -> float:
    train, val, test = zip(codes, masks, strict=True)
    return probe_iou(train, val, test, SCENES, SCENES)


@pytest.mark.parametrize(("dimensions", "frames"), [(4, 80), (30, 80), (60, 25)])
def test_probe_agrees_with_the_normal_equations(dimensions: int, frames: int) -> None:
    codes, masks = make(dimensions, frames, noise=1.0)
    train, val, test = (of.double().numpy() for of in codes)
    labels = masks[0].double().numpy()
    scores = [iou(ridge(train, labels, val, strength) > 0.5, masks[1].numpy()) for strength in STRENGTHS]
    best = STRENGTHS[int(np.argmax(scores))]
    expected = iou(ridge(train, labels, test, best) > 0.5, masks[2].numpy())
    assert probe(codes, masks) == pytest.approx(expected, abs=2e-3)


def test_validation_frames_choose_the_strength() -> None:
    """Labels of noise in as many numbers as frames: without a penalty the probe would learn them by heart."""
    codes, masks = make(60, 62, noise=3.0)
    train, val, test = (of.double().numpy() for of in codes)
    plain = iou(ridge(train, masks[0].double().numpy(), test, STRENGTHS[0]) > 0.5, masks[2].numpy())
    assert probe(codes, masks) > plain + 0.01


def test_numbers_that_never_change_do_no_harm() -> None:
    codes, masks = make(4, 100, noise=0.0)
    dead = [torch.cat([of, torch.full((len(of), 2), 3.0)], dim=1) for of in codes]
    assert probe(dead, masks) == pytest.approx(probe(codes, masks), abs=0.02)


def test_codes_that_say_nothing_give_the_mean_mask() -> None:
    codes, masks = make(4, 100, noise=0.0)
    always = [torch.arange(PIXELS).expand(len(of), -1) % 2 == 0 for of in masks]
    assert probe([torch.ones_like(of) for of in codes], always) == 1


def test_probe_looks_at_nothing_of_the_test_frames_but_their_codes() -> None:
    """With the test masks turned round, the same predictions are as wrong as they were right."""
    codes, masks = make(4, 300, noise=0.0)
    assert probe(codes, [*masks[:2], ~masks[2]]) < 0.1

"""Losses of segmentation against formulas written down apart, and how weights add them up."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from hourglass_bench.bench.training.losses import FOCUS, INVENTED, LOSSES, MISSED, segmentation_loss

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(3, 1, 5, 7, generator=GENERATOR)
TARGETS = (torch.rand(3, 1, 5, 7, generator=GENERATOR) > 0.6).float()
TARGETS[2] = 0


def expected(name: str) -> list[float]:
    """Of each frame, pixel by pixel in float64."""
    return [_of_frame(name, *pair) for pair in zip(LOGITS.double().numpy(), TARGETS.numpy(), strict=True)]


def _of_frame(name: str, logits: NDArray[np.float64], truth: NDArray[np.float32]) -> float:
    chance = 1 / (1 + np.exp(-logits))
    right = np.where(truth == 1, chance, 1 - chance)
    both, missed, invented = (truth * chance).sum(), (truth * (1 - chance)).sum(), ((1 - truth) * chance).sum()
    values = {
        "bce": -np.log(right).mean(),
        "focal": -((1 - right) ** FOCUS * np.log(right)).mean(),
        "dice": 1 - (2 * both + 1) / (2 * both + missed + invented + 1),
        "tversky": 1 - (both + 1) / (both + MISSED * missed + INVENTED * invented + 1),
    }
    return float(values[name])


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_is_its_formula_for_every_frame(name: str) -> None:
    values = LOSSES[name](LOGITS, TARGETS)
    assert values.shape == (3,)
    assert values.tolist() == pytest.approx(expected(name), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_falls_to_nothing_where_all_is_right_and_has_a_finite_gradient(name: str) -> None:
    perfect = (40 * (TARGETS - 0.5)).requires_grad_()
    loss = LOSSES[name](perfect, TARGETS)
    assert loss.max() < 1e-3
    assert (LOSSES[name](-perfect, TARGETS) > loss).all()
    loss.sum().backward()
    assert perfect.grad.isfinite().all()


def test_the_weights_add_the_losses_up() -> None:
    weights = (("bce", 0.5), ("dice", 3.0), ("focal", 2.0), ("tversky", 0.25))
    total = segmentation_loss(LOGITS, TARGETS, weights)
    parts = np.array([np.array(expected(name)) * weight for name, weight in weights])
    assert total.tolist() == pytest.approx(parts.sum(0).tolist(), rel=1e-5)
    assert torch.equal(segmentation_loss(LOGITS, TARGETS, weights[::-1]), total)


def test_what_weighs_nothing_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_logits: Tensor, _targets: Tensor, _ignored: Tensor | None) -> Tensor:
        raise AssertionError

    for name in ("dice", "focal", "tversky"):
        monkeypatch.setitem(LOSSES, name, never)
    loss = segmentation_loss(LOGITS, TARGETS, (("bce", 2.0), ("dice", 0.0)))
    assert loss.tolist() == pytest.approx([2 * value for value in expected("bce")], rel=1e-5)

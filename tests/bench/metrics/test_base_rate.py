"""What constant predictions reach, and when a network has learnt more."""

import math

import numpy as np
import pytest
from torch import nn, tensor

from hourglass_bench.bench.metrics.base_rate import STUCK_SHARE, BaseRate, entropy


@pytest.mark.parametrize("share", [0.03, 0.2, 0.5, 0.9])
def test_entropy_is_the_least_cross_entropy_that_a_constant_reaches(share: float) -> None:
    count = 1000
    truth = (np.arange(count) < share * count).astype(float)
    constant = tensor([share] * count).double()
    assert entropy(share) == pytest.approx(nn.BCELoss()(constant, tensor(truth)).item())


def test_entropy_of_frames_with_one_class_is_zero_and_of_an_unknown_share_unknown() -> None:
    assert (entropy(0), entropy(1)) == (0, 0)
    assert math.isnan(entropy(math.nan))


@pytest.mark.parametrize(
    ("bce", "iou", "better"),
    [
        (0.4, 0.1, True),  # by its entropy alone
        (0.6, 0.3, True),  # by its overlap alone
        (0.4, 0.3, True),
        (0.6, 0.1, False),
        (math.nan, 0.1, False),
        (STUCK_SHARE * entropy(0.2), 0.1, True),
        (1.0001 * STUCK_SHARE * entropy(0.2), 0.1, False),
        (0.6, 0.2, False),  # as all foreground
    ],
)
def test_a_network_is_better_by_entropy_or_by_overlap(bce: float, iou: float, better: bool) -> None:
    assert BaseRate(share=0.2, all_foreground_iou=0.2).is_better(bce, iou) == better

"""What a network reaches that predicts the same for every pixel. Imports no torch: the report judges by it too."""

import math
from typing import NamedTuple

STUCK_SHARE = 0.97
"""A validation cross-entropy above this share of the base-rate entropy is no better than it."""
STUCK_EPOCHS = 10
"""A shorter training says nothing about whether it is stuck, nor whether it had learnt all that it could."""


def entropy(share: float) -> float:
    """Cross-entropy in nats of always predicting the foreground share; NaN if that is not known."""
    if share in (0, 1):
        return 0.0
    return -share * math.log(share) - (1 - share) * math.log(1 - share)


class BaseRate(NamedTuple):
    """Of some frames."""

    share: float
    """Of the pixels, those that are foreground."""
    all_foreground_iou: float

    @property
    def entropy(self) -> float:
        """In nats."""
        return entropy(self.share)

    def is_better(self, val_bce: float, val_iou: float) -> bool:
        """Whether an epoch's network has learnt more than the base rate, in entropy or in overlap."""
        return val_bce <= STUCK_SHARE * self.entropy or val_iou > self.all_foreground_iou

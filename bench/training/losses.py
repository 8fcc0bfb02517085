"""The training loss: binary cross-entropy plus soft Dice, each with its weight."""

from torch import Tensor
from torch.nn import functional as F

from bench.config import TrainingConfig


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy in nats per pixel of each frame: (B, 1, H, W) twice -> (B,)."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").flatten(1).mean(1)


def soft_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """One minus the soft Dice coefficient of each frame (Milletari et al. 2016, arXiv 1606.04797): -> (B,).

    One pixel is added to both sums, so that two empty masks cost nothing and the gradient stays finite.
    """
    probability, targets = logits.sigmoid().flatten(1), targets.flatten(1)
    overlap = (probability * targets).sum(1)
    return 1 - (2 * overlap + 1) / (probability.sum(1) + targets.sum(1) + 1)


def segmentation_loss(logits: Tensor, targets: Tensor, config: TrainingConfig) -> Tensor:
    """Weighted sum of both losses for each frame: (B, 1, H, W) twice -> (B,)."""
    return config.bce_weight * cross_entropy(logits, targets) + config.dice_weight * soft_dice(logits, targets)

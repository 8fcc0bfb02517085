"""What a network that segments is trained to make small: a weighted sum of losses, each a function of a frame's logits.

A new loss is one function and one entry of `LOSSES`; `--loss NAME=WEIGHT` and the stored parameters follow. All of them
take logits and targets, (B, 1, H, W) each, and give one value per frame, (B,).
"""

from collections.abc import Callable
from functools import reduce
from operator import add

from torch import Tensor
from torch.nn import functional as F

from architectures.config import require
from bench.config import Weights

FOCUS = 2.0
"""Gamma of the focal loss: how little pixels count that are right already."""
MISSED, INVENTED = 0.7, 0.3
"""Tversky weights of missed foreground and of invented foreground."""


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross-entropy in nats per pixel."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").flatten(1).mean(1)


def soft_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """One minus the soft Dice coefficient (Milletari et al. 2016, arXiv 1606.04797).

    One pixel is added to both sums, so that two empty masks cost nothing and the gradient stays finite.
    """
    probability, targets = logits.sigmoid().flatten(1), targets.flatten(1)
    overlap = (probability * targets).sum(1)
    return 1 - (2 * overlap + 1) / (probability.sum(1) + targets.sum(1) + 1)


def focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of pixels weighted by (1 - p)^FOCUS, p the probability of the truth (Lin et al. 2017)."""
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return ((1 - (-entropy).exp()) ** FOCUS * entropy).flatten(1).mean(1)


def tversky(logits: Tensor, targets: Tensor) -> Tensor:
    """One minus the Tversky index, which asks for recall before precision (Salehi et al. 2017, arXiv 1706.05721)."""
    probability, targets = logits.sigmoid().flatten(1), targets.flatten(1)
    overlap = (probability * targets).sum(1)
    missed, invented = targets.sum(1) - overlap, probability.sum(1) - overlap
    return 1 - (overlap + 1) / (overlap + MISSED * missed + INVENTED * invented + 1)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bce": cross_entropy,
    "dice": soft_dice,
    "focal": focal,
    "tversky": tversky,
}
"""In the order in which they are added up."""


def require_known(weights: Weights) -> None:
    """Raise ValueError if a weight is of no loss; the choices are listed."""
    for name, _ in weights:
        require(name in LOSSES, "training.loss", f"be of {', '.join(LOSSES)}", name)


def segmentation_loss(logits: Tensor, targets: Tensor, weights: Weights) -> Tensor:
    """Weighted sum of the losses for each frame; what weighs nothing is not computed."""
    weight = dict(weights)
    return reduce(add, (weight[name] * loss(logits, targets) for name, loss in LOSSES.items() if weight.get(name)))

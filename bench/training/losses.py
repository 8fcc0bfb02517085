"""What a network that segments is trained to make small: a weighted sum of losses, each a function of a frame's logits.

A new loss is one function and one entry of `LOSSES`; `--loss NAME=WEIGHT` and the stored parameters follow. All of them
take logits and targets, (B, 1, H, W) each, and where pixels are ignored or None, and give one value per frame, (B,).
What is ignored has no part in it and no gradient; a frame of which nothing counts costs nothing.
"""

from collections.abc import Callable
from functools import reduce
from operator import add

from torch import Tensor
from torch.nn import functional as F

from hourglass_bench.architectures.config import require
from hourglass_bench.bench.config import Weights
from hourglass_bench.bench.training.pixels import frame_mean, rows

FOCUS = 2.0
"""Gamma of the focal loss: how little pixels count that are right already."""
MISSED, INVENTED = 0.7, 0.3
"""Tversky weights of missed foreground and of invented foreground."""


def cross_entropy(logits: Tensor, targets: Tensor, ignored: Tensor | None = None) -> Tensor:
    """Mean binary cross-entropy in nats per pixel."""
    return frame_mean(F.binary_cross_entropy_with_logits(logits, targets, reduction="none"), ignored)


def soft_dice(logits: Tensor, targets: Tensor, ignored: Tensor | None = None) -> Tensor:
    """One minus the soft Dice coefficient (Milletari et al. 2016, arXiv 1606.04797).

    One pixel is added to both sums, so that two empty masks cost nothing and the gradient stays finite.
    """
    probability, targets = rows(logits.sigmoid(), ignored), rows(targets, ignored)
    overlap = (probability * targets).sum(1)
    return 1 - (2 * overlap + 1) / (probability.sum(1) + targets.sum(1) + 1)


def focal(logits: Tensor, targets: Tensor, ignored: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of pixels weighted by (1 - p)^FOCUS, p the probability of the truth (Lin et al. 2017)."""
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return frame_mean((1 - (-entropy).exp()) ** FOCUS * entropy, ignored)


def tversky(logits: Tensor, targets: Tensor, ignored: Tensor | None = None) -> Tensor:
    """One minus the Tversky index, which asks for recall before precision (Salehi et al. 2017, arXiv 1706.05721)."""
    probability, targets = rows(logits.sigmoid(), ignored), rows(targets, ignored)
    overlap = (probability * targets).sum(1)
    missed, invented = targets.sum(1) - overlap, probability.sum(1) - overlap
    return 1 - (overlap + 1) / (overlap + MISSED * missed + INVENTED * invented + 1)


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
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


def segmentation_loss(logits: Tensor, targets: Tensor, weights: Weights, ignored: Tensor | None = None) -> Tensor:
    """Weighted sum of the losses for each frame; what weighs nothing is not computed."""
    weight = dict(weights)
    used = (name for name in LOSSES if weight.get(name))
    return reduce(add, (weight[name] * LOSSES[name](logits, targets, ignored) for name in used))

"""How likely a target is given what a decoder says, and how far a posterior is from the prior. All in nats.

Shapes: B batch, C channels, H height, W width; a sum is over all of a frame, never over the batch. Pixels that are
`ignored` (B, 1, H, W) have no part in it; None: every pixel counts.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from hourglass_bench.architectures.vae import Posterior
from hourglass_bench.bench.training.pixels import count, rows


def bernoulli(logits: Tensor, targets: Tensor, ignored: Tensor | None) -> Tensor:
    """Log-likelihood of masks: (B, C, H, W) twice, targets 0 or 1 -> (B,)."""
    return -rows(F.binary_cross_entropy_with_logits(logits, targets, reduction="none"), ignored).sum(1)


def gaussian(logits: Tensor, targets: Tensor, ignored: Tensor | None, sigma: Tensor) -> Tensor:
    """Log-density of images in [0, 1] about the mean sigmoid(logits): (B, C, H, W) twice, sigma () -> (B,)."""
    squares = rows((targets - logits.sigmoid()).square(), ignored)
    numbers = squares.shape[1] if ignored is None else count(ignored, targets.shape[1])
    constant = numbers * (sigma.log() + 0.5 * math.log(2 * math.pi))
    return -squares.sum(1) / (2 * sigma.square()) - constant


def kl_per_dimension(posterior: Posterior) -> Tensor:
    """KL divergence of each latent number from the standard normal prior, in closed form: (B, C, h, w).

    Kingma & Welling 2014, arXiv 1312.6114, appendix B.
    """
    mean, log_variance = posterior
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def kl(posterior: Posterior) -> Tensor:
    """Sum over the latent numbers: (B,)."""
    return kl_per_dimension(posterior).flatten(1).sum(1)


def log_normal(values: Tensor, posterior: Posterior) -> Tensor:
    """Log-density of latents under a posterior: (B, C, h, w) -> (B,)."""
    mean, log_variance = posterior
    squares = (values - mean).square() / log_variance.exp()
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).flatten(1).sum(1)


def standard(like: Tensor) -> Posterior:
    """The prior, with the shape of a latent."""
    return Posterior(torch.zeros_like(like), torch.zeros_like(like))

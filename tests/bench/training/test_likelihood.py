"""Likelihoods against torch.distributions, and the gradient through a sample."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from hourglass_bench.architectures.vae import Posterior
from hourglass_bench.bench.training import likelihood

STANDARD_ERRORS = 4
"""A right implementation leaves the interval once in 16 000 seeds, and the seeds are fixed."""


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_posterior() -> Posterior:
    return Posterior(random(3, 4, 2, 5, seed=1), random(3, 4, 2, 5, seed=2))


def test_the_kl_divergence_of_many_numbers_is_torchs_summed_over_each_frame() -> None:
    posterior = random_posterior()
    reference = kl_divergence(Normal(posterior.mean, posterior.log_variance.mul(0.5).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(likelihood.kl_per_dimension(posterior), reference)
    torch.testing.assert_close(likelihood.kl(posterior), reference.sum((1, 2, 3)))
    assert likelihood.kl(likelihood.standard(posterior.mean)).tolist() == [0, 0, 0]


def test_bernoulli_is_torchs() -> None:
    logits, masks = 3 * random(3, 1, 4, 5), (random(3, 1, 4, 5, seed=1) > 0).double()
    reference = Bernoulli(logits=logits).log_prob(masks)
    torch.testing.assert_close(likelihood.bernoulli(logits, masks, None), reference.sum((1, 2, 3)))


def test_bernoulli_of_a_decoder_that_is_certain_is_finite() -> None:
    logits = torch.tensor([500.0, -500.0]).view(2, 1, 1, 1)
    assert likelihood.bernoulli(logits, torch.ones(2, 1, 1, 1), None).tolist() == [0, -500]


@pytest.mark.parametrize("sigma", [1 / 255, 0.1, 1.0, 3.0])
def test_gaussian_is_torchs(sigma: float) -> None:
    logits, images = 3 * random(3, 3, 4, 5), random(3, 3, 4, 5, seed=1).sigmoid()
    reference = Normal(logits.sigmoid(), sigma).log_prob(images)
    found = likelihood.gaussian(logits, images, None, torch.tensor(sigma, dtype=torch.float64))
    torch.testing.assert_close(found, reference.sum((1, 2, 3)))


def test_log_density_of_latents_is_torchs() -> None:
    posterior, values = random_posterior(), random(3, 4, 2, 5, seed=3)
    reference = Normal(posterior.mean, posterior.log_variance.mul(0.5).exp()).log_prob(values).sum((1, 2, 3))
    torch.testing.assert_close(likelihood.log_normal(values, posterior), reference)
    prior = Normal(0.0, 1.0).log_prob(values).sum((1, 2, 3))
    torch.testing.assert_close(likelihood.log_normal(values, likelihood.standard(values)), prior)


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, 0.0), (1.3, -2.0), (-0.7, 1.0)])
def test_the_gradient_through_a_sample_is_that_of_the_expectation(mean: float, log_variance: float) -> None:
    """E[z^2] = mean^2 + exp(log_variance), whose gradient is known; each frame's is an unbiased estimate of it."""
    leaves = (torch.full((100_000, 1, 1, 1), value, dtype=torch.float64) for value in (mean, log_variance))
    posterior = Posterior(*(leaf.requires_grad_() for leaf in leaves))
    posterior.sample(random(100_000, 1, 1, 1)).square().sum().backward()
    for parameter, expected in zip(posterior, (2 * mean, np.exp(log_variance)), strict=True):
        error = parameter.grad.std().item() / len(parameter) ** 0.5
        assert parameter.grad.mean().item() == pytest.approx(expected, abs=STANDARD_ERRORS * error)

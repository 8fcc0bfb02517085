"""Likelihoods against torch.distributions, the KL divergence against Monte Carlo, the gradient through a sample."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from architectures.vae import Posterior
from bench.training import likelihood

STANDARD_ERRORS = 4
"""A right implementation leaves the interval once in 16 000 seeds, and the seeds are fixed."""


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_posterior() -> Posterior:
    return Posterior(random(3, 4, 2, 5, seed=1), random(3, 4, 2, 5, seed=2))


def single(mean: float, log_variance: float, count: int = 1) -> Posterior:
    """The same posterior of one number for each of `count` frames, as leaves."""
    values = (torch.full((count, 1, 1, 1), value, dtype=torch.float64) for value in (mean, log_variance))
    return Posterior(*(value.requires_grad_() for value in values))


@pytest.mark.parametrize(
    ("mean", "log_variance"), [(0, 0), (1.5, 0), (-0.3, -4), (0, 2), (2, 1), (0.1, -0.5), (-3, -7.5)]
)
def test_the_kl_divergence_is_that_of_monte_carlo(mean: float, log_variance: float) -> None:
    sigma = np.exp(log_variance / 2)
    draws = np.random.default_rng(0).normal(mean, sigma, 100_000)
    ratios = norm.logpdf(draws, mean, sigma) - norm.logpdf(draws)
    error = ratios.std() / np.sqrt(len(ratios))
    assert likelihood.kl(single(mean, log_variance)).item() == pytest.approx(
        ratios.mean(), abs=STANDARD_ERRORS * error + 1e-12
    )


def test_the_kl_divergence_of_many_numbers_is_torchs_summed_over_each_frame() -> None:
    posterior = random_posterior()
    reference = kl_divergence(Normal(posterior.mean, posterior.log_variance.mul(0.5).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(likelihood.kl_per_dimension(posterior), reference)
    torch.testing.assert_close(likelihood.kl(posterior), reference.sum((1, 2, 3)))
    assert likelihood.kl(likelihood.standard(posterior.mean)).tolist() == [0, 0, 0]


def test_bernoulli_is_torchs() -> None:
    logits, masks = 3 * random(3, 1, 4, 5), (random(3, 1, 4, 5, seed=1) > 0).double()
    reference = Bernoulli(logits=logits).log_prob(masks)
    torch.testing.assert_close(likelihood.bernoulli(logits, masks), reference.sum((1, 2, 3)))


def test_bernoulli_of_a_decoder_that_is_certain_is_finite() -> None:
    logits = torch.tensor([500.0, -500.0]).view(2, 1, 1, 1)
    assert likelihood.bernoulli(logits, torch.ones(2, 1, 1, 1)).tolist() == [0, -500]


@pytest.mark.parametrize("sigma", [1 / 255, 0.1, 1.0, 3.0])
def test_gaussian_is_torchs(sigma: float) -> None:
    logits, images = 3 * random(3, 3, 4, 5), random(3, 3, 4, 5, seed=1).sigmoid()
    reference = Normal(logits.sigmoid(), sigma).log_prob(images)
    found = likelihood.gaussian(logits, images, torch.tensor(sigma, dtype=torch.float64))
    torch.testing.assert_close(found, reference.sum((1, 2, 3)))


def test_the_most_likely_sigma_is_the_root_mean_square_error() -> None:
    logits, images = random(1, 3, 8, 8), random(1, 3, 8, 8, seed=1).sigmoid()
    best = (images - logits.sigmoid()).square().mean().sqrt()
    at_best, *beside = (likelihood.gaussian(logits, images, best * factor).item() for factor in (1, 0.97, 1.03))
    assert at_best > max(beside)


def test_log_density_of_latents_is_torchs() -> None:
    posterior, values = random_posterior(), random(3, 4, 2, 5, seed=3)
    reference = Normal(posterior.mean, posterior.log_variance.mul(0.5).exp()).log_prob(values).sum((1, 2, 3))
    torch.testing.assert_close(likelihood.log_normal(values, posterior), reference)
    prior = Normal(0.0, 1.0).log_prob(values).sum((1, 2, 3))
    torch.testing.assert_close(likelihood.log_normal(values, likelihood.standard(values)), prior)


def mean_and_error(values: Tensor) -> tuple[float, float]:
    return values.mean().item(), values.std().item() / len(values) ** 0.5


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, 0.0), (1.3, -2.0), (-0.7, 1.0)])
def test_the_gradient_through_a_sample_is_that_of_the_expectation(mean: float, log_variance: float) -> None:
    """E[z^2] = mean^2 + exp(log_variance), whose gradient is known; each frame's is an unbiased estimate of it."""
    posterior = single(mean, log_variance, count=100_000)
    posterior.sample(random(100_000, 1, 1, 1)).square().sum().backward()
    for parameter, expected in zip(posterior, (2 * mean, np.exp(log_variance)), strict=True):
        assert parameter.grad is not None
        found, error = mean_and_error(parameter.grad.flatten())
        assert found == pytest.approx(expected, abs=STANDARD_ERRORS * error)


@pytest.mark.parametrize("function", [torch.sin, torch.exp, lambda z: z**3])
def test_the_gradient_through_a_sample_is_that_of_finite_differences(function: Callable[[Tensor], Tensor]) -> None:
    noise, step = random(1, 1, 1, 1), 1e-5

    def value(mean: float, log_variance: float) -> float:
        return function(single(mean, log_variance).sample(noise)).sum().item()

    posterior = single(0.4, -0.6)
    function(posterior.sample(noise)).sum().backward()
    of_mean = (value(0.4 + step, -0.6) - value(0.4 - step, -0.6)) / (2 * step)
    of_log_variance = (value(0.4, -0.6 + step) - value(0.4, -0.6 - step)) / (2 * step)
    found = [parameter.grad.item() for parameter in posterior if parameter.grad is not None]
    assert found == pytest.approx([of_mean, of_log_variance], rel=1e-6)


def test_samples_have_the_posteriors_moments() -> None:
    with torch.no_grad():
        samples = single(1.0, -1.0, count=100_000).sample(random(100_000, 1, 1, 1)).flatten()
    centre, error = mean_and_error(samples)
    assert centre == pytest.approx(1, abs=STANDARD_ERRORS * error)
    spread, error = mean_and_error((samples - 1).square())
    assert spread == pytest.approx(np.exp(-1), abs=STANDARD_ERRORS * error)

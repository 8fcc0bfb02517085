"""Bounds of the log-likelihood, against a decoder whose likelihood is known, and on networks."""

import math
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from hourglass_bench.architectures.config import Target
from hourglass_bench.architectures.vae import Posterior
from hourglass_bench.bench import schema
from hourglass_bench.bench.generative.bounds import bits_per_dimension, bound_table, frame_bounds
from hourglass_bench.bench.training.objective import Targets
from hourglass_bench.bench.training.setup import Setup
from tests.bench.conftest import MakeSetup

SIDE, LATENT, SIGMA = 3, 2, 0.5
DISTORTION, RATE, ELBO, IWAE = (metric.column for metric in schema.BOUND_METRICS)


class LinearDecoder:
    """Pixels are `map @ z + offset` and normal noise, so that they are normal too, and so is the posterior.

    The map's columns are at right angles: the latent numbers of the posterior are independent.
    """

    def __init__(self, *, shift: float, widen: float) -> None:
        """The encoder's means are off by `shift`, its log-variances by `widen`."""
        torch.manual_seed(0)
        columns = torch.linalg.qr(torch.randn(SIDE * SIDE, LATENT))[0]
        self.map, self.offset = columns * torch.tensor([1.5, 0.8]), torch.randn(SIDE * SIDE)
        self.shift, self.widen = shift, widen

    def posterior(self, inputs: Tensor) -> Posterior:
        precision = 1 + self.map.square().sum(0) / SIGMA**2
        mean = (inputs.flatten(1) - self.offset) @ self.map / SIGMA**2 / precision + self.shift
        log_variance = (self.widen - precision.log()).expand_as(mean)
        return Posterior(mean[..., None, None], log_variance[..., None, None])

    def from_code(self, code: Tensor, size: tuple[int, int]) -> Tensor:
        pixels: Tensor = code.flatten(1) @ self.map.T + self.offset
        return pixels.view(-1, 1, *size)

    def log_likelihood(self, outputs: Tensor, targets: Targets) -> Tensor:
        densities: Tensor = Normal(outputs, SIGMA).log_prob(targets.values)
        return densities.flatten(1).sum(1)

    def evidence(self) -> MultivariateNormal:
        """Of flat frames: what the bounds are bounds of."""
        return MultivariateNormal(self.offset, self.map @ self.map.T + SIGMA**2 * torch.eye(SIDE * SIDE))

    def elbo(self, frames: Tensor) -> Tensor:
        """In closed form, of flat frames."""
        posterior = self.posterior(frames)
        mean, variance = posterior.mean.flatten(1), posterior.log_variance.exp().flatten(1)
        squares = (frames - self.offset - mean @ self.map.T).square().sum(1) + variance @ self.map.square().sum(0)
        constant = frames.shape[1] * math.log(SIGMA * math.sqrt(2 * math.pi))
        elbo: Tensor = -squares / (2 * SIGMA**2) - constant - divergence(posterior)
        return elbo


def divergence(posterior: Posterior) -> Tensor:
    own = Normal(posterior.mean, (posterior.log_variance / 2).exp())
    return kl_divergence(own, Normal(0.0, 1.0)).flatten(1).sum(1)


def bounds_of(toy: LinearDecoder) -> tuple[dict[str, Tensor], Tensor]:
    """Bounds of 2,000 frames, and the frames."""
    frames = toy.evidence().sample((2000,))
    pixels = frames.view(-1, 1, SIDE, SIDE)
    generator = torch.Generator().manual_seed(0)
    return frame_bounds(cast(Any, toy), cast(Any, toy), pixels, Targets(pixels), generator), frames


def test_with_the_true_posterior_both_bounds_are_the_likelihood() -> None:
    toy = LinearDecoder(shift=0, widen=0)
    bounds, frames = bounds_of(toy)
    exact = toy.evidence().log_prob(frames).double()
    assert (bounds[IWAE] - exact).abs().max() < 1e-4  # every weight is p(x), whatever was drawn
    assert bounds[ELBO].mean().item() == pytest.approx(exact.mean().item(), abs=0.02)


@pytest.mark.parametrize(("shift", "widen"), [(0.4, 0.0), (0.0, 1.0), (0.3, -0.5)])
def test_iwae_lies_between_elbo_and_likelihood_and_near_the_likelihood(shift: float, widen: float) -> None:
    toy = LinearDecoder(shift=shift, widen=widen)
    bounds, frames = bounds_of(toy)
    exact = toy.evidence().log_prob(frames).mean().item()
    elbo, iwae = (bounds[column].mean().item() for column in (ELBO, IWAE))
    assert elbo < iwae < exact + 0.005
    assert exact - iwae < 0.2 * (exact - elbo)


def test_elbo_and_rate_agree_with_their_closed_forms() -> None:
    toy = LinearDecoder(shift=0.3, widen=0.5)
    bounds, frames = bounds_of(toy)
    assert torch.allclose(bounds[RATE], divergence(toy.posterior(frames)).double(), atol=1e-4)
    assert torch.equal(bounds[ELBO], -bounds[DISTORTION] - bounds[RATE])
    assert bounds[ELBO].mean().item() == pytest.approx(toy.elbo(frames).mean().item(), abs=0.02)


def table_of(setup: Setup, seed: int = 0) -> pd.DataFrame:
    return bound_table(setup.trainer, setup.data, torch.from_numpy(setup.split.test), seed)


@pytest.mark.parametrize(("target", "latent"), [("mask", 0), ("mask", 3), ("image", 3)])
def test_elbo_is_at_most_iwae_before_and_after_training(make_setup: MakeSetup, target: Target, latent: int) -> None:
    _, setup = make_setup("vae", target, latent)
    before = table_of(setup)
    for _ in range(6):
        setup.trainer.train_epoch(setup.data, torch.from_numpy(setup.split.train))
    after = table_of(setup)
    for table in (before, after):
        assert list(table.columns) == [metric.column for metric in schema.BOUND_METRICS]
        assert len(table) == len(setup.split.test)
        assert np.isfinite(table).all(axis=None)
        assert table[ELBO].mean() <= table[IWAE].mean()
        assert (table[RATE] >= 0).all()
    assert after[ELBO].mean() > before[ELBO].mean()


def test_bounds_are_drawn_by_the_seed(make_setup: MakeSetup) -> None:
    _, setup = make_setup("vae", "mask", 3)
    first, again, other = (table_of(setup, seed) for seed in (0, 0, 1))
    assert first.equals(again)
    assert (first[RATE] == other[RATE]).all()
    assert (first[IWAE] != other[IWAE]).all()


def test_likelihood_is_that_of_masks_or_of_images(make_setup: MakeSetup) -> None:
    """The distortion of a decoder that says 0.5 of every pixel, whatever the latent."""
    for target, expected in (("mask", 16 * 16 * math.log(2)), ("image", None)):
        _, setup = make_setup("vae", target, 2)
        network = setup.trainer.network
        for parameter in network.get_submodule("head").parameters():
            torch.nn.init.zeros_(parameter)
        images = setup.data.images[torch.from_numpy(setup.split.test)].float() / 255
        own = -Normal(0.5, 0.25).log_prob(images).flatten(1).sum(1).mean().item()  # the sigma that training starts from
        assert table_of(setup)[DISTORTION].mean() == pytest.approx(expected or own, rel=1e-5)


def test_bits_are_of_a_pixel_and_a_channel() -> None:
    assert bits_per_dimension(-100 * math.log(2), 50) == pytest.approx(2)
    assert bits_per_dimension(70 * math.log(2), 10) == pytest.approx(-7)

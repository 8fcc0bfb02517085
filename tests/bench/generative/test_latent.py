"""What latent numbers say, and what of them is lost."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from hourglass_bench.architectures.config import Target
from hourglass_bench.architectures.vae import SIGMA_FLOOR
from hourglass_bench.bench.generative.latent import ACTIVE, collapse, encode, latent_table, most_telling
from hourglass_bench.bench.training.likelihood import kl
from tests.bench.conftest import MakeSetup

ALL = torch.arange(18)


@pytest.mark.parametrize("target", ["mask", "image"])
@pytest.mark.parametrize("latent", [0, 3])
def test_codes_of_a_vae_are_its_means_and_divergences_add_up_to_the_rate(
    make_setup: MakeSetup, target: Target, latent: int
) -> None:
    _, setup = make_setup("vae", target, latent)
    network = setup.trainer.network
    codes, divergences = encode(setup.trainer, setup.data, ALL)
    assert codes.shape == divergences.shape == (18, latent or 8 * 4 * 4)
    inputs = torch.cat([inputs for inputs, _ in setup.trainer.pairs(setup.data, ALL)])
    with torch.no_grad():
        posterior = network.posterior(inputs)
        scale = (posterior.log_variance / 2).exp()
        expected = kl_divergence(Normal(posterior.mean, scale), Normal(0.0, 1.0)).flatten(1)
    assert torch.allclose(codes, posterior.mean.flatten(1), atol=1e-5)
    assert torch.allclose(divergences, expected, atol=1e-5)
    assert torch.allclose(divergences.sum(1), kl(posterior), atol=1e-4)


def test_codes_of_an_autoencoder_are_in_the_order_of_the_frames(make_setup: MakeSetup) -> None:
    _, setup = make_setup("autoencoder", "image", 5)
    network = setup.trainer.network
    codes, divergences = encode(setup.trainer, setup.data, ALL)
    assert divergences is None
    with torch.no_grad():
        inputs = (setup.data.images[17:].float() / 255 - 0.5) / 0.25
        assert torch.allclose(codes[17:], network.to_code(inputs).flatten(1), atol=1e-5)
    assert torch.allclose(encode(setup.trainer, setup.data, ALL.flip(0))[0], codes.flip(0), atol=1e-5)
    assert len(codes.unique(dim=0)) == 18


def test_table_agrees_with_numpy_and_counts_what_varies() -> None:
    generator = torch.Generator().manual_seed(0)
    spread = torch.tensor([1.0, 0.5 * ACTIVE**0.5, 2 * ACTIVE**0.5, 0.0])
    codes = 3 + spread * torch.randn(200, 4, generator=generator)
    divergences = torch.rand(200, 4, generator=generator)
    table = latent_table(codes, divergences)
    assert table["dimension"].tolist() == [0, 1, 2, 3]
    assert table["mean"].to_numpy() == pytest.approx(codes.numpy().mean(axis=0), rel=1e-4)
    assert table["variance"].to_numpy() == pytest.approx(codes.numpy().var(axis=0, ddof=1), rel=1e-3, abs=1e-9)
    assert table["kl"].to_numpy() == pytest.approx(divergences.numpy().mean(axis=0), rel=1e-4)
    assert table["active"].tolist() == [True, False, True, False]
    assert latent_table(codes, None)["kl"].isna().all()


def test_numbers_that_tell_most_have_the_highest_divergence_or_else_variance() -> None:
    table = pd.DataFrame({"dimension": range(4), "variance": [1.0, 4.0, 3.0, 2.0], "kl": [0.5, 0.1, 0.9, 0.5]})
    assert most_telling(table, 3) == [2, 0, 3]
    assert most_telling(table.assign(kl=np.nan), 3) == [1, 2, 3]
    assert most_telling(table, 9) == [2, 0, 3, 1]


@pytest.mark.parametrize(
    ("active", "sigma", "lost"),
    [
        (3, None, ""),
        (0, None, "posterior"),
        (3, 0.2, ""),
        (3, SIGMA_FLOOR * 1.01, ""),
        (3, SIGMA_FLOOR, "sigma"),
        (0, 0.2, "posterior"),
        (0, SIGMA_FLOOR, "posterior, sigma"),
    ],
)
def test_collapse_is_named(active: int, sigma: float | None, lost: str) -> None:
    assert collapse(active, sigma) == lost

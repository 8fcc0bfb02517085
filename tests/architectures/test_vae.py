"""What auto-encoder and VAE are beyond an Hourglass: two halves, a posterior, and a sigma where images leave."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from hourglass_bench.architectures.autoencoder import AutoEncoder
from hourglass_bench.architectures.config import SIGMA_FLOOR, Target
from hourglass_bench.architectures.registry import build, configure
from hourglass_bench.architectures.vae import LOG_VARIANCE_BOUND, SIGMA_START

SIZE = (17, 23)
LATENTS = [0, 8]

every_latent = pytest.mark.parametrize("latent", LATENTS)
every_target = pytest.mark.parametrize("target", ["mask", "image"])


def make(name: str, target: Target = "image", latent: int = 0, seed: int = 0) -> Any:
    return build(configure(name, (4, 8), target=target, latent=latent, image_size=SIZE), seed=seed)


def batch(channels: int = 3, count: int = 2) -> Tensor:
    return torch.randn(count, channels, *SIZE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
@every_latent
@every_target
def test_both_halves_are_the_whole(name: str, latent: int, target: Target) -> None:
    network = make(name, target, latent)
    assert isinstance(network, AutoEncoder)
    inputs = batch(3 if target == "image" else 1)
    code = network.to_code(inputs)
    assert code.shape == ((2, 8, 1, 1) if latent else (2, 8, 5, 6))
    output = network(inputs)
    assert output.shape == inputs.shape
    assert torch.equal(network.from_code(code, SIZE), output)
    assert not torch.equal(network.from_code(code + 1, SIZE), output)


@every_latent
def test_the_auto_encoder_is_the_hourglass_of_images(latent: int) -> None:
    config = configure("autoencoder", (4, 8), latent=latent, image_size=SIZE)
    hourglass = build(replace(config, name="hourglass"), seed=3)
    assert torch.equal(build(config, seed=3)(batch()), hourglass(batch()))


def test_the_vaes_encoder_and_decoder_start_as_the_auto_encoders() -> None:
    ours, theirs = make("vae", latent=8, seed=3).state_dict(), make("autoencoder", latent=8, seed=3).state_dict()
    assert ours.keys() - theirs.keys() == {"sigma_exponent", "to_log_variance.weight", "to_log_variance.bias"}
    assert all(torch.equal(ours[key], weights) for key, weights in theirs.items())


@every_latent
def test_in_evaluation_the_vae_decodes_the_posteriors_mean(latent: int) -> None:
    vae = make("vae", latent=latent).eval()
    posterior = vae.posterior(batch())
    assert torch.equal(vae(batch()), vae(batch()))
    assert torch.equal(vae(batch()), vae.from_code(posterior.mean, SIZE))
    assert posterior.log_variance.shape == posterior.mean.shape
    assert posterior.log_variance.std() > 0
    assert not torch.equal(posterior.log_variance, posterior.mean)


@every_latent
def test_inference_decodes_a_sample_of_the_posterior(latent: int) -> None:
    vae = make("vae", latent=latent)
    posterior = vae.posterior(batch())
    logits, same = vae.infer(batch(), torch.zeros_like(posterior.mean))
    assert torch.equal(logits, vae(batch()))
    assert all(torch.equal(part, of_same) for part, of_same in zip(posterior, same, strict=True))
    noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(1))
    logits, _ = vae.infer(batch(), noise)
    sample = posterior.mean + posterior.log_variance.exp().sqrt() * noise
    torch.testing.assert_close(logits, vae.from_code(sample, SIZE))
    assert not torch.allclose(logits, vae(batch()))


def test_the_posteriors_width_stays_in_bounds_whatever_enters() -> None:
    vae = make("vae", latent=8)
    log_variance = vae.posterior(1e6 * batch()).log_variance
    assert log_variance.abs().max() == LOG_VARIANCE_BOUND
    moderate = vae.posterior(1e-2 * batch())
    unbounded = vae.to_log_variance(vae.encode(1e-2 * batch())[0])
    torch.testing.assert_close(moderate.log_variance, unbounded, rtol=1e-4, atol=0)


@pytest.mark.parametrize(("target", "has_it"), [("image", True), ("mask", False)])
def test_only_images_have_a_sigma(target: Target, has_it: bool) -> None:
    vae = make("vae", target)
    assert ("sigma_exponent" in dict(vae.named_parameters())) == has_it
    if has_it:
        assert vae.sigma().item() == pytest.approx(SIGMA_START)


def test_sigma_is_at_least_one_grey_level() -> None:
    vae = make("vae")
    vae.sigma_exponent.data.fill_(-20)
    assert vae.sigma().item() == pytest.approx(1 / 255) == SIGMA_FLOOR


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_what_leaves_has_the_channels_of_what_enters(name: str) -> None:
    config = replace(configure(name, (4, 8)), out_channels=1)
    with pytest.raises(ValueError, match=rf"out_channels of {name} must be its in_channels \(3\), got 1"):
        build(config, seed=0)


@pytest.mark.parametrize("name", ["hourglass", "unet", "simple_conv"])
def test_networks_that_segment_give_no_images(name: str) -> None:
    with pytest.raises(ValueError, match=f"target must be mask for {name}, which segments, got image; use autoencoder"):
        configure(name, (4, 8), target="image")

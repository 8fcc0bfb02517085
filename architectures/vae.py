"""Variational auto-encoder: the encoder gives a normal distribution (Kingma & Welling 2014, arXiv 1312.6114)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from architectures.autoencoder import AutoEncoder
from architectures.bottleneck import Layer, Prediction
from architectures.config import ArchitectureConfig
from architectures.encoder_decoder import bottleneck_sides, make_to_latent, to_latent_layer
from architectures.encoder_decoder import predict as predict_encoder_decoder

SIGMA_FLOOR = 1 / 255
"""Smallest standard deviation of the likelihood: one grey level. Below it a density of 8-bit images has no bound."""


LOG_VARIANCE_BOUND = 8.0
"""Largest size of a posterior's log-variance, approached smoothly: in the first steps exp() of it would overflow."""
SIGMA_START = 0.25
"""About the standard deviation of pixels: what a decoder needs that knows nothing yet."""


class Posterior(NamedTuple):
    """Normal distributions of independent latent numbers, each tensor as the latent: (B, C, h, w)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Standard normal noise -> latents, differentiable in both parameters (Kingma & Welling, arXiv 1312.6114)."""
        return self.mean + (0.5 * self.log_variance).exp() * noise


class VAE(AutoEncoder):
    """Two heads give mean and log-variance: of a flat latent, or of each number of the bottleneck map by 1x1 kernels.

    Where images leave it, `log_sigma` is the logarithm of the standard deviation of their normal likelihood: one number
    for all pixels (Rybkin et al. 2021, arXiv 2006.13202), a parameter here so that it can be learnt.
    """

    def __init__(self, config: ArchitectureConfig) -> None:
        super().__init__(config)
        self.to_latent = _make_head(config)
        self.to_log_variance = _make_head(config)
        if config.target == "image":
            self.log_sigma = nn.Parameter(torch.tensor(math.log(SIGMA_START)))

    def posterior(self, x: Tensor) -> Posterior:
        """(B, C_in, H, W) -> distribution of the latent (B, C, h, w)."""
        code = self.encode(x)[0]
        log_variance = LOG_VARIANCE_BOUND * torch.tanh(self.to_log_variance(code) / LOG_VARIANCE_BOUND)
        return Posterior(self.to_latent(code), log_variance)

    def infer(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Posterior]:
        """Reconstruct through a sample of the posterior: logits (B, C_in, H, W), and the posterior."""
        height, width = x.shape[-2:]
        posterior = self.posterior(x)
        return self.from_code(self.bottleneck(posterior.sample(noise)), (height, width)), posterior

    def sigma(self) -> Tensor:
        """Standard deviation of the normal likelihood of images in [0, 1]: ()."""
        return self.log_sigma.exp().clamp(min=SIGMA_FLOOR)

    @torch.no_grad()
    def fix_sigma(self, sigma: float) -> None:
        """Set the standard deviation, which is not learnt then."""
        self.log_sigma.fill_(math.log(sigma)).requires_grad_(False)


def _make_head(config: ArchitectureConfig) -> nn.Module:
    return make_to_latent(config) if config.latent else nn.Conv2d(config.channels[-1], config.channels[-1], 1)


def predict(config: ArchitectureConfig, height: int, width: int) -> Prediction:
    """Bottleneck and parameters of `VAE(config)`, and the MACs of a reconstruction through the posterior's mean.

    Raises:
        InfeasibleArchitecture: the bottleneck would vanish.
    """
    found = predict_encoder_decoder(config, height, width)
    sides, channels = bottleneck_sides(config, height, width), config.channels[-1]
    mean = Layer(channels, channels, 1, 1, *sides)  # of a flat latent it is counted already
    log_variance = to_latent_layer(config, sides) if config.latent else mean
    return found._replace(
        params=found.params + log_variance.params + (0 if config.latent else mean.params) + (config.target == "image"),
        macs=found.macs + (0 if config.latent else mean.macs),
    )


PRESETS = {"vae": ArchitectureConfig(name="vae", channels=(16, 32, 64), decoder_channels=(32, 16, 8), out_channels=3)}
"""The auto-encoder's preset with a posterior."""

"""Variational auto-encoder: the encoder gives a normal distribution (Kingma & Welling 2014, arXiv 1312.6114)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hourglass_bench.architectures.autoencoder import AutoEncoder
from hourglass_bench.architectures.blocks import BLOCKS, Conv2d
from hourglass_bench.architectures.bottleneck import Layer, Prediction
from hourglass_bench.architectures.config import SIGMA_FLOOR, EncoderDecoderConfig
from hourglass_bench.architectures.encoder_decoder import bottleneck_sides, make_to_latent, to_latent_layer
from hourglass_bench.architectures.encoder_decoder import predict as predict_encoder_decoder

LOG_VARIANCE_BOUND = 8.0
"""Largest size of a posterior's log-variance, approached smoothly: in the first steps exp() of it would overflow."""
SIGMA_START = 0.25
"""About the standard deviation of pixels: what a decoder needs that knows nothing yet."""
SIGMA_SPEED = 5.0
"""Adam moves a parameter by about the learning rate per step: too little for sigma in a short training."""


class Posterior(NamedTuple):
    """Normal distributions of independent latent numbers, each tensor as the latent: (B, C, h, w)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Standard normal noise -> latents, differentiable in both parameters (Kingma & Welling, arXiv 1312.6114)."""
        return self.mean + (0.5 * self.log_variance).exp() * noise


class VAE(AutoEncoder):
    """Two heads give mean and log-variance: of a flat latent, or of each number of the bottleneck map by 1x1 kernels.

    Where images leave it, their normal likelihood has one standard deviation for all pixels, sigma (Rybkin et al. 2021,
    arXiv 2006.13202): SIGMA_START * exp(SIGMA_SPEED * `sigma_exponent`), a parameter here so that it can be learnt.
    """

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__(config)
        self.to_latent = _make_head(config)
        self.to_log_variance = _make_head(config)
        if config.target == "image":
            self.sigma_exponent = nn.Parameter(torch.zeros(()))

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
        return (SIGMA_START * (SIGMA_SPEED * self.sigma_exponent).exp()).clamp(min=SIGMA_FLOOR)

    @torch.no_grad()
    def fix_sigma(self, sigma: float) -> None:
        """Set the standard deviation, which is not learnt then."""
        self.sigma_exponent.fill_(math.log(sigma / SIGMA_START) / SIGMA_SPEED).requires_grad_(False)


def _make_head(config: EncoderDecoderConfig) -> nn.Module:
    if config.latent:
        return make_to_latent(config)
    channels = config.bottleneck_channels
    return Conv2d(channels, channels, 1, gain=BLOCKS[config.block].reader_gain)


def predict(config: EncoderDecoderConfig, height: int, width: int) -> Prediction:
    """Bottleneck and parameters of `VAE(config)`, and the MACs of a reconstruction through the posterior's mean.

    Raises:
        InfeasibleArchitecture: the bottleneck would vanish.
    """
    found = predict_encoder_decoder(config, height, width)
    sides, channels = bottleneck_sides(config, height, width), config.bottleneck_channels
    mean = Layer(channels, channels, 1, 1, *sides)  # of a flat latent it is counted already
    log_variance = to_latent_layer(config, sides) if config.latent else mean
    return found._replace(
        params=found.params + log_variance.params + (0 if config.latent else mean.params) + (config.target == "image"),
        macs=found.macs + (0 if config.latent else mean.macs),
    )


PRESETS = {"vae": EncoderDecoderConfig(name="vae", channels=(16, 32, 64), decoder_channels=(32, 16, 8), out_channels=3)}
"""The auto-encoder's preset with a posterior."""

"""Bounds of the log-likelihood of frames under a VAE, in nats: the ELBO, and the tighter one of k samples."""

import math

import pandas as pd
import torch
from torch import Tensor

from hourglass_bench.architectures.vae import VAE
from hourglass_bench.bench import schema
from hourglass_bench.bench.machine.precision import widest
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.likelihood import kl, log_normal, standard
from hourglass_bench.bench.training.objective import Targets, Variational
from hourglass_bench.bench.training.trainer import Trainer

SAMPLES = 64
"""k of the IWAE bound (Burda, Grosse & Salakhutdinov 2016, arXiv 1509.00519)."""


@torch.inference_mode()
def bound_table(trainer: Trainer, data: DeviceFrames, indices: Tensor, seed: int) -> pd.DataFrame:
    """Columns of `schema.BOUND_METRICS`, a row per frame; the same samples serve both bounds, drawn from `seed`."""
    network, objective = trainer.network.eval(), trainer.objective
    assert isinstance(network, VAE)
    assert isinstance(objective, Variational)
    generator = torch.Generator().manual_seed(seed)
    parts = [frame_bounds(network, objective, *pair, generator) for pair in trainer.pairs(data, indices)]
    tables = [pd.DataFrame({name: values.cpu().numpy() for name, values in part.items()}) for part in parts]
    return pd.concat(tables, ignore_index=True)


def frame_bounds(
    network: VAE, objective: Variational, inputs: Tensor, targets: Targets, generator: torch.Generator
) -> dict[str, Tensor]:
    """Distortion, rate, ELBO and IWAE bound of each frame by their columns: (B, C, H, W) twice -> (B,) each.

    Of targets, what is ignored has no likelihood: it is integrated out.

    ELBO = E_q[log p(x|z)] - KL(q|p), the expectation by samples and the divergence in closed form;
    IWAE = log mean_k p(x|z_k) p(z_k) / q(z_k).
    """
    dtype = widest(inputs.device)
    posterior = network.posterior(inputs)
    size = (inputs.shape[2], inputs.shape[3])
    likelihoods, weights = [], []
    for _ in range(SAMPLES):
        noise = torch.randn(posterior.mean.shape, generator=generator).to(inputs.device)
        code = posterior.sample(noise)
        likelihood = objective.log_likelihood(network.from_code(code, size).float(), targets).to(dtype)
        likelihoods.append(likelihood)
        weights.append(likelihood + log_normal(code, standard(code)) - log_normal(code, posterior))
    distortion, rate = -torch.stack(likelihoods).mean(0), kl(posterior).to(dtype)
    values = {
        schema.TEST_DISTORTION: distortion,
        schema.TEST_RATE: rate,
        schema.TEST_ELBO: -distortion - rate,
        schema.TEST_IWAE: torch.stack(weights).logsumexp(0) - math.log(SAMPLES),
    }
    return {metric.column: value for metric, value in values.items()}


def bits_per_dimension(elbo: float, dimensions: float) -> float:
    """Nats per frame as bits per pixel and channel that count."""
    return -elbo / (math.log(2) * dimensions)

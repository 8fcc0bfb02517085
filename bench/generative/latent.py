"""What the latent numbers do: which of them say something about the frames, and whether a VAE has lost them.

Shapes: N frames, D latent numbers.
"""

import pandas as pd
import torch
from torch import Tensor

from hourglass_bench.architectures.autoencoder import AutoEncoder
from hourglass_bench.architectures.config import SIGMA_FLOOR
from hourglass_bench.architectures.vae import VAE
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.likelihood import kl_per_dimension
from hourglass_bench.bench.training.trainer import Trainer

ACTIVE = 0.01
"""Variance of the posterior mean above which a latent number is active (Burda et al. 2016, arXiv 1509.00519)."""


@torch.inference_mode()
def encode(trainer: Trainer, data: DeviceFrames, indices: Tensor) -> tuple[Tensor, Tensor | None]:
    """Codes of frames, of a VAE the posterior's means: (N, D), and the KL divergence of each number of each frame."""
    network = trainer.network.eval()
    assert isinstance(network, AutoEncoder)
    codes, divergences = [], []
    for inputs, _ in trainer.pairs(data, indices):
        if isinstance(network, VAE):
            posterior = network.posterior(inputs)
            codes.append(posterior.mean.flatten(1).cpu())
            divergences.append(kl_per_dimension(posterior).flatten(1).cpu())
        else:
            codes.append(network.to_code(inputs).flatten(1).cpu())
    return torch.cat(codes), torch.cat(divergences) if divergences else None


def latent_table(codes: Tensor, divergences: Tensor | None) -> pd.DataFrame:
    """A row per latent number, as `schema.LATENT_TABLE`, from (N, D) codes; one frame has no variance (NaN)."""
    variance = codes.double().var(0) if len(codes) > 1 else torch.full(codes.shape[1:], torch.nan)
    return pd.DataFrame(
        {
            "dimension": range(codes.shape[1]),
            "mean": codes.double().mean(0).numpy(),
            "variance": variance.numpy(),
            "kl": float("nan") if divergences is None else divergences.double().mean(0).numpy(),
            "active": (variance > ACTIVE).numpy(),
        }
    )


def most_telling(table: pd.DataFrame, count: int) -> list[int]:
    """Latent numbers, by a `latent_table`, with the highest KL divergence or, without a posterior, variance."""
    by = "variance" if table["kl"].isna().all() else "kl"
    dimensions = table.sort_values(by, ascending=False, kind="stable")["dimension"]
    return [int(dimension) for dimension in dimensions[:count]]


def collapse(active_units: int | None, sigma: float | None) -> str:
    """What a VAE has lost, as `schema.COLLAPSE`; empty if nothing.

    Args:
        active_units: Of the latent numbers; none is posterior collapse: the decoder does without the latent. None if a
            single frame cannot tell.
        sigma: Of a normal likelihood that was learnt. At the floor it is sigma collapse: the density of training images
            grows without bound, and nothing else is learnt any more. None if there is none to learn.
    """
    lost = {"posterior": active_units == 0, "sigma": sigma is not None and sigma <= SIGMA_FLOOR * (1 + 1e-6)}
    return ", ".join(name for name, is_lost in lost.items() if is_lost)

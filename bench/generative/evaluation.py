"""What an auto-encoder or VAE is worth on the test frames: quality, bounds, latent, probe, samples and grids."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hourglass_bench.architectures.config import ArchitectureConfig, Target
from hourglass_bench.architectures.vae import VAE
from hourglass_bench.bench import schema
from hourglass_bench.bench.evaluation import Evaluation
from hourglass_bench.bench.generative.bounds import bits_per_dimension, bound_table
from hourglass_bench.bench.generative.grids import save_grid
from hourglass_bench.bench.generative.latent import collapse, encode, latent_table
from hourglass_bench.bench.generative.pictures import make_grids, make_pictures, make_samples
from hourglass_bench.bench.generative.probe import probe_iou
from hourglass_bench.bench.generative.similarity import LEAST_SIDE, ms_ssim, ssim
from hourglass_bench.bench.metrics.frame_table import as_float32, chunks, frame_table, scene_means, write_table
from hourglass_bench.bench.metrics.overlap import scene_mean
from hourglass_bench.bench.metrics.pixels import Ignored, counted
from hourglass_bench.bench.training.objective import latent_shape
from hourglass_bench.bench.training.setup import Setup

PERFECT = 1e-10
"""Squared error below which PSNR stays at 100 dB."""


def evaluate_generative(architecture: ArchitectureConfig, setup: Setup, seed: int) -> Evaluation:
    """Everything on the test frames, by the weights that the network has now; `seed` decides the samples."""
    trainer, frames, split, target = setup.trainer, setup.dataset.frames, setup.split, architecture.target
    shape = latent_shape(architecture, setup.data.size)
    scenes = [frames.scenes[index] for index in split.test]
    test, ignored = torch.from_numpy(split.test), frames.ignored_of(split.test)
    reconstructions = trainer.predict(setup.data, test)
    originals = torch.cat([targets.values.cpu() for _, targets in trainer.pairs(setup.data, test)])
    table = quality_table(reconstructions.numpy(), originals.numpy(), ignored)
    codes, divergences = encode(trainer, setup.data, test)
    latent = latent_table(codes, divergences)
    pictures = make_pictures(setup, target, codes.view(-1, *shape), latent, reconstructions)
    metrics = {schema.PROBE_IOU.name: _probe(setup, codes)}
    tags: dict[str, str] = {}
    if isinstance(trainer.network, VAE):
        table = pd.concat([table, bound_table(trainer, setup.data, test, seed)], axis=1)
        elbo = scene_means(table, scenes, (schema.TEST_ELBO,))[schema.TEST_ELBO.name]
        share = 1.0 if ignored is None else scene_mean((counted(ignored) / ignored[0].size).tolist(), scenes)
        metrics[schema.TEST_BITS.name] = bits_per_dimension(elbo, share * originals[0].numel())
        found, lost = _about_posterior(trainer.network, target, trainer.config.sigma, len(table), latent)
        samples, copied = make_samples(setup, target, shape, seed)
        metrics, tags, pictures = metrics | found | copied, {schema.COLLAPSE: lost}, pictures | samples
    metrics |= scene_means(table, scenes, (*schema.RECONSTRUCTION_METRICS, *schema.BOUND_METRICS))
    masks = pd.DataFrame()
    if target == "mask":
        masks = frame_table(reconstructions.squeeze(1).numpy(), frames, split.test)
    metrics |= scene_means(masks, scenes)

    def write(folder: Path) -> None:
        write_table(setup.dataset, split, table, folder / schema.RECONSTRUCTION_TABLE)
        if len(masks):
            write_table(setup.dataset, split, masks, folder / schema.FRAME_TABLE)
        latent.to_parquet(folder / schema.LATENT_TABLE, index=False)
        np.savez_compressed(folder / schema.GENERATED_DATA, allow_pickle=False, **pictures)
        for name, grid in make_grids(pictures).items():
            save_grid(grid, folder / f"{name}.png")

    return Evaluation(metrics, tags, write)


def _about_posterior(
    network: VAE, target: Target, fixed_sigma: float, frames: int, latent: pd.DataFrame
) -> tuple[dict[str, float], str]:
    """Metrics of a VAE that are no scene means, and what it has lost."""
    active = int(latent["active"].sum()) if frames > 1 else None  # one frame has no variance
    metrics = {} if active is None else {schema.ACTIVE_UNITS.name: float(active)}
    if target == "mask":
        return metrics, collapse(active, None)
    sigma = network.sigma().item()
    return metrics | {schema.TEST_SIGMA.name: sigma}, collapse(active, None if fixed_sigma else sigma)


def _probe(setup: Setup, test_codes: Tensor) -> float:
    """Linear probe from the codes of training, validation and test frames to their masks."""
    split, masks = setup.split, setup.data.masks
    indices = {role: torch.from_numpy(getattr(split, role)) for role in ("train", "val", "test")}
    codes = {role: encode(setup.trainer, setup.data, indices[role])[0] for role in ("train", "val")}
    codes["test"] = test_codes
    train, val, test = ((codes[role], masks[index].flatten(1).cpu()) for role, index in indices.items())
    scenes = ([setup.data.scenes[index] for index in of.tolist()] for of in (indices["val"], indices["test"]))
    return probe_iou(train, val, test, *scenes)


def quality_table(
    reconstructions: NDArray[np.floating], originals: NDArray[np.floating], ignored: Ignored = None
) -> pd.DataFrame:
    """Columns mse, psnr, ssim and ms_ssim, a row per frame; both (N, C, H, W) in [0, 1]. Small frames lack ms_ssim.

    Pixels that are ignored (N, H, W) are black in both. The squared error is the mean over the others; the structural
    similarities look through windows and see black agree with black, so what is ignored raises them, for all alike.
    """
    parts = [
        _quality(as_float32(reconstructions[at]), as_float32(originals[at]), None if ignored is None else ignored[at])
        for at in chunks(len(originals))
    ]
    return pd.concat(parts, ignore_index=True)


def _quality(reconstructions: NDArray[np.float32], originals: NDArray[np.float32], ignored: Ignored) -> pd.DataFrame:
    share: NDArray[np.float64] | float = 1.0
    if ignored is not None:
        reconstructions, originals = (np.where(ignored[:, None], 0, of) for of in (reconstructions, originals))
        share = np.maximum(counted(ignored), 1) / ignored[0].size
    mse = np.square(reconstructions - originals).mean(axis=(1, 2, 3), dtype=np.float64) / share
    pairs = list(zip(reconstructions, originals, strict=True))
    ssims = [ssim(*pair) for pair in pairs]
    table = pd.DataFrame({"mse": mse, "psnr": -10 * np.log10(np.maximum(mse, PERFECT)), "ssim": ssims})
    if min(originals.shape[2:]) >= LEAST_SIDE:
        table["ms_ssim"] = [ms_ssim(*pair) for pair in pairs]
    return table

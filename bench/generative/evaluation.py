"""What an auto-encoder or VAE is worth on the test frames: quality, bounds, latent, probe, samples and grids."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from architectures.vae import VAE
from bench import schema
from bench.config import RunConfig
from bench.data.frames import is_foreground
from bench.generative.bounds import bits_per_dimension, bound_table
from bench.generative.grids import save_grid
from bench.generative.latent import collapse, encode, latent_table
from bench.generative.pictures import draw, draw_samples, make_grids
from bench.generative.probe import probe_iou
from bench.generative.quality import quality_table
from bench.metrics.frame_table import frame_table, scene_means
from bench.tracking.artifacts import write_table
from bench.training.setup import Setup


class Examined(NamedTuple):
    """What was found, and what writes the artifacts."""

    metrics: dict[str, float]
    tags: dict[str, str]
    write: Callable[[Path], None]


def evaluate_generative(config: RunConfig, setup: Setup) -> Examined:
    """Everything on the test frames, by the weights that the network has now."""
    trainer, split = setup.trainer, setup.split
    scenes = [setup.dataset.frames.scenes[index] for index in split.test]
    test = torch.from_numpy(split.test)
    reconstructions = trainer.predict(setup.data, test)
    originals = torch.cat([targets.cpu() for _, targets in trainer.pairs(setup.data, test)])
    table = quality_table(reconstructions.numpy(), originals.numpy())
    codes, divergences = encode(trainer, setup.data, test)
    latent = latent_table(codes, divergences)
    pictures = draw(config, setup, codes, latent, reconstructions)
    metrics, tags = {schema.PROBE_IOU.name: _probe(setup, codes)}, {}
    if isinstance(trainer.network, VAE):
        table = pd.concat([table, bound_table(trainer, setup.data, test, config.repeat)], axis=1)
        found, lost = _about_posterior(config, setup, table, scenes, latent, originals[0].numel())
        samples, copied = draw_samples(config, setup)
        metrics, tags, pictures = metrics | found | copied, {schema.COLLAPSE: lost}, pictures | samples
    metrics |= scene_means(table, scenes, (*schema.RECONSTRUCTION_METRICS, *schema.BOUND_METRICS))
    masks = _mask_table(setup, reconstructions) if config.architecture.target == "mask" else pd.DataFrame()
    metrics |= scene_means(masks, scenes)

    def write(folder: Path) -> None:
        write_table(setup.dataset, split, table, folder / schema.RECONSTRUCTION_TABLE)
        if len(masks):
            write_table(setup.dataset, split, masks, folder / schema.FRAME_TABLE)
        latent.to_parquet(folder / schema.LATENT_TABLE, index=False)
        np.savez_compressed(folder / schema.GENERATED_DATA, allow_pickle=False, **pictures)
        for name, grid in make_grids(pictures).items():
            save_grid(grid, folder / f"{name}.png")

    return Examined(metrics, tags, write)


def _about_posterior(
    config: RunConfig, setup: Setup, table: pd.DataFrame, scenes: list[str], latent: pd.DataFrame, dimensions: int
) -> tuple[dict[str, float], str]:
    """Metrics of a VAE that are no scene means, and what it has lost."""
    elbo = scene_means(table, scenes, (schema.TEST_ELBO,))[schema.TEST_ELBO.name]
    metrics = {schema.TEST_BITS.name: bits_per_dimension(elbo, dimensions)}
    active = int(latent["active"].sum()) if len(table) > 1 else None  # one frame has no variance
    if active is not None:
        metrics[schema.ACTIVE_UNITS.name] = float(active)
    network = setup.trainer.network
    if config.architecture.target == "mask":
        return metrics, collapse(active, None)
    assert isinstance(network, VAE)
    sigma = network.sigma().item()
    return metrics | {schema.TEST_SIGMA.name: sigma}, collapse(active, None if config.training.sigma else sigma)


def _mask_table(setup: Setup, probability: Tensor) -> pd.DataFrame:
    """Every test metric of reconstructed masks."""
    frames, test = setup.dataset.frames, setup.split.test
    return frame_table(probability.squeeze(1).numpy(), is_foreground(frames.masks[test]), frames.original_sizes[test])


def _probe(setup: Setup, test_codes: Tensor) -> float:
    """Linear probe from the codes of training, validation and test frames to their masks."""
    split, masks = setup.split, setup.data.masks.flatten(1).cpu()
    indices = {role: torch.from_numpy(getattr(split, role)) for role in ("train", "val", "test")}
    codes = {role: encode(setup.trainer, setup.data, indices[role])[0] for role in ("train", "val")}
    codes["test"] = test_codes
    train, val, test = ((codes[role], masks[index]) for role, index in indices.items())
    scenes = ([setup.data.scenes[index] for index in of.tolist()] for of in (indices["val"], indices["test"]))
    return probe_iou(train, val, test, *scenes)

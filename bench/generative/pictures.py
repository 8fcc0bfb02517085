"""The pictures that a run of an auto-encoder or VAE leaves behind, of its test frames and its samples."""

import numpy as np
import pandas as pd
from torch import Tensor

from hourglass_bench.architectures.autoencoder import AutoEncoder
from hourglass_bench.architectures.config import Target
from hourglass_bench.architectures.vae import VAE
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.panel import choose_frames
from hourglass_bench.bench.generative.config import SAMPLES
from hourglass_bench.bench.generative.decoding import OFFSETS, interpolate, sample, to_pictures, traverse
from hourglass_bench.bench.generative.grids import (
    Grid,
    Pictures,
    interpolation_grid,
    reconstruction_grid,
    sample_grid,
    traversal_grid,
)
from hourglass_bench.bench.generative.latent import most_telling
from hourglass_bench.bench.generative.memorisation import memorisation
from hourglass_bench.bench.training.setup import Setup

PICTURED = 12
"""Reconstructions that are kept."""
PAIRS = 4
"""Ways from frame to frame: from each of the first reconstructions to the next."""
TRAVERSED = 6
"""Latent numbers that are varied."""


def make_pictures(
    setup: Setup, target: Target, codes: Tensor, latent: pd.DataFrame, reconstructions: Tensor
) -> dict[str, Pictures]:
    """The arrays of `schema.GENERATED_DATA` that an auto-encoder has too.

    Args:
        codes: (N, C, h, w) of the test frames.
        latent: their `latent_table`.
        reconstructions: (N, C, H, W) of the test frames.
    """
    frames, split, network = setup.dataset.frames, setup.split, setup.trainer.network
    assert isinstance(network, AutoEncoder)
    targets, size = target_pictures(frames, target), setup.data.size
    places = choose_frames([frames.scenes[index] for index in split.test], PICTURED)
    dimensions = most_telling(latent, TRAVERSED)
    starts, ends = pairs(len(places))
    return {
        "originals": targets[split.test[places]],
        "reconstructions": to_pictures(reconstructions[places]),
        "interpolations": interpolate(network, codes[places][starts], codes[places][ends], size),
        "traversals": traverse(network, codes, codes[places[0]], dimensions, size),
        "dimensions": np.array(dimensions),
    }


def make_samples(
    setup: Setup, target: Target, shape: tuple[int, int, int], seed: int
) -> tuple[dict[str, Pictures], dict[str, float]]:
    """The arrays that a VAE adds, and how near its samples come to training frames.

    Args:
        shape: (C, h, w) of the latent.
    """
    network, frames, split = setup.trainer.network, setup.dataset.frames, setup.split
    assert isinstance(network, VAE)
    samples = sample(network, shape, SAMPLES, setup.data.size, seed)
    targets = target_pictures(frames, target)
    scenes = [setup.data.scenes[index] for index in split.train]
    copied = memorisation(samples, targets[split.train], scenes, targets[split.test])
    return {"samples": samples, "neighbours": targets[split.train][copied.neighbours]}, copied.metrics


def target_pictures(frames: Frames, target: Target) -> Pictures:
    """What is to leave the network, of all frames: images (N, H, W, 3), or masks (N, H, W) of 0 and 255."""
    return frames.images if target == "image" else frames.foreground_of(np.arange(len(frames.masks))) * np.uint8(255)


def pairs(frames: int) -> tuple[list[int], list[int]]:
    """Positions of the frames that ways start from and lead to; a lone frame leads to itself."""
    count = min(PAIRS, frames - 1)
    return (list(range(count)), list(range(1, count + 1))) if count else ([0], [0])


def make_grids(pictures: dict[str, Pictures]) -> dict[str, Grid]:
    """The pictures by their names, laid out."""
    originals = pictures["originals"]
    starts, ends = pairs(len(originals))
    grids = {
        "reconstructions": reconstruction_grid(originals, pictures["reconstructions"]),
        "interpolations": interpolation_grid(originals[starts], pictures["interpolations"], originals[ends]),
        "traversals": traversal_grid(originals[0], pictures["traversals"], pictures["dimensions"].tolist(), OFFSETS),
    }
    return grids | ({"samples": sample_grid(pictures["samples"])} if "samples" in pictures else {})

"""What a decoder makes of codes: samples, ways from frame to frame, latent numbers varied.

Shapes: S steps, D latent numbers, H height, W width; codes are (N, C, h, w), pictures uint8, (..., H, W) of masks and
(..., H, W, 3) of images.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hourglass_bench.architectures.autoencoder import AutoEncoder
from hourglass_bench.bench.generative.config import STEPS
from hourglass_bench.bench.generative.grids import Pictures

REACH = 2.5
"""Standard deviations of the codes to either side that a traversal goes."""
OFFSETS: tuple[float, ...] = tuple(np.linspace(-REACH, REACH, STEPS).tolist())
"""Steps of a traversal, in standard deviations."""
BATCH = 64


@torch.inference_mode()
def decode(network: AutoEncoder, codes: Tensor, size: tuple[int, int]) -> Pictures:
    """What the decoder makes of codes, at least one: the mean of its likelihood."""
    device = next(network.parameters()).device
    parts = (network.from_code(part.to(device), size).float().sigmoid() for part in codes.split(BATCH))
    return np.concatenate([to_pictures(part) for part in parts])


def to_pictures(values: Tensor) -> Pictures:
    """(N, C, H, W) in [0, 1] -> (N, H, W) of one channel, (N, H, W, 3) of three."""
    pixels: Pictures = (values.float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def sample(network: AutoEncoder, shape: tuple[int, int, int], count: int, size: tuple[int, int], seed: int) -> Pictures:
    """What becomes of samples of the prior: (count, ...)."""
    codes = torch.randn((count, *shape), generator=torch.Generator().manual_seed(seed))
    return decode(network, codes, size)


def interpolate(
    network: AutoEncoder, start: Tensor, end: Tensor, size: tuple[int, int], steps: int = STEPS
) -> Pictures:
    """A straight way from code to code, ends included, for each of some pairs: (pairs, steps, ...)."""
    shares = torch.linspace(0, 1, steps).view(1, steps, 1, 1, 1)
    codes = start.unsqueeze(1) + shares * (end - start).unsqueeze(1)
    return _rows(decode(network, codes.flatten(0, 1), size), len(start))


def traverse(
    network: AutoEncoder, codes: Tensor, start: Tensor, dimensions: Sequence[int], size: tuple[int, int]
) -> Pictures:
    """Latent numbers varied one by one about their mean over `codes`, the others as in `start`: (D, S, ...)."""
    flat = codes.flatten(1)
    centre, spread = flat.mean(0), flat.std(0, correction=0)
    varied = start.flatten().repeat(len(dimensions), len(OFFSETS), 1)
    for row, dimension in enumerate(dimensions):
        varied[row, :, dimension] = centre[dimension] + torch.tensor(OFFSETS) * spread[dimension]
    return _rows(decode(network, varied.flatten(0, 1).view(-1, *start.shape), size), len(dimensions))


def _rows(pictures: Pictures, rows: int) -> Pictures:
    return pictures.reshape(rows, -1, *pictures.shape[1:])

"""Augmentation of whole batches on the device: flip, affine map and colour, one random transform per frame.

All randomness comes from a CPU generator, so that equal seeds give equal transforms on every device; what is drawn is
sent for all of an epoch at once.
Shapes: B batch, H height, W width. Images are float in [0, 1], masks float 0 or 1, or IGNORED.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from hourglass_bench.bench.config import TrainingConfig

GREY = (0.299, 0.587, 0.114)
"""Luma weights of ITU-R BT.601."""


class Transform(NamedTuple):
    """How each of B frames is changed."""

    theta: Tensor
    """(B, 2, 3), see `sample_affine`."""
    gain: Tensor
    """(B, 3, 3), see `sample_color_jitter`."""
    shift: Tensor
    """(B, 3)."""


def sample_transform(batch: int, aspect: float, config: TrainingConfig, generator: torch.Generator) -> Transform | None:
    """A random transform per frame of `aspect` = H/W, on the CPU; None if the config changes nothing."""
    if not config.augments:
        return None
    theta = sample_affine(batch, aspect, config, generator)
    return Transform(theta, *sample_color_jitter(batch, config.color_jitter, generator))


def augment(images: Tensor, masks: Tensor, transform: Transform) -> tuple[Tensor, Tensor]:
    """(B, 3, H, W) and (B, 1, H, W) -> the same shapes; the masks keep their values and follow the geometry only."""
    batch, _, height, width = images.shape
    grid = F.affine_grid(transform.theta, [batch, 1, height, width], align_corners=False)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    masks = F.grid_sample(masks, grid, mode="nearest", padding_mode="reflection", align_corners=False)
    return apply_color_jitter(images, transform.gain, transform.shift), masks


def sample_affine(batch: int, aspect: float, config: TrainingConfig, generator: torch.Generator) -> Tensor:
    """Output-to-input maps (B, 2, 3) in the coordinates of `affine_grid`; `aspect` = H/W keeps rotations rigid."""
    flip = torch.where(torch.rand(batch, generator=generator) < config.flip, -1.0, 1.0)
    angle = _symmetric(batch, generator) * math.radians(config.rotate)
    scale = torch.exp(_symmetric(batch, generator) * math.log1p(config.scale))
    move = torch.stack([_symmetric(batch, generator) * 2 * config.shift for _ in range(2)], dim=1)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = (
        torch.stack((cos * flip, -sin * aspect, move[:, 0]), dim=1),
        torch.stack((sin / aspect * flip, cos, move[:, 1]), dim=1),
    )
    return torch.stack(rows, dim=1)


def sample_color_jitter(batch: int, strength: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Colour maps (B, 3, 3) and offsets (B, 3): channel gains, saturation, contrast about mid-grey, brightness."""
    saturation = 1 + _symmetric(batch, generator) * strength
    contrast = 1 + _symmetric(batch, generator) * strength
    brightness = _symmetric(batch, generator) * strength * 0.5
    channels = 1 + torch.stack([_symmetric(batch, generator) for _ in range(3)], dim=1) * strength * 0.25
    to_grey = torch.tensor(GREY).expand(3, 3)
    mix = saturation[:, None, None] * torch.eye(3) + (1 - saturation)[:, None, None] * to_grey
    gain = contrast[:, None, None] * torch.diag_embed(channels) @ mix
    shift = (0.5 * (1 - contrast) + brightness)[:, None].expand(batch, 3)
    return gain, shift


def apply_color_jitter(images: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """Per-frame colour map of (B, 3, H, W), clamped to [0, 1], as one small matrix product."""
    batch, channels, height, width = images.shape
    flat = images.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
    mapped = torch.baddbmm(shift[:, None, :], flat, gain.transpose(1, 2)).clamp_(0, 1)
    return mapped.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _symmetric(batch: int, generator: torch.Generator) -> Tensor:
    """Uniform in [-1, 1)."""
    return torch.rand(batch, generator=generator) * 2 - 1

"""What an audit needs to know of single frames before they are resized."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from PIL import Image

from bench.data.folder import Pair, open_image
from bench.data.frames import Frames, is_foreground
from bench.metrics.overlap import threshold_iou


class Facts(NamedTuple):
    """One frame at its original size."""

    image_size: tuple[int, int]
    """Width and height."""
    mask_size: tuple[int, int]
    image_mode: str
    """Pillow's name of the pixels' kind, such as RGB or P."""
    mask_mode: str
    digest: str
    """Equal digests mean equal RGB images."""
    foreground: float
    """Share of the mask's pixels."""
    soft: float
    """Share of the mask's pixels that are neither 0 nor 255."""
    threshold_iou: float
    """IoU of the masks cut at 64 and at 192: 1 if the threshold decides nothing."""


def facts_of_files(pairs: Iterable[Pair]) -> list[Facts]:
    """Decode all pairs; ValueError names a file that is no image."""
    return [_facts(open_image(pair.image), open_image(pair.mask)) for pair in pairs]


def facts_of_arrays(frames: Frames) -> list[Facts]:
    """Of frames that have no files."""
    pairs = zip(frames.images, frames.masks, strict=True)
    return [_facts(Image.fromarray(image), Image.fromarray(mask)) for image, mask in pairs]


def _facts(image: Image.Image, mask: Image.Image) -> Facts:
    alpha = np.array(mask.convert("L"))
    return Facts(
        image_size=image.size,
        mask_size=mask.size,
        image_mode=image.mode,
        mask_mode=mask.mode,
        digest=hashlib.sha256(repr(image.size).encode() + image.convert("RGB").tobytes()).hexdigest(),
        foreground=float(is_foreground(alpha).mean()),
        soft=float(((alpha > 0) & (alpha < 255)).mean()),
        threshold_iou=threshold_iou(alpha[None]).item(),
    )

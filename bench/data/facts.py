"""What is known of single frames before they were resized, found when they are read."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.frames import Frames, is_foreground
from hourglass_bench.bench.data.resizing.fit import Labels


class Facts(NamedTuple):
    """One frame at its original size."""

    image_size: tuple[int, int]
    """Height and width."""
    mask_size: tuple[int, int]
    image_mode: str
    """Pillow's name of the pixels' kind, such as RGB or P."""
    mask_mode: str
    digest: str
    """Equal digests mean equal RGB images."""
    foreground: float
    """Share of the mask's pixels, as they were delivered: those that are ignored count as background."""
    ignored: float
    """Share of the mask's pixels."""
    soft: float
    """Share of the mask's pixels that are neither 0 nor 255."""
    threshold_iou: float
    """IoU of the mask cut at 64 and at 192: 1 if the threshold decides nothing."""
    lost: float
    """Share of the foreground that lies where the resized mask says background."""
    keeping_size: tuple[int, int] | None = None
    """The size that would keep it, where more is lost than is tolerated."""
    vanished: bool = False
    """Whether it has foreground and the resized frame has none that counts: there an empty prediction scores 1."""
    turned_apart: bool = False
    """Whether EXIF turns the image and not its mask, or otherwise: they fit as they are seen."""


def facts_of(
    mode: str,
    image_size: tuple[int, int],
    labels: Labels,
    digest: str,
    lost: float,
    keeping_size: tuple[int, int] | None = None,
    *,
    turned_apart: bool = False,
) -> Facts:
    """Of one frame, whose image has a mode and size."""
    alpha = np.where(labels.ignored, np.uint8(0), labels.foreground) if labels.ignored.any() else labels.foreground
    height, width = alpha.shape
    return Facts(
        image_size=image_size,
        mask_size=(height, width),
        image_mode=mode,
        mask_mode=labels.mode,
        digest=digest,
        foreground=np.count_nonzero(is_foreground(alpha)) / alpha.size,
        ignored=np.count_nonzero(labels.ignored) / alpha.size,
        soft=(np.count_nonzero(alpha) - np.count_nonzero(alpha == 255)) / alpha.size,
        threshold_iou=_threshold_iou(alpha),
        lost=lost,
        keeping_size=keeping_size,
        turned_apart=turned_apart,
    )


def drawn_facts(frames: Frames) -> tuple[Facts, ...]:
    """Of frames that have no files."""
    soft = (Labels(mask, np.zeros(mask.shape, np.bool_), soft=True) for mask in frames.masks)
    pairs = zip(frames.images, soft, strict=True)
    return tuple(facts_of("RGB", image.shape[:2], labels, digest_of(image), lost=0.0) for image, labels in pairs)


def digest_of(image: NDArray[np.uint8]) -> str:
    """Hash of an image (H, W, 3)."""
    content = hashlib.sha256(repr(image.shape).encode())
    content.update(np.ascontiguousarray(image).data)  # no copy of a large image
    return content.hexdigest()


def _threshold_iou(alpha: NDArray[np.uint8]) -> float:
    low, high = np.count_nonzero(alpha >= 64), np.count_nonzero(alpha >= 192)
    return high / low if low else 1.0

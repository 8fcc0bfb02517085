"""What is black and what is white in images of more than 8 bits."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hourglass_bench.bench.data.files.decode import Picture

_STRIP = 1 << 20
"""Pixels that are mapped at a time, so that a large picture needs no other copy."""
_SAMPLE = 1 << 15
"""Pixels of one picture that are asked for the range of a set."""
_PERCENTILES = 0.1, 99.9


class Range(NamedTuple):
    """What is black and what is white in a set."""

    low: float
    high: float
    kind: str
    """The number format it was found in, such as uint16; float for all of them."""


def kind_of(name: str) -> str:
    """The family of a number format that share a `Range`; uint8 for all that have 8 bits or less."""
    return {"bool": "uint8"}.get(name, "float" if name.startswith("float") else name)


def whole_range(kind: str) -> Range:
    """The limits of a number format; floating point reaches from 0 to 1."""
    if kind == "float":
        return Range(0.0, 1.0, kind)
    limits = np.iinfo(kind)
    return Range(float(limits.min), float(limits.max), kind)


def percentile_range(pictures: Iterator[Picture], kind: str) -> Range:
    """Percentiles of a sample of every picture's pixels, without alpha; those that are no number are not counted."""
    sample = np.concatenate([_sample_of(picture) for picture in pictures])
    if not sample.size:
        return whole_range(kind)
    low, high = np.percentile(sample, _PERCENTILES)
    if low == high:  # nearly all of one value
        low, high = sample.min(), sample.max()
    return Range(float(low), float(high) if high > low else float(low) + 1, kind)


def to_rgb(picture: Picture, limits: Range | None) -> NDArray[np.uint8]:
    """(H, W, 3) in 0..255, without alpha; `limits` are mapped to black and white unless they are None.

    Numbers outside the limits are clipped, and what is no number (NaN, infinity) becomes black. An image of 8 bits is
    left as it is; it is refused where others are scaled by the percentiles of their set, as no rule fits both.

    Raises:
        ValueError: the picture has another number format than the limits.
    """
    kind = kind_of(picture.values.dtype.name)
    is_plain = kind == "uint8" and (limits is None or limits == whole_range(limits.kind))
    if not is_plain and (limits is None or kind != limits.kind):
        wanted = "uint8" if limits is None else limits.kind
        raise ValueError(
            f"an image must have the number format of the others of its set, {wanted}, got {kind}; convert it."
        )
    colours = _without_alpha(picture.values)
    if is_plain and colours.ndim == 3:
        return np.ascontiguousarray(colours)
    rows = max(1, _STRIP // colours.shape[1])
    scale = None if is_plain else limits
    if len(colours) <= rows:
        return _map(colours, scale, picture.palette)
    rgb = np.empty((*colours.shape[:2], 3), np.uint8)
    for top in range(0, len(colours), rows):
        rgb[top : top + rows] = _map(colours[top : top + rows], scale, picture.palette)
    return rgb


def _map(values: NDArray[np.generic], limits: Range | None, palette: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """(H, W, 3) of colours, grey levels or indices."""
    scaled = values if limits is None else _scale(values, limits)
    if scaled.ndim == 3:
        return scaled.astype(np.uint8, copy=False)
    image = Image.fromarray(np.ascontiguousarray(scaled))
    if palette is not None:
        image.putpalette(palette[:, :3].tobytes())
    return np.asarray(image.convert("RGB"))


def _without_alpha(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """(H, W) or (H, W, 3)."""
    if values.ndim == 2:
        return values
    return values[..., 0] if values.shape[2] <= 2 else values[..., :3]


def _scale(values: NDArray[np.generic], limits: Range) -> NDArray[np.uint8]:
    part = values.astype(np.float64)
    part[~np.isfinite(part)] = limits.low
    part = (np.clip(part, limits.low, limits.high) - limits.low) * (255 / (limits.high - limits.low))
    return np.rint(part).astype(np.uint8)


def _sample_of(picture: Picture) -> NDArray[np.float64]:
    values = _without_alpha(picture.values)
    step = max(1, round((values.shape[0] * values.shape[1] / _SAMPLE) ** 0.5))
    sample = values[step // 2 :: step, step // 2 :: step].astype(np.float64).ravel()
    return sample[np.isfinite(sample)]

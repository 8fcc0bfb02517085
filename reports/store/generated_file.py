"""Files of what auto-encoders and VAEs drew."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import schema
from reports.store.panel_file import read_arrays

Pictures = NDArray[np.uint8]
"""(..., H, W) of masks' probabilities, (..., H, W, 3) of images."""


class Generated(NamedTuple):
    """What a VAE drew."""

    originals: Pictures
    """(F, ...) test frames."""
    reconstructions: Pictures
    interpolations: Pictures
    """(P, S, ...): in S steps from each of the first frames to the next."""
    samples: Pictures
    """(N, ...)."""
    neighbours: Pictures
    """The training frame nearest to each sample."""


def read_generated(folder: Path) -> Generated:
    """What the run whose artifacts are in `folder` kept.

    Raises:
        ValueError: the file is not there or damaged, lacks an array, as that of an auto-encoder does, or has one of
            another type or shape.
    """
    path = folder / schema.GENERATED_DATA
    found = Generated(*read_arrays(path, *Generated._fields))
    picture = found.originals.shape[1:]
    shapes = {
        "reconstructions": found.originals.shape,
        "interpolations": (*found.interpolations.shape[:2], *picture),
        "samples": (*found.samples.shape[:1], *picture),
        "neighbours": found.samples.shape,
    }
    for name, array in found._asdict().items():
        if array.dtype != np.uint8 or array.shape != shapes.get(name, array.shape) or 0 in array.shape:
            raise ValueError(
                f"{path} must have pictures of one size in {name}, uint8 and as many as belong together, got "
                f"{array.dtype} of shape {array.shape}."
            )
    return found

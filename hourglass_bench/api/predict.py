"""`predict`: the mask of an image, by a trained network."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.commands.predict import resolve_checkpoint
from hourglass_bench.bench.data.files.pictures import Page
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.segmenter import Segmenter


def predict(
    checkpoint: str | Path,
    image: str | Path | NDArray[np.uint8] | Any,
    *,
    tile: bool = False,
    device: str = "auto",
    runs: str | Path = "runs",
    tracking: str = "",
) -> NDArray[np.bool_]:
    """The mask of an image: the pixels that `hourglass-bench predict` writes as 255.

    Args:
        checkpoint: `state_dict.pt`, its folder, or a run's id.
        image: A file, an array (H, W, 3) of red, green and blue in uint8, or a picture of Pillow.
        tile: See the image in its own pixels, by overlapping tiles of the size of the training, instead of resized.
        device: auto (cuda or cpu), cpu, cuda, cuda:INDEX or mps.
        runs: Folder of all results, if a run's id is given.
        tracking: URL of the MLflow store, if it is not the database under `runs`.

    Returns:
        (H, W) of the image's own size; True is foreground, where the probability is above 0.5.

    Raises:
        ValueError: there is no such checkpoint, it does not segment, or the image is none.
    """
    path = resolve_checkpoint(str(checkpoint), Path(runs), tracking)
    segmenter = Segmenter(path, choose_device(device), tile=tile)
    if isinstance(image, str | Path):
        return segmenter.look(Page(Path(image))).mask
    return segmenter.see(_pixels(image)).mask


def _pixels(image: Any) -> NDArray[np.uint8]:
    pixels = np.asarray(image.convert("RGB") if hasattr(image, "convert") else image)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3:
        raise ValueError(
            f"image must be a file or an array (H, W, 3) of uint8, got {pixels.dtype} of shape {pixels.shape}."
        )
    return pixels

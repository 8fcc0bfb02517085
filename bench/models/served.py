"""What MLflow loads a model of ours by, as `mlflow.pyfunc`: images in, masks out, by the code of `predict`."""

import os
from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from hourglass_bench.bench.data.files.pictures import list_pages
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.png import to_png
from hourglass_bench.bench.segmenter import Segmenter

IMAGE, MASK = "image", "mask"
"""Columns of what enters and of what leaves."""
DEVICE = "MLFLOW_DEFAULT_PREDICTION_DEVICE"
"""MLflow's own variable; without it the device is `auto`, as that of `predict`."""


class ServedModel:
    """Files of images in, files of masks out."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter

    def predict(self, images: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The mask of each image: PNG files of 0 and 255, at the image's own size, in the column `mask`.

        Args:
            images: whole files in the column `image`, as bytes or, out of a CSV, their base64; any kind that `predict`
                reads.

        Raises:
            ValueError: a row holds no single picture that can be read; none is returned then.
        """
        with TemporaryDirectory() as folder:
            try:
                masks = [self._mask_of(Path(folder, f"row {row}"), of) for row, of in enumerate(images[IMAGE])]
            except ValueError as error:
                raise ValueError(str(error).replace(f"{folder}/", "")) from None
        return pd.DataFrame({MASK: masks}, index=images.index)

    def _mask_of(self, file: Path, content: bytes | str) -> bytes:
        """By way of a file, which is what all decoders read."""
        file.write_bytes(b64decode(content) if isinstance(content, str) else content)
        pages = list_pages(file)
        if len(pages) > 1:
            raise ValueError(f"{file} must hold one picture, got {len(pages)}; send each page as an image of its own.")
        return to_png(self._segmenter.look(pages[0]).mask)

    def get_raw_model(self) -> Segmenter:
        """For who has pixels instead of files: `.see(pixels).mask`."""
        return self._segmenter


def _load_pyfunc(path: str) -> ServedModel:
    """MLflow's name for the entry of a loader; `path` is the checkpoint's folder in the model."""
    return ServedModel(Segmenter(Path(path), choose_device(os.environ.get(DEVICE) or "auto")))

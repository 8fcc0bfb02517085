"""The one look at the test frames: every metric by the weights that a network has, and the files that show them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench import schema
from bench.data.frames import Frames, is_foreground
from bench.data.panel import choose_frames, draw_panel
from bench.data.split import Split
from bench.metrics.baselines import baseline_metrics
from bench.metrics.calibration import calibration_table
from bench.metrics.frame_table import as_float32, frame_table, scene_means, write_table
from bench.metrics.overlap import label_agreement
from bench.training.setup import Setup


class Evaluation(NamedTuple):
    """What was found on the test frames."""

    metrics: dict[str, float]
    """By the names of `bench.schema`."""
    tags: dict[str, str]
    write: Callable[[Path], None]
    """Writes the files of `bench.schema` into a folder: tables per frame, and pictures."""


def evaluate_segmentation(setup: Setup) -> Evaluation:
    """Of a network that segments: all test metrics, beside those of the baselines."""
    frames, split = setup.dataset.frames, setup.split
    probability = setup.trainer.predict(setup.data, torch.from_numpy(split.test)).squeeze(1).numpy()
    truth = is_foreground(frames.masks[split.test])
    scenes = [frames.scenes[index] for index in split.test]
    table = frame_table(probability, truth, frames.original_sizes[split.test])
    agreement = {schema.LABEL_AGREEMENT.name: label_agreement(frames.masks[split.test], scenes)}
    metrics = scene_means(table, scenes) | baseline_metrics(frames, split) | agreement

    def write(folder: Path) -> None:
        write_table(setup.dataset, split, table, folder / schema.FRAME_TABLE)
        reliability = calibration_table(as_float32(probability), truth, scenes)
        reliability.to_parquet(folder / schema.CALIBRATION_TABLE, index=False)
        _write_panel(frames, split, probability, folder)

    return Evaluation(metrics, {}, write)


def _write_panel(frames: Frames, split: Split, probability: NDArray[np.float16], folder: Path) -> None:
    """Predictions on fixed test frames, as a picture and as arrays for the report."""
    positions = choose_frames([frames.scenes[index] for index in split.test])
    chosen = split.test[positions]
    images, truth = np.asarray(frames.images[chosen]), is_foreground(frames.masks[chosen])
    probability = probability[positions]
    draw_panel(images, truth, probability, folder / schema.PANEL_IMAGE)
    stems, scenes = (np.array(names)[chosen] for names in (frames.stems, frames.scenes))
    arrays = {"stems": stems, "scenes": scenes, "images": images, "truth": truth, "probability": probability}
    np.savez_compressed(folder / schema.PANEL_DATA, allow_pickle=False, **arrays)

"""The one look at the test frames: every metric by the weights that a network has, and the files that show them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench import schema
from bench.data.frames import Frames
from bench.data.panel import choose_frames, draw_panel
from bench.data.split import Split
from bench.metrics.baselines import baseline_metrics, baseline_table, iou_columns
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
    truth, ignored = frames.foreground_of(split.test), frames.ignored_of(split.test)
    scenes = [frames.scenes[index] for index in split.test]
    table, baselines = frame_table(probability, frames, split.test), baseline_table(frames, split)
    agreement = {schema.LABEL_AGREEMENT.name: label_agreement(frames.masks[split.test], scenes, ignored)}
    metrics = scene_means(table, scenes) | baseline_metrics(baselines, scenes) | agreement

    def write(folder: Path) -> None:
        write_table(setup.dataset, split, table.join(iou_columns(baselines)), folder / schema.FRAME_TABLE)
        reliability = calibration_table(as_float32(probability), truth, scenes, ignored)
        reliability.to_parquet(folder / schema.CALIBRATION_TABLE, index=False)
        _write_panel(frames, split, probability, folder)

    return Evaluation(metrics, {}, write)


def _write_panel(frames: Frames, split: Split, probability: NDArray[np.float16], folder: Path) -> None:
    """Predictions on fixed test frames, as a picture and as arrays for the report."""
    positions = choose_frames([frames.scenes[index] for index in split.test])
    chosen = split.test[positions]
    images, truth, ignored = np.asarray(frames.images[chosen]), frames.foreground_of(chosen), frames.ignored_of(chosen)
    if ignored is None:
        ignored = np.zeros(truth.shape, np.bool_)
    probability = probability[positions]
    draw_panel(images, truth, ignored, probability, folder / schema.PANEL_IMAGE)
    stems, scenes = (np.array(names)[chosen] for names in (frames.stems, frames.scenes))
    arrays = {"images": images, "truth": truth, "ignored": ignored, "probability": probability}
    np.savez_compressed(folder / schema.PANEL_DATA, allow_pickle=False, stems=stems, scenes=scenes, **arrays)

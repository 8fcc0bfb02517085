"""The one look at the test frames: every metric by the weights that a network has, and the files that show them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hourglass_bench.bench import schema
from hourglass_bench.bench.data import stepped_images
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.panel import choose_frames, draw_rows
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.metrics.baselines import baseline_metrics, baseline_table, iou_columns
from hourglass_bench.bench.metrics.calibration import calibration_table
from hourglass_bench.bench.metrics.frame_table import as_float32, frame_table, scene_means, write_table
from hourglass_bench.bench.metrics.overlap import label_agreement, mask_scores, scene_mean
from hourglass_bench.bench.training.setup import Setup


class Evaluation(NamedTuple):
    """What was found on the test frames."""

    metrics: dict[str, float]
    """By the names of `bench.schema`."""
    tags: dict[str, str]
    write: Callable[[Path], None]
    """Writes the files of `bench.schema` into a folder: tables per frame, and pictures."""


def frame_ious(setup: Setup) -> NDArray[np.float64]:
    """IoU (N,) of every test frame, of a network that segments."""
    frames, test = setup.dataset.frames, setup.split.test
    return mask_scores(_predict(setup) > 0.5, frames.foreground_of(test), frames.ignored_of(test)).iou.numpy()


def evaluate_segmentation(setup: Setup, last_ious: NDArray[np.float64] | None = None) -> Evaluation:
    """Of a network that segments: all test metrics, beside those of the baselines.

    Args:
        last_ious: `frame_ious` by the weights of the last epoch; None if the network has these.
    """
    frames, split = setup.dataset.frames, setup.split
    probability = _predict(setup)
    truth, ignored = frames.foreground_of(split.test), frames.ignored_of(split.test)
    scenes = [frames.scenes[index] for index in split.test]
    table, baselines = frame_table(probability, frames, split.test), baseline_table(frames, split)
    table[schema.FRAME_LAST_IOU] = table[schema.TEST_IOU.column] if last_ious is None else last_ious
    metrics = scene_means(table, scenes) | baseline_metrics(baselines, scenes)
    metrics[schema.LAST_IOU.name] = scene_mean(table[schema.FRAME_LAST_IOU].tolist(), scenes)
    metrics[schema.LABEL_AGREEMENT.name] = label_agreement(frames.masks[split.test], scenes, ignored)

    def write(folder: Path) -> None:
        write_table(setup.dataset, split, table.join(iou_columns(baselines)), folder / schema.FRAME_TABLE)
        reliability = calibration_table(as_float32(probability), truth, scenes, ignored)
        reliability.to_parquet(folder / schema.CALIBRATION_TABLE, index=False)
        _write_panel(frames, split, probability, folder)

    return Evaluation(metrics, {stepped_images.TAG: "True"}, write)


def _predict(setup: Setup) -> NDArray[np.float16]:
    """Foreground probability (N, H, W) of the test frames."""
    probability = setup.trainer.predict(setup.data, torch.from_numpy(setup.split.test))
    return np.asarray(probability.squeeze(1).numpy())


def _write_panel(frames: Frames, split: Split, probability: NDArray[np.float16], folder: Path) -> None:
    """Predictions on fixed test frames, as pictures and as arrays for the report."""
    positions = choose_frames([frames.scenes[index] for index in split.test])
    chosen = split.test[positions]
    images, truth, ignored = np.asarray(frames.images[chosen]), frames.foreground_of(chosen), frames.ignored_of(chosen)
    if ignored is None:
        ignored = np.zeros(truth.shape, np.bool_)
    probability = probability[positions]
    stepped_images.write_steps(folder, schema.PREDICTION_IMAGES, draw_rows(images, truth, ignored, probability))
    stems, scenes = (np.array(names)[chosen] for names in (frames.stems, frames.scenes))
    arrays = {"images": images, "truth": truth, "ignored": ignored, "probability": probability}
    np.savez_compressed(folder / schema.PANEL_DATA, allow_pickle=False, stems=stems, scenes=scenes, **arrays)

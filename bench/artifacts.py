"""What a complete run leaves behind: checkpoint, per-frame table and a panel of predictions."""

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench import schema
from bench.config import RunConfig, flatten
from bench.data.dataset import Dataset
from bench.data.frames import is_foreground
from bench.data.split import Split
from bench.panel import choose_frames, draw_panel
from bench.tracking import RunLog
from bench.train import Evaluation


def store_artifacts(
    config: RunConfig, state: dict[str, Tensor], dataset: Dataset, split: Split, test: Evaluation, log: RunLog
) -> None:
    """Checkpoint, per-frame table and panel, gathered in one folder and stored in one go."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / schema.CONFIG_FILE).parent.mkdir()
        (folder / schema.CONFIG_FILE).write_text(json.dumps(flatten(config), indent=1))
        torch.save({key: value.cpu() for key, value in state.items()}, folder / schema.CHECKPOINT_FILE)
        write_frame_table(dataset, split, test, folder / schema.FRAME_TABLE)
        write_panel(dataset, split, test, folder)
        log.artifacts(folder)


def write_frame_table(dataset: Dataset, split: Split, test: Evaluation, path: Path) -> None:
    """One row per test frame."""
    frames = dataset.frames
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("stem", "scene", "iou", "dice"))
        for index, iou, dice in zip(split.test, test.scores.iou.tolist(), test.scores.dice.tolist(), strict=True):
            writer.writerow((frames.stems[index], frames.scenes[index], iou, dice))


def write_panel(dataset: Dataset, split: Split, test: Evaluation, folder: Path) -> None:
    """Predictions on fixed test frames, as a picture and as arrays for the report."""
    frames = dataset.frames
    positions = choose_frames([frames.scenes[index] for index in split.test])
    chosen = split.test[positions]
    images, truth = np.asarray(frames.images[chosen]), is_foreground(frames.masks[chosen])
    probability = test.probability[positions].numpy()
    draw_panel(images, truth, probability, folder / schema.PANEL_IMAGE)
    stems = np.array([frames.stems[index] for index in chosen])
    np.savez_compressed(folder / schema.PANEL_DATA, stems=stems, images=images, truth=truth, probability=probability)

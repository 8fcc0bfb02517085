"""What a complete run leaves behind: checkpoint, split, seal, and of a network that segments its predictions."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench import schema
from bench.config import RunConfig
from bench.data.dataset import Dataset
from bench.data.frames import is_foreground
from bench.data.split import Split, roles
from bench.machine.environment import git_commit
from bench.metrics.calibration import calibration_table
from bench.metrics.frame_table import as_float32
from bench.stored_config import config_hash, flatten
from bench.tracking.panel import choose_frames, draw_panel
from bench.tracking.store import RunLog


def store_artifacts(
    config: RunConfig,
    state: dict[str, Tensor],
    dataset: Dataset,
    split: Split,
    opened: str,
    write: Callable[[Path], None],
    log: RunLog,
) -> None:
    """Checkpoint, split, seal, and what `write` adds to the folder, gathered and stored in one go.

    Args:
        opened: When the test frames were looked at.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / schema.CONFIG_FILE).parent.mkdir()
        (folder / schema.CONFIG_FILE).write_text(json.dumps(flatten(config), indent=1))
        torch.save({key: value.cpu() for key, value in state.items()}, folder / schema.CHECKPOINT_FILE)
        (folder / schema.SPLIT_FILE).write_text(json.dumps(roles(dataset.frames.stems, split)))
        seal = {"opened": opened, "commit": git_commit(), "unit": config_hash(config), "data": dataset.digest}
        (folder / schema.SEAL_FILE).write_text(json.dumps(seal))
        write(folder)
        log.artifacts(folder)


def write_predictions(
    dataset: Dataset, split: Split, probability: NDArray[np.float16], table: pd.DataFrame, folder: Path
) -> None:
    """Both tables and the panel of a network that segments: (N, H, W), and a row per frame (`frame_table`)."""
    write_table(dataset, split, table, folder / schema.FRAME_TABLE)
    truth = is_foreground(dataset.frames.masks[split.test])
    scenes = [dataset.frames.scenes[index] for index in split.test]
    reliability = calibration_table(as_float32(probability), truth, scenes)
    reliability.to_parquet(folder / schema.CALIBRATION_TABLE, index=False)
    write_panel(dataset, split, probability, folder)


def write_table(dataset: Dataset, split: Split, table: pd.DataFrame, path: Path) -> None:
    """A table with a row per test frame, after its stem and scene."""
    stems, scenes = (np.array(names)[split.test] for names in (dataset.frames.stems, dataset.frames.scenes))
    pd.concat([pd.DataFrame({"stem": stems, "scene": scenes}), table], axis=1).to_parquet(path, index=False)


def write_panel(dataset: Dataset, split: Split, probability: NDArray[np.float16], folder: Path) -> None:
    """Predictions on fixed test frames, as a picture and as arrays for the report."""
    frames = dataset.frames
    positions = choose_frames([frames.scenes[index] for index in split.test])
    chosen = split.test[positions]
    images, truth = np.asarray(frames.images[chosen]), is_foreground(frames.masks[chosen])
    probability = probability[positions]
    draw_panel(images, truth, probability, folder / schema.PANEL_IMAGE)
    stems, scenes = (np.array(names)[chosen] for names in (frames.stems, frames.scenes))
    arrays = {"stems": stems, "scenes": scenes, "images": images, "truth": truth, "probability": probability}
    np.savez_compressed(folder / schema.PANEL_DATA, allow_pickle=False, **arrays)

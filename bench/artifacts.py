"""What a complete run leaves behind: checkpoint, split, seal, per-frame table and a panel of predictions."""

import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench import schema
from bench.calibration import calibration_table
from bench.config import RunConfig, config_hash, flatten
from bench.data.dataset import Dataset
from bench.data.frames import is_foreground
from bench.data.split import Split, roles
from bench.environment import git_commit
from bench.frame_table import as_float32
from bench.panel import choose_frames, draw_panel
from bench.tracking import RunLog


class Test(NamedTuple):
    """The evaluation on the test frames at the best epoch."""

    opened: str
    """When the frames were looked at."""
    probability: NDArray[np.float16]
    """(N, H, W)."""
    table: pd.DataFrame
    """A row per frame, as `bench.frame_table` makes it."""


def store_artifacts(
    config: RunConfig, state: dict[str, Tensor], dataset: Dataset, split: Split, test: Test, log: RunLog
) -> None:
    """Checkpoint, split, seal, both tables and panel, gathered in one folder and stored in one go."""
    frames = dataset.frames
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / schema.CONFIG_FILE).parent.mkdir()
        (folder / schema.CONFIG_FILE).write_text(json.dumps(flatten(config), indent=1))
        torch.save({key: value.cpu() for key, value in state.items()}, folder / schema.CHECKPOINT_FILE)
        (folder / schema.SPLIT_FILE).write_text(json.dumps(roles(frames.stems, split)))
        seal = {"opened": test.opened, "commit": git_commit(), "unit": config_hash(config), "data": dataset.digest}
        (folder / schema.SEAL_FILE).write_text(json.dumps(seal))
        names = {"stem": np.array(frames.stems)[split.test], "scene": np.array(frames.scenes)[split.test]}
        pd.DataFrame(names).join(test.table).to_parquet(folder / schema.FRAME_TABLE, index=False)
        truth = is_foreground(frames.masks[split.test])
        reliability = calibration_table(as_float32(test.probability), truth, names["scene"].tolist())
        reliability.to_parquet(folder / schema.CALIBRATION_TABLE, index=False)
        write_panel(dataset, split, test.probability, folder)
        log.artifacts(folder)


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

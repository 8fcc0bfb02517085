"""What a complete run leaves behind: checkpoint, split, seal, and what was found on its test frames."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.split import Split, roles
from hourglass_bench.bench.machine.environment import git_commit
from hourglass_bench.bench.network_source import write_source
from hourglass_bench.bench.stored_config import config_hash, flatten
from hourglass_bench.bench.tracking.store import RunLog


def store_artifacts(
    config: RunConfig,
    state: dict[str, Tensor],
    dataset: Dataset,
    split: Split,
    opened: str,
    write: Callable[[Path], None],
    log: RunLog,
) -> None:
    """Checkpoint, copies of a network's files, split, seal, and what `write` adds, gathered and stored in one go.

    Args:
        opened: When the test frames were looked at.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / schema.CONFIG_FILE).parent.mkdir()
        (folder / schema.CONFIG_FILE).write_text(json.dumps(flatten(config), indent=1))
        (folder / schema.READING_FILE).write_text(dataset.reading.to_json())
        write_source(config.architecture.name, folder)
        torch.save({key: value.cpu() for key, value in state.items()}, folder / schema.CHECKPOINT_FILE)
        (folder / schema.SPLIT_FILE).write_text(json.dumps(roles(dataset.frames.stems, split)))
        seal = {"opened": opened, "commit": git_commit(), "unit": config_hash(config), "data": dataset.digest}
        (folder / schema.SEAL_FILE).write_text(json.dumps(seal))
        write(folder)
        log.artifacts(folder)

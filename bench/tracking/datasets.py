"""The frames of a run by their roles, as MLflow's datasets: what its table of runs shows and filters by."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hourglass_bench.bench.config import SYNTHETIC, DataConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.digest import digest

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput


class RoleDataset(NamedTuple):
    """The frames of one role."""

    context: str
    """The role, as MLflow's users call it: train, validation or test."""
    name: str
    """Of the whole set of frames, for people."""
    digest: str
    """Equal ones mean the same frames."""
    source: str
    """Folder, or `synthetic`."""
    size: tuple[int, int]
    """Height and width in pixels."""
    frames: int
    scenes: int


def role_datasets(data: DataConfig, dataset: Dataset, split: Split, *, test: bool) -> list[RoleDataset]:
    """Those of training and validation and, if the run is to look at them, the test frames."""
    roles = {"train": split.train, "validation": split.val} | ({"test": split.test} if test else {})
    name = data.path if data.path == SYNTHETIC else Path(data.path).resolve().name
    stems, scenes = dataset.frames.stems, dataset.frames.scenes
    return [
        RoleDataset(
            context=role,
            name=name,
            digest=digest(dataset.digest, *(stems[frame] for frame in frames)),
            source=data.path,
            size=data.size,
            frames=len(frames),
            scenes=len({scenes[frame] for frame in frames}),
        )
        for role, frames in roles.items()
    ]


def to_input(dataset: RoleDataset) -> "DatasetInput":
    """As MLflow takes it."""
    from mlflow.data.schema import TensorDatasetSchema
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag
    from mlflow.types import Schema, TensorSpec
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    image = TensorSpec(np.dtype(np.uint8), (-1, *dataset.size, 3), "image")
    mask = TensorSpec(np.dtype(np.uint8), (-1, *dataset.size), "mask")
    drawn = dataset.source == SYNTHETIC
    source = {"tags": {"mlflow.source.name": SYNTHETIC}} if drawn else {"uri": str(Path(dataset.source).resolve())}
    return DatasetInput(
        Entity(
            name=dataset.name,
            digest=dataset.digest,
            source_type="code" if drawn else "local",
            source=json.dumps(source),
            schema=json.dumps(TensorDatasetSchema(Schema([image]), Schema([mask])).to_dict()),
            profile=json.dumps({"frames": dataset.frames, "scenes": dataset.scenes}),
        ),
        [InputTag(MLFLOW_DATASET_CONTEXT, dataset.context)],
    )

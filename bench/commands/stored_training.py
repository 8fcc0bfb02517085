"""A training as a store has it: enough to train it again, or to go on with it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.machine.precision import NAMES, resolve
from hourglass_bench.bench.stored_config import located, unflatten
from hourglass_bench.bench.tracking.database import SQLITE, kind, redact
from hourglass_bench.bench.tracking.opening import find_file
from hourglass_bench.bench.tracking.store import find_artifact, open_store
from hourglass_bench.bench.training.execution import Execution
from hourglass_bench.bench.training.weights import weights_digest

Values = Mapping[tuple[str, int], float]
"""Metric and epoch, 0 of the whole run -> what was logged."""


class StoredTraining(NamedTuple):
    """A run by the names that this version has for what it stored."""

    url: str
    """Of the store."""
    run_id: str
    status: str
    """MLflow's."""
    params: Mapping[str, str]
    tags: Mapping[str, str]
    values: Values

    @property
    def config(self) -> RunConfig:
        """What was trained; ValueError if it is not known, or cannot be said today."""
        return unflatten(self.params)

    @property
    def state(self) -> str:
        """How it ended; empty if it has not."""
        return self.tags.get(schema.STATE, "")

    @property
    def epochs(self) -> int:
        """That were logged."""
        return max((epoch for _, epoch in self.values), default=0)

    @property
    def version(self) -> int:
        """Of the schema."""
        return int(self.tags.get(schema.SCHEMA_VERSION, schema.OLDEST_VERSION))

    @property
    def threads(self) -> int:
        """On the CPU; as many as here where that is not stored."""
        return int(self.environment("threads") or torch.get_num_threads())

    def environment(self, name: str) -> str:
        """What the run says of where it took place; empty if it does not."""
        return self.tags.get(schema.ENVIRONMENT + name, "")

    @property
    def device(self) -> str:
        """Kind of the device: cpu, mps or cuda."""
        name = self.environment("device")
        return name if name in ("cpu", "mps") else "cuda"

    @property
    def execution(self) -> Execution | None:
        """The settings of its steps; None where they are not stored."""
        tags = {name.removeprefix(schema.EXECUTION): text for name, text in self.tags.items()}
        size, memory_format, graph = (tags.get(name, "") for name in ("micro_batch", "memory_format", "graph"))
        if memory_format not in ("channels_last", "contiguous"):
            return None
        micro_batch = int(size) if size.isdecimal() else None
        return Execution(micro_batch=micro_batch, memory_format=memory_format, graph=graph == "True")  # type: ignore[arg-type]

    def artifact(self, name: str) -> Path | None:
        """Local path of an artifact; None if there is none."""
        try:
            return find_artifact(self.url, self.run_id, name)
        except ValueError:
            return None

    def in_its_precision(self, config: RunConfig, device: torch.device) -> RunConfig:
        """`config` so that the device computes in the arithmetic of the run, where `auto` means another one here."""
        known = {name: arithmetic for arithmetic, name in NAMES.items()}
        stored = known.get(self.environment("precision"))
        if stored is None or stored == resolve(config.training.precision, device):
            return config
        return replace(config, training=replace(config.training, precision=stored))

    def load(self, config: RunConfig, cache: Path) -> Dataset:
        """The run's data, found where `config` says.

        Raises:
            ValueError: they, or the file of weights that training began with, are not what they were.
        """
        dataset = load(config.data, cache)
        had = self.tags.get(schema.DATA_DIGEST, dataset.digest)
        if dataset.digest != had:
            raise ValueError(
                f"the data of run {self.run_id} must be those that it was trained on, of digest {had}, got "
                f"{dataset.digest} from {config.data.path}; name their folder with --data."
            )
        weights = weights_digest(config.training.weights)
        began_with = self.tags.get(schema.WEIGHTS_DIGEST, weights)
        if weights != began_with:
            raise ValueError(
                f"training.weights {config.training.weights} must be the file that run {self.run_id} began with, of "
                f"digest {began_with}, got {weights}."
            )
        return dataset


def read(url: str, run_id: str) -> StoredTraining:
    """A run of the store at `url`.

    Raises:
        ValueError: there is no such store, or no training of that id in it.
    """
    from mlflow.exceptions import MlflowException

    if kind(url) == SQLITE and find_file(url) is None:
        raise ValueError(
            f"{run_id!r} must be the id of a run, got no store {redact(url)}; name its folder with --runs."
        )
    client = open_store(url)
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise ValueError(f"{run_id!r} must be the id of a run in {redact(url)}, got none.") from error
    tags = _renamed(run.data.tags)
    if tags.get(schema.KIND) != "trial":
        raise ValueError(f"run {run_id} must be a training, got {tags.get(schema.KIND, 'a run of something else')}.")
    values: dict[tuple[str, int], float] = {}
    for stored in run.data.metrics:
        metric = schema.METRICS.get(schema.RENAMED.get(stored, stored))
        if metric is not None and metric.curve:
            values |= {(metric.name, point.step): point.value for point in client.get_metric_history(run_id, stored)}
        elif metric is not None:
            values[metric.name, 0] = run.data.metrics[stored]
    return StoredTraining(url, run_id, run.info.status, _renamed(run.data.params), tags, values)


def _renamed(stored: Mapping[str, str]) -> dict[str, str]:
    return {schema.RENAMED.get(name, name): text for name, text in stored.items()}


def at(config: RunConfig, data: str) -> RunConfig:
    """The config with its data in another folder, if one is named."""
    return located(config, data) if data else config

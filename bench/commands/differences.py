"""What two trainings of one configuration have in common to the bit, where they differ, and the likely causes."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.stored_training import StoredTraining

TABLES = (schema.FRAME_TABLE, schema.RECONSTRUCTION_TABLE, schema.CALIBRATION_TABLE, schema.LATENT_TABLE)
WEIGHTS = "weights of the best epoch"

VERSIONS = ("python", "torch", "torchmetrics", "numpy", "scipy", "driver", "cuda", "cudnn")
HARDWARE = ("processor", "instructions", "cores", "device", "system")
CAUSES: dict[str, tuple[str, ...]] = {
    "hardware": tuple(schema.ENVIRONMENT + name for name in HARDWARE),
    "version": tuple(schema.ENVIRONMENT + name for name in VERSIONS),
    "code": tuple(schema.ENVIRONMENT + name for name in ("arithmetic", "code")),
    "threads": (schema.ENVIRONMENT + "threads",),
    "precision": (schema.ENVIRONMENT + "precision",),
    "execution": tuple(schema.EXECUTION + name for name in ("micro_batch", "memory_format", "graph")),
    "data": (schema.DATA_DIGEST, schema.DATA_READING),
    "split": (schema.SPLIT_DIGEST,),
    "sources": (schema.NETWORK_SOURCE,),
    "weights": (schema.WEIGHTS_DIGEST,),
}
"""Cause -> the tags that tell it; the order is that of how likely it is."""


class Difference(NamedTuple):
    """The largest one of a metric, a table's column, or all weights; infinite if one of both lacks it."""

    name: str
    largest: float
    where: str = ""
    """Epoch, frame or tensor; empty of what a run has once."""


class Comparison(NamedTuple):
    """Of a stored training with another one."""

    compared: int
    """Metrics, columns of tables and weights."""
    differences: list[Difference]
    causes: list[str]
    """None where there is no difference."""
    unknown: list[str]
    """Causes of which the older run says nothing."""


def compare(stored: StoredTraining, again: StoredTraining) -> Comparison:
    """All that the stored training has and no machine decides: metrics, curves, tables of frames, weights."""
    found = [*_metrics(stored, again), *_tables(stored, again), *_weights(stored, again)]
    differences = sorted((one for one in found if one.largest != 0), key=lambda one: -one.largest)
    if not differences:
        return Comparison(len(found), [], [], [])
    return Comparison(len(found), differences, _causes(stored, again), _unknown(stored, again))


def _metrics(stored: StoredTraining, again: StoredTraining) -> Iterator[Difference]:
    """Each once, with all its epochs. What was defined anew since the run was stored is another metric."""
    for metric in schema.METRICS.values():
        steps = sorted(epoch for name, epoch in stored.values.keys() | again.values.keys() if name == metric.name)
        has_it = any((metric.name, epoch) in stored.values for epoch in steps)
        if not has_it or metric.name in schema.OF_MACHINES or metric.since > stored.version:
            continue
        apart = {epoch: _apart(*(of.values.get((metric.name, epoch)) for of in (stored, again))) for epoch in steps}
        epoch = max(apart, key=lambda epoch: apart[epoch])
        yield Difference(metric.name, apart[epoch], f"epoch {epoch}" if epoch else "")


def _apart(ours: float | None, theirs: float | None) -> float:
    """Distance of two numbers, of which either may be missing or none."""
    if ours is None or theirs is None:
        return math.inf
    if ours == theirs or (math.isnan(ours) and math.isnan(theirs)):
        return 0.0
    distance = abs(ours - theirs)
    return math.inf if math.isnan(distance) else distance


def _tables(stored: StoredTraining, again: StoredTraining) -> Iterator[Difference]:
    """A difference for each column of numbers that the stored tables have."""
    import pandas as pd

    renewed = {metric.column for metric in schema.METRICS.values() if metric.since > stored.version}
    for name in TABLES:
        ours_at, theirs_at = stored.artifact(name), again.artifact(name)
        if ours_at is None:  # it never had it, or has lost it since
            continue
        if theirs_at is None:
            yield Difference(name, math.inf)
            continue
        ours, theirs = pd.read_parquet(ours_at), pd.read_parquet(theirs_at)
        for column in ours.select_dtypes("number").columns:
            called = f"{name} {column}"
            if column in renewed:
                continue
            if column not in theirs or len(ours) != len(theirs):
                yield Difference(called, math.inf)
                continue
            apart = [_apart(*pair) for pair in zip(ours[column].tolist(), theirs[column].tolist(), strict=True)]
            row = int(np.argmax(apart))
            yield Difference(called, apart[row], " ".join(str(ours[key][row]) for key in ("stem",) if key in ours))


def _weights(stored: StoredTraining, again: StoredTraining) -> Iterator[Difference]:
    """Of the best epoch, all tensors together."""
    import torch

    from hourglass_bench.bench.tensors import read_torch

    ours_at, theirs_at = (run.artifact(schema.CHECKPOINT_FILE) for run in (stored, again))
    if ours_at is None:
        return
    if theirs_at is None:
        yield Difference(WEIGHTS, math.inf)
        return
    try:
        ours, theirs = read_torch(ours_at), read_torch(theirs_at)
    except ValueError as error:
        yield Difference(WEIGHTS, math.inf, str(error))
        return
    apart = dict.fromkeys(ours.keys() ^ theirs.keys(), math.inf)
    for name in ours.keys() & theirs.keys():
        one, other = ours[name].double(), theirs[name].double()
        if one.shape != other.shape:
            apart[name] = math.inf
        elif not torch.equal(one, other):
            apart[name] = _apart(0.0, (one - other).abs().max().item())
    tensor = max(apart, key=lambda name: apart[name], default="")
    yield Difference(WEIGHTS, apart.get(tensor, 0.0), tensor)


def _causes(stored: StoredTraining, again: StoredTraining) -> list[str]:
    """What is otherwise, by name, the older one first."""
    found = [
        f"{cause}: {_short(tag)} {stored.tags[tag]} -> {again.tags.get(tag, 'none')}"
        for cause, tags in CAUSES.items()
        for tag in tags
        if tag in stored.tags and stored.tags[tag] != again.tags.get(tag)
    ]
    if schema.ENVIRONMENT + "code" not in stored.tags:
        commits = [of.tags.get(schema.GIT_COMMIT, "unknown") for of in (stored, again)]
        if commits[0] != commits[1]:
            found.append(f"code: commit {commits[0]} -> {commits[1]}")
    if again.device != "cpu":
        found.append(f"hardware: kernels of {again.environment('device')} need not repeat to the bit")
    return found


def _unknown(stored: StoredTraining, again: StoredTraining) -> list[str]:
    """Names of what the newer run says and the older one does not."""
    tags: Sequence[str] = [tag for tags in CAUSES.values() for tag in tags]
    return [_short(tag) for tag in tags if tag in again.tags and tag not in stored.tags]


def _short(tag: str) -> str:
    return tag.removeprefix(schema.ENVIRONMENT).replace(".", " ").replace("_", " ")

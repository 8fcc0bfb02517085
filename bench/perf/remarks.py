"""How to read the table: what was measured where, and what is in no row."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench import schema
from bench.config import RunConfig
from bench.perf.config import ADVISED, CONTENDERS, HARNESS, LIGHTNING


class Conditions(NamedTuple):
    """Under which everything was measured."""

    config: RunConfig
    """Of one of the networks; the others share its data and training."""
    frames: int
    contenders: tuple[str, ...]
    left_out: Mapping[str, str]
    """Contender -> why it takes no part."""
    workers: int
    """Processes of a loader."""
    steps: int
    """Least number in a timed epoch."""
    decode_seconds: float
    """To decode the PNG files once."""
    environment: Mapping[str, str]
    """By the names of `bench.schema`."""
    date: str


def remarks(of: Conditions) -> list[str]:
    """Sentences for below the tables."""
    about = {
        HARNESS: " decodes all frames once per data set and size and keeps its autotune's choice, which no row has; to "
        f"decode these PNG files takes it {of.decode_seconds:.1f} s",
        ADVISED: f": channels_last, {_autocast(of)}, workers that live on from epoch to epoch",
        LIGHTNING: ": Trainer in float32 with the loader's default of no worker processes; logger, checkpoints, "
        "progress bar, model summary and sanity check off",
    }
    return [
        f"{_place(of)}.",
        f"{_data(of)}; the same initial weights, split, AdamW, schedule, clipping and loss for all, no augmentation.",
        f"All but the harness read PNG files of the final size, which the system has in memory; {of.workers} loader "
        "workers, where nothing else is said, start anew in each epoch.",
        *(f"{CONTENDERS[name].capitalize()}{text}." for name, text in about.items() if name in of.contenders),
        f"Training: images of a whole epoch of at least {of.steps} steps by its seconds, the loader's start included. "
        "Inference: the same for validation, reading and scores included. Seconds count from the start of the set-up.",
        "Peak memory is what the process held resident, interpreter and libraries included, loader workers not.",
        *(f"{CONTENDERS[name]} is left out: {reason}." for name, reason in of.left_out.items()),
    ]


def _autocast(of: Conditions) -> str:
    if _fact(of, "precision") == "bfloat16":
        return "bf16 autocast"
    if of.config.training.precision == "fp32":
        return "autocast off as asked for"
    return "autocast off since this hardware does not compute in bf16"


def _place(of: Conditions) -> str:
    device = _fact(of, "device")
    where = f"{_fact(of, 'processor')}, {_fact(of, 'cores')} cores{'' if device == 'cpu' else f', {device}'}"
    commit, dirty, _ = of.environment[schema.GIT_COMMIT].partition("-dirty")
    return f"Measured {of.date[:10]} on {where}, torch {_fact(of, 'torch')}, commit {commit[:12]}{dirty}"


def _data(of: Conditions) -> str:
    height, width = of.config.data.size
    name, batch_size = Path(of.config.data.path).name, of.config.training.batch_size
    return f"{of.frames:,} frames of `{name}` at {height}x{width}, batches of {batch_size}"


def _fact(of: Conditions, name: str) -> str:
    return of.environment[schema.ENVIRONMENT + name]

"""How to read the table: what was measured where, and what is in no row."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.perf.config import ADVISED, HARNESS, IMPLEMENTATIONS, LIGHTNING
from hourglass_bench.bench.perf.measure import Comparison
from hourglass_bench.bench.perf.timer import lap_seconds


class Conditions(NamedTuple):
    """Under which everything was measured."""

    comparison: Comparison
    config: RunConfig
    """Of one of the networks; the others share its data and training."""
    left_out: Mapping[str, str]
    """Implementation -> why it takes no part."""
    decode_seconds: float
    """To decode the PNG files once."""
    environment: Mapping[str, str]
    """By the names of `bench.schema`."""
    date: str

    def fact(self, name: str) -> str:
        """Of the environment."""
        return self.environment[schema.ENVIRONMENT + name]


def remarks(conditions: Conditions) -> list[str]:
    """Sentences for below the tables."""
    comparison = conditions.comparison
    about = {
        HARNESS: " decodes all frames once per data set and size and keeps its autotune's choice, which no row has; to "
        f"decode these PNG files takes it {conditions.decode_seconds:.1f} s",
        ADVISED: f": channels_last, {_autocast(conditions)}, workers that live on from epoch to epoch",
        LIGHTNING: ": Trainer in float32 with the loader's default of no worker processes; logger, checkpoints, "
        "progress bar, model summary and sanity check off",
    }
    return [
        f"{_place(conditions)}.",
        f"{_data(conditions)}; the same initial weights, split, AdamW, schedule, clipping and loss for all, no "
        "augmentation.",
        "All but the harness read PNG files of the final size, which the system has in memory; "
        f"{comparison.workers} loader workers, where nothing else is said, start anew in each epoch.",
        *(
            f"{IMPLEMENTATIONS[name].capitalize()}{about[name]}."
            for name in comparison.implementations
            if name in about
        ),
        f"Training: images of {_lap(comparison)} by the seconds, the loader's start included. Inference: the same for "
        "validation, reading and scores included. Seconds count from the start of the set-up.",
        "Peak memory is what the process held resident, interpreter and libraries included, loader workers not.",
        *(f"{IMPLEMENTATIONS[name]} is left out: {reason}." for name, reason in conditions.left_out.items()),
    ]


def _lap(comparison: Comparison) -> str:
    """What is timed at a time."""
    seconds, steps = lap_seconds(comparison.device), f"of at least {comparison.perf.steps} steps"
    if not seconds:
        return f"a whole epoch {steps}"
    return f"as many whole epochs {steps} as train for {seconds:.0f} s, by the device's own clock,"


def _autocast(conditions: Conditions) -> str:
    if conditions.fact("precision") == "bfloat16":
        return "bf16 autocast"
    if conditions.config.training.precision == "fp32":
        return "autocast off as asked for"
    return "autocast off since this hardware does not compute in bf16"


def _place(conditions: Conditions) -> str:
    processor, cores, device, torch = map(conditions.fact, ("processor", "cores", "device", "torch"))
    commit, dirty, _ = conditions.environment[schema.GIT_COMMIT].partition("-dirty")
    where = f"{processor}, {cores} cores{'' if device == 'cpu' else f', {device}'}"
    return f"Measured {conditions.date[:10]} on {where}, torch {torch}, commit {commit[:12]}{dirty}"


def _data(conditions: Conditions) -> str:
    data, frames = conditions.config.data, len(conditions.comparison.dataset.frames.stems)
    size, batch_size = f"{data.size[0]}x{data.size[1]}", conditions.config.training.batch_size
    return f"{frames:,} frames of `{Path(data.path).name}` at {size}, batches of {batch_size}"

"""Writes docs/glossary.md: every name that is logged, defined by the texts in the code. `make glossary` runs it."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from hourglass_bench.architectures import config
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.fields import HELP, WEIGHTS
from hourglass_bench.bench.schema import Metric
from hourglass_bench.bench.training.losses import LOSSES

GLOSSARY = Path(__file__).with_suffix(".md")

WORDS = {
    "baseline": "A prediction without a network, on the same frames: all foreground; the base rate everywhere; the "
    "mean of the training masks; the mask of the nearest training frame. In reports: a rule without a network.",
    "base width": "Channels of the outermost level; the widths of the others follow by the growth, 2 unless given.",
    "bottleneck": "What stands between encoder and decoder: the map behind the last pooling, or a flat latent.",
    "boundary": "Pixels of a mask with a 4-neighbour outside of it; beyond the frame is outside.",
    "channels": "The widths of all levels of the encoder, outermost first: `16 32 64`.",
    "depth": "Levels of the encoder; with pooling also the number of poolings.",
    "features": "The practical's word for base width; used where its question is answered, nowhere else.",
    "fold": "A part of the scenes, dealt without randomness. One fold is tested, another chooses the best epoch.",
    "frame": "One image with its mask.",
    "latent": "What the encoder of an auto-encoder or VAE says of a frame; flat if it is a row of numbers, not a map.",
    "margin": "A difference of a test metric that does not matter: intervals within it are *equivalent*.",
    "memory budget": "The largest tensor peak that a trial may be predicted to have; above it, it is infeasible.",
    "original pixels": "Those of a frame before it was resized: the unit of all distances between boundaries.",
    "repeat": "A number from 0 that decides fold, initial weights, order and augmentation, the same for every "
    "architecture. Runs of equal repeat are pairs.",
    "round": "One of the sets of trials that a study runs one after the other, such as search and refits.",
    "run": "What MLflow keeps of one training, or, as the parent run, of a study.",
    "scene": "Frames that are near copies of each other: a video, a patient, a place. Never on both sides of a split.",
    "stage": "What a trial is for: `search`, `comparison`, `generative` or `pretraining`.",
    "study": "A question, and the trainings that answer it.",
    "tensor peak": "Largest sum of the bytes of live tensors in one training step.",
    "trial": "One attempt at a unit, as Optuna counts them.",
    "unit": "One training of a study's plan, known by its whole configuration; done when a trial of it ended.",
    "width": "Channels of one level.",
}
"""Concepts that have no stored name of their own."""

HEADING = re.compile(r"# --- (.+?) ---")
Row = tuple[str, ...]


class Constant(NamedTuple):
    """A name of the schema, what it stands for, and the text below it."""

    name: str
    value: object
    text: str


def glossary() -> str:
    """The whole page, as Markdown.

    Raises:
        ValueError: a metric, tag, file or field has no text.
    """
    chapters = _chapters()
    parts = [
        f"# Glossary\n\nMade by `make glossary` of the texts in the code, for version {schema.VERSION} of what runs "
        "log; a test compares. Metrics and verdicts are defined in full in [protocol.md](protocol.md).",
        "## Words\n\n" + _table("word | means", WORDS.items()),
        "## Metrics\n\nThose per epoch have one value for each, from 1; the others one per run. Test metrics are "
        "computed for each frame, then averaged over the frames of each scene, then over scenes.\n\n"
        + _table("name | called | unit | better | range | per | means", _metrics(chapters.pop("Metrics"))),
        "## States\n\n" + _table("state | means", (_row(state, text) for state, text in schema.STATES.items())),
    ]
    for heading, constants in chapters.items():
        of_config = _fields() if heading == "Parameters" else ()
        names = (_row(item.value, _defined(item.name, item.text)) for item in constants if isinstance(item.value, str))
        parts.append(f"## {heading}\n\n" + _table("name | means", [*of_config, *names]))
    return "\n\n".join(parts) + "\n"


def _chapters() -> dict[str, list[Constant]]:
    """The constants below each heading of the schema; those of metrics come first, without one."""
    source = Path(schema.__file__).read_text()
    headings = {number: found[1] for number, line in enumerate(source.splitlines()) if (found := HEADING.match(line))}
    chapters: dict[str, list[Constant]] = {heading: [] for heading in ["Metrics", *headings.values()]}
    for line, name, text in _texts(ast.parse(source)):
        if name.isupper():
            above = [heading for number, heading in headings.items() if number < line]
            chapters[["Metrics", *above][-1]].append(Constant(name, getattr(schema, name), text))
    return chapters


def _texts(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[int, str, str]]:
    """Line and name of each attribute, and the string that stands below it, on one line; empty if there is none."""
    for node, after in pairwise([*tree.body, ast.Pass()]):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name):
            below = after.value if isinstance(after, ast.Expr) else None
            text = below.value if isinstance(below, ast.Constant) and isinstance(below.value, str) else ""
            yield node.lineno, target.id, " ".join(text.split())


def _defined(name: str, text: str) -> str:
    if not text:
        raise ValueError(f"{name} must be defined by a text below it, which docs/glossary.md shows; there is none.")
    return text


def _metrics(constants: list[Constant]) -> Iterator[Row]:
    """A row of each metric, in the order of the schema; those of baselines are no constants."""
    texts = {item.value.name: _defined(item.name, item.text) for item in constants if isinstance(item.value, Metric)}
    for metric in schema.METRICS.values():
        since = f" Since version {metric.since}." if metric.since > schema.OLDEST_VERSION else ""
        name, text = _row(metric.name, texts.get(metric.name, "Of a baseline, on the same frames.") + since)
        lower, upper = ("" if bound is None else f"{bound:g}" for bound in (metric.lower, metric.upper))
        within = f"{lower} to {upper}" if upper else f"from {lower}" if lower else "any"
        better = "" if metric.better == "none" else metric.better
        yield name, metric.label, metric.unit, better, within, "epoch" if metric.curve else "run", text


def _fields() -> Iterator[Row]:
    """The fields of the configuration, by the names that they have as parameters."""
    tree = ast.parse(Path(config.__file__).read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name.endswith("Config")]
    for network in classes:  # what all have, and what our own have beside it
        yield from (_row(f"architecture.{name}", _defined(name, text)) for _, name, text in _texts(network))
    for prefix, section in (("data.", DataConfig), ("training.", TrainingConfig), ("", RunConfig)):
        for item in fields(section):
            if pattern := item.metadata.get(WEIGHTS):
                yield from (_row(prefix + pattern.format(name), f"Weight of the loss `{name}`.") for name in LOSSES)
            elif text := item.metadata.get(HELP):
                yield _row(prefix + item.name, f"{text[0].upper()}{text[1:]}.")


def _row(name: str, text: str) -> Row:
    """A stored name and its definition; a name that ends in a point is the beginning of several."""
    before = [f" In older stores `{old}`." for old, new in schema.RENAMED.items() if new == name]
    return f"`{name}*`" if name.endswith(".") else f"`{name}`", text + "".join(before)


def _table(heading: str, rows: Iterable[Row]) -> str:
    lines = [heading, " | ".join("---" for _ in heading.split(" | ")), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


if __name__ == "__main__":
    GLOSSARY.write_text(glossary())

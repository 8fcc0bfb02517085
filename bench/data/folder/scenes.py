"""What makes a scene of frames: a pattern, a table, the folder they lie in, their stack, or their name."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.folder.scene_table import look_up, read_scene_table
from hourglass_bench.bench.time_limit import time_limit

PAGE = re.compile(r"(.+)#\d{3,}")
"""Stem of a page of a stack; the group is the file's."""

_SECONDS = 2.0
"""For one name, which takes a microsecond; nested repetitions such as (a+)+ can take for ever."""


class SceneRule(NamedTuple):
    """How the scene of a frame is told."""

    of: Callable[[str], str]
    """Scene of a stem; ValueError where it cannot be told."""
    text: str
    """As the audit says it."""
    said: bool = True
    """Whether the user said it; else it is taken from the names and may be wrong."""


def scene_rule(folder: Path, data: DataConfig) -> SceneRule:
    """The rule of a folder: the pattern, the table, or what files are called.

    Raises:
        ValueError: the table cannot be read.
    """
    pattern, table = data.scene_pattern, Path(data.scene_table or folder / "scenes.csv")
    if pattern:
        return SceneRule(lambda stem: _match_scene(stem, pattern), f"first group of {pattern}")
    if data.scene_table or os.path.lexists(table):  # what is there is meant, whatever it is
        scenes = read_scene_table(table)
        return SceneRule(lambda stem: look_up(stem, scenes, table), f"as {table} says")
    text = "the folder, the file of a stack, or the name up to its last `_`"
    return SceneRule(_scene_by_name, text, said=False)


def examples(stems: Sequence[str], scenes: Sequence[str], limit: int = 3) -> str:
    """Frames of a few scenes with the scene of each, such as `P03_004 -> P03, P07_001 -> P07`."""
    first = dict(zip(reversed(scenes), reversed(stems), strict=True))
    names = sorted(first)
    chosen = dict.fromkeys(names[place * (len(names) - 1) // max(limit - 1, 1)] for place in range(limit))
    return ", ".join(f"{first[name]} -> {name}" for name in chosen)


def _scene_by_name(stem: str) -> str:
    folder = stem.rpartition("/")[0]
    page = PAGE.fullmatch(stem)
    return folder or (page and page[1]) or stem.rpartition("_")[0] or stem


def _match_scene(stem: str, pattern: str) -> str:
    slow = f"data.scene_pattern must find its group within {_SECONDS:.0f} s, got {pattern!r} for {stem!r}."
    with time_limit(_SECONDS, slow):
        found = re.search(pattern, stem)
    if found is None or not found.groups() or found.group(1) is None:
        raise ValueError(f"data.scene_pattern must find one group in every stem, got {pattern!r} for {stem!r}.")
    return found.group(1)

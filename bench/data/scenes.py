"""What makes a scene of frames: a pattern, a table, or the name up to its last `_`."""

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from architectures.config import require
from bench.config import DataConfig
from bench.files import replacing


class SceneRule(NamedTuple):
    """How the scene of a frame is told."""

    of: Callable[[str], str]
    """Scene of a stem; ValueError where it cannot be told."""
    text: str
    """As the audit says it."""


def scene_rule(folder: Path, data: DataConfig) -> SceneRule:
    """The rule of a folder: the pattern, its scenes.csv, or the stem up to the last `_`."""
    table = folder / "scenes.csv"
    if data.scene_pattern:
        return SceneRule(lambda stem: _match_scene(stem, data.scene_pattern), f"first group of {data.scene_pattern}")
    if table.is_file():
        scenes = _read_scene_table(table)
        return SceneRule(lambda stem: _look_up_scene(stem, scenes, table), f"as {table} says")
    return SceneRule(lambda stem: stem.rpartition("_")[0] or stem, "the name up to its last `_`")


def _match_scene(stem: str, pattern: str) -> str:
    try:
        found = re.search(pattern, stem)
    except re.error as error:
        raise ValueError(f"data.scene_pattern must be a regular expression, got {pattern!r} ({error}).") from error
    if found is None or not found.groups() or found.group(1) is None:
        raise ValueError(f"data.scene_pattern must find one group in every stem, got {pattern!r} for {stem!r}.")
    return found.group(1)


def write_scene_table(table: Path, stems: Sequence[str], scenes: Sequence[str]) -> None:
    """Write the scenes.csv that says to which scene each frame belongs; the file never holds half a table."""
    with replacing(table) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("stem", "scene"), *zip(stems, scenes, strict=True)])


def _read_scene_table(table: Path) -> dict[str, str]:
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        has_both = {"stem", "scene"} <= set(rows.fieldnames or ())
        require(has_both, str(table), "have the columns stem and scene", rows.fieldnames)
        return {row["stem"]: row["scene"] for row in rows}


def _look_up_scene(stem: str, scenes: dict[str, str], table: Path) -> str:
    if stem not in scenes:
        raise ValueError(f"{table} must name the scene of every stem, got none for {stem!r}.")
    return scenes[stem]

"""Writing scenes.csv, the table of a folder that says to which scene each frame belongs."""

import csv
from collections.abc import Sequence
from pathlib import Path

from bench.files import replacing


def write_scene_table(path: Path, stems: Sequence[str], scenes: Sequence[str]) -> None:
    """Write the columns stem and scene under a temporary name first, so that path never holds half a table."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("stem", "scene"), *zip(stems, scenes, strict=True)])

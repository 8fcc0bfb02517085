"""What is missing or damaged of the files that a complete run keeps."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zipfile import BadZipFile, ZipFile

from hourglass_bench.bench import schema

DAMAGED: Final = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, BadZipFile)
"""What the readers below raise for damaged files; pyarrow's own errors are among them."""


def find_damage(folder: Path, *, segments: bool) -> list[str]:
    """What is wrong in the folder of a run that was tested, in words; empty if nothing is.

    Args:
        segments: Whether the run has a table of its masks' metrics by frame.
    """
    return [
        f"{name} is missing" if not (folder / name).is_file() else f"{name} is damaged"
        for name, is_whole in FILES.items()
        if (segments or name != schema.FRAME_TABLE) and not _passes(is_whole, folder / name)
    ]


def _passes(is_whole: Callable[[Path], bool], path: Path) -> bool:
    try:
        return is_whole(path)
    except DAMAGED:
        return False


def _is_archive(path: Path) -> bool:
    """Whether every tensor has its checksum; nothing of it is unpickled."""
    with ZipFile(path) as archive:
        return archive.testzip() is None


def _is_object(path: Path) -> bool:
    return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)


def _has_every_frame(path: Path) -> bool:
    """Whether a table has one row for each test frame of the split beside it."""
    import pyarrow.parquet as pq

    stems = pq.read_table(path, columns=["stem"])["stem"].to_pylist()
    return sorted(stems) == sorted(json.loads((path.parent / schema.SPLIT_FILE).read_text(encoding="utf-8"))["test"])


FILES: Final[dict[str, Callable[[Path], bool]]] = {
    schema.CHECKPOINT_FILE: _is_archive,
    schema.CONFIG_FILE: _is_object,
    schema.SPLIT_FILE: _is_object,
    schema.SEAL_FILE: _is_object,
    schema.FRAME_TABLE: _has_every_frame,
}
"""What a run must keep -> whether a file of it is whole."""

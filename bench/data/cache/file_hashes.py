"""Hashes of files' contents, kept in the cache: a file whose size and times stay is not read again."""

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.files import reading, replacing
from hourglass_bench.bench.parallel import in_threads
from hourglass_bench.bench.progress import progress

_RACY_NS = 2 * 10**9
"""A file may change once more within a tick of its file system's clock and look the same; the coarsest tick is 2 s."""

Stamp = list[int]
"""Size in bytes, and when contents and entry were changed last, in nanoseconds."""


class FileHashes:
    """Those of one data folder, by its real path: links and other spellings share them, a copy has its own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = str(folder)
        self._file = cache / f"files-{digest(folder.resolve())}.json"
        self._known: dict[str, tuple[Stamp, str]] = _read(self._file)
        self._changed = False

    def of(self, paths: Iterable[Path], doing: str = "reading files") -> dict[Path, str]:
        """SHA-256 of each file. Files are stored by their place in the folder; `doing` is what a bar says."""
        names = {path: str(path).removeprefix(self._folder) for path in paths}
        stamps = {path: _stamp(path) for path in names}
        unknown = [path for path, name in names.items() if self._known.get(name, (None,))[0] != stamps[path]]
        now = time.time_ns()
        hashes = in_threads(_hash, unknown)
        fresh = dict(zip(unknown, progress(hashes, doing, len(unknown)), strict=True))
        found = {path: fresh.get(path) or self._known[name][1] for path, name in names.items()}
        known = {
            name: (stamps[path], found[path])
            for path, name in names.items()
            if path not in fresh or max(stamps[path][1:]) < now - _RACY_NS
        }
        self._changed |= known != self._known
        self._known = known
        return found

    def save(self) -> None:
        """For the next start."""
        if self._changed:
            with replacing(self._file) as partial:
                partial.write_text(json.dumps(self._known))


def _read(file: Path) -> dict[str, tuple[Stamp, str]]:
    """What was saved; nothing if there is no such file, or no whole one."""
    try:
        return {name: (stamp, content) for name, (stamp, content) in json.loads(file.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _stamp(path: Path) -> Stamp:
    with reading(path):
        status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _hash(path: Path) -> str:
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

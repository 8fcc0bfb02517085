"""What a run was told while its store was away: files on this machine's disk, later written to the store in order.

Whoever closes the run writes what is left. All that is written may be written twice, since a store's answer can be
lost: MLflow tells a metric by its name, step, moment and value, and files by their names.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from hourglass_bench.bench import schema
from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.tracking.datasets import RoleDataset
from hourglass_bench.bench.tracking.entries import Entries
from hourglass_bench.bench.tracking.patience import away
from hourglass_bench.bench.tracking.store import RunLog

if TYPE_CHECKING:
    from mlflow import MlflowClient

PAUSE = 5.0
"""Seconds after which a store that was away is tried again."""


class Spool:
    """Of one run, in RUNS: numbered pieces, each a file of entries or a folder of artifacts."""

    def __init__(self, runs: Path, run_id: str) -> None:
        self._folder = runs / schema.SPOOL_DIR / run_id

    def pieces(self) -> list[Path]:
        """In the order in which they were told; what was cut off while it was kept is not among them."""
        return sorted(self._folder.glob("[0-9]*")) if self._folder.exists() else []

    def add(self, entries: Sequence[Entries]) -> None:
        """Keep entries."""
        with replacing(self._next()) as piece:
            piece.write_text(json.dumps([asdict(entry) for entry in entries]))

    def add_artifacts(self, folder: Path) -> None:
        """Keep copies of the contents of a folder."""
        piece = self._next()
        draft = piece.with_name(f".{piece.name}")
        shutil.copytree(folder, draft)
        draft.rename(piece)

    def replay(self, log: RunLog) -> None:
        """Write each piece into the run and remove it; after an error those that are left stay."""
        if not self._folder.exists():
            return
        for piece in self.pieces():
            if piece.is_dir():
                log.artifacts(piece)
                shutil.rmtree(piece)
            else:
                log.write([_entries(**stored) for stored in json.loads(piece.read_text())])
                piece.unlink()
        self.discard()

    def discard(self) -> None:
        """Remove what is kept: it is written, or its run has no outcome."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # others keep something
            self._folder.parent.rmdir()

    def _next(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        pieces = self.pieces()
        return self._folder / f"{int(pieces[-1].name) + 1 if pieces else 1:06d}"


def _entries(datasets: Sequence[Sequence[Any]], **stored: Any) -> Entries:
    return Entries(datasets=[RoleDataset(*fields)._replace(size=tuple(fields[4])) for fields in datasets], **stored)


class SpooledLog(RunLog):
    """A run of a store that may be away: then what the run is told is kept, and written when the store is back."""

    def __init__(self, client: "MlflowClient", run_id: str, spool: Spool) -> None:
        super().__init__(client, run_id)
        self._spool = spool
        self._behind = False
        self._again = 0.0

    @override
    def write(self, entries: Sequence[Entries]) -> None:
        self._tell(lambda: super(SpooledLog, self).write(entries), lambda: self._spool.add(entries))

    @override
    def artifacts(self, folder: Path) -> None:
        self._tell(lambda: super(SpooledLog, self).artifacts(folder), lambda: self._spool.add_artifacts(folder))

    @override
    def text(self, text: str, name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / name).write_text(text)
            self.artifacts(Path(folder))

    @override
    def artifact(self, name: str) -> str:
        return f"runs:/{self.run_id}/{name}"

    def _tell(self, write: Callable[[], None], keep: Callable[[], None]) -> None:
        if not self._behind:
            self._behind = not self._try(write)
            if not self._behind:
                return
        keep()
        if time.monotonic() >= self._again:
            self._behind = not self._try(lambda: self._spool.replay(RunLog(self._client, self.run_id)))

    def _try(self, write: Callable[[], None]) -> bool:
        """Whether the store was there."""
        try:
            write()
        except Exception as error:
            if away(error) is None:
                raise
            self._again = time.monotonic() + PAUSE
            return False
        return True

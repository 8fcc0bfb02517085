"""A training that can be cut off at any moment, and go on: its state after an epoch, in a folder of its own."""

import shutil
import time
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import torch

from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.machine.file_lock import LOCK, lock
from hourglass_bench.bench.tensors import describe, read_torch
from hourglass_bench.bench.training.execution import Execution
from hourglass_bench.bench.training.train import EpochRecord, Progress
from hourglass_bench.bench.training.trainer import Trainer

SHARE = 0.02
"""Of the training's time that may go into writing states: an epoch that comes sooner is not written."""
STATE = "state.pt"


class Unfinished:
    """The state of one training. Whoever trains holds the folder; the kernel frees it when the process ends."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lock: IO[bytes] | None = None
        self._stored: dict[str, Any] = {}
        self._written, self._pause = 0.0, 0.0
        self.seconds = 0.0
        """Of training and validation up to the state that was restored."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Others may go on from here."""
        if self._lock is not None:
            self._lock.close()

    def hold(self, folder: Path) -> None:
        """From now on states are written into the folder, which is made; what lies in it is read.

        Raises:
            BlockingIOError: another process trains there.
            ValueError: what lies there is no state.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / LOCK).open("ab")
        lock(self._lock)
        if (folder / STATE).exists():
            self._stored = _read(folder / STATE)
        self._folder = folder

    @property
    def execution(self) -> Execution | None:
        """By which the training goes on; None of one that begins."""
        return Execution(**self._stored["execution"]) if self._stored else None

    def restore(self, trainer: Trainer) -> Progress:
        """Put a new trainer where the last state was written -> the progress there; nothing of one that begins."""
        if not self._stored:
            return Progress()
        trainer.load_state(self._stored["trainer"])
        progress: dict[str, Any] = self._stored["progress"]
        self._stored = {}  # its memory is free for the training
        records = [EpochRecord(*values) for values in progress.pop("records")]
        best = records[progress.pop("best") - 1]
        self.seconds = progress["seconds"] + progress["validation_seconds"]
        return Progress(records=records, best=best, **progress)

    def save(self, trainer: Trainer, progress: Progress) -> None:
        """Write the state after an epoch, unless it would take too large a share of the time."""
        start = time.monotonic()
        if self._folder is None or start < self._written + self._pause:
            return
        assert progress.best is not None  # the first epoch is better than none
        plain = {item.name: getattr(progress, item.name) for item in fields(progress)}
        plain |= {"records": [tuple(record) for record in progress.records], "best": progress.best.epoch}
        state = {"trainer": trainer.state(), "execution": asdict(trainer.execution), "progress": plain}
        with replacing(self._folder / STATE) as partial:
            torch.save(state, partial)
        self._written = time.monotonic()
        self._pause = (self._written - start) / SHARE

    def remove(self) -> None:
        """The training has come to its end: there is nothing to go on with."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _read(file: Path) -> dict[str, Any]:
    try:
        stored = read_torch(file)
        if not isinstance(stored, dict) or stored.keys() != {"trainer", "execution", "progress"}:
            raise ValueError(describe(stored))
    except ValueError as error:
        raise ValueError(
            f"{file} must hold the state of a training, got {error}; it cannot go on from there: train anew."
        ) from error
    return stored

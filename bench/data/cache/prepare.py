"""From pairs of files to frames: read on all cores and written, frame by frame, into files that are mapped then.

Memory holds no more than the frames that are being read, and what was cut off goes on where it was: a journal has a
line for every frame that is done, in their order.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.cache.entry import CutOffError, array_file, complete
from hourglass_bench.bench.data.cache.pixel_files import PixelFiles
from hourglass_bench.bench.data.facts import Facts
from hourglass_bench.bench.data.folder.pairs import Pair
from hourglass_bench.bench.data.reading import Reading, decide, read_frame
from hourglass_bench.bench.files import replacing
from hourglass_bench.bench.parallel import count_cores, in_processes, in_threads
from hourglass_bench.bench.progress import progress

_JOURNAL, _READING = "journal.jsonl", "reading.json"
_MANY = 3000  # frames, from which processes pay: they take seconds to start, and threads wait for Python's lock


class _Note(NamedTuple):
    """What the journal says of a frame that is done."""

    checksum: int
    """Of its pixels: after a power cut the journal may know of pixels that never reached the disk."""
    ignores: bool
    """Whether it has ignored pixels."""
    original_size: tuple[int, int]
    facts: Facts


def prepare(pairs: Sequence[Pair], data: DataConfig, folder: Path) -> None:
    """All pairs into a folder, as `bench.data.cache.entry` reads them; it may hold a part of them.

    Raises:
        ValueError: a file cannot be read, the masks could mean two things, or the disk is too small.
        CutOffError: a process that read files died.
    """
    reading = _decide_once(pairs, data, folder)
    pixels = PixelFiles.make(folder, len(pairs), data.size)
    with (folder / _JOURNAL).open("a+b") as journal:
        done = list(_resume(journal, pixels))
        write = partial(_write_frame, reading=reading, data=data, pixels=pixels)
        left = [(index, pairs[index]) for index in range(len(done), len(pairs))]
        run = in_processes if len(left) >= _MANY and count_cores() > 1 else in_threads
        try:
            for note in progress(run(write, left), _doing(data), len(pairs), len(done)):
                journal.write(json.dumps(note).encode() + b"\n")
                journal.flush()
                done.append(note)
        except BrokenExecutor as error:
            raise CutOffError(
                f"frames of {data.path} must be read by processes of their own, but one died, perhaps for lack of "
                "memory; what is done is kept, and the same command goes on from there."
            ) from error
    if not any(note.ignores for note in done):
        pixels.ignored.path.unlink()
    np.save(array_file(folder, "original_sizes"), np.array([note.original_size for note in done], np.int64))
    complete(folder, _names(pairs, reading), reading, [note.facts for note in done])
    for name in (_JOURNAL, _READING):
        (folder / name).unlink()


def _decide_once(pairs: Sequence[Pair], data: DataConfig, folder: Path) -> Reading:
    file = folder / _READING
    if not file.exists():
        text = decide(pairs, data).to_json()
        with replacing(file) as temporary:
            temporary.write_text(text)
    return Reading.from_json(file.read_text())


def _resume(journal: BinaryIO, pixels: PixelFiles) -> Iterator[_Note]:
    """The frames that an earlier process has done; what the journal says beyond them is cut off."""
    journal.seek(0)
    whole = 0
    for index, line in enumerate(journal.read().splitlines(keepends=True)):
        if not line.endswith(b"\n"):
            break
        try:
            checksum, ignores, original_size, facts = json.loads(line)
        except ValueError:
            break
        if pixels.checksum(index) != checksum:
            break
        whole += len(line)
        yield _Note(checksum, ignores, original_size, Facts(*facts))
    journal.truncate(whole)


def _write_frame(numbered: tuple[int, Pair], reading: Reading, data: DataConfig, pixels: PixelFiles) -> _Note:
    index, pair = numbered
    fitted, original_size, facts = read_frame(pair, reading, data)
    return _Note(pixels.write(index, fitted), bool(fitted.ignored.any()), original_size, facts)


def _doing(data: DataConfig) -> str:
    return f"reading frames of {data.path}"


def _names(pairs: Sequence[Pair], reading: Reading) -> dict[str, Any]:
    return {
        "stems": tuple(pair.stem for pair in pairs),
        "scenes": tuple(pair.scene for pair in pairs),
        "given": tuple(pair.role for pair in pairs if pair.role),
        "fit": reading.fit,
    }

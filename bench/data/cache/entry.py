"""Decoded frames on the disk: memory-mapped arrays, which all workers share.

What is read is what was written: each file's hash stands beside it, and is taken anew whenever size or times of the
file are others than when it was last found to be so. What is otherwise, or may be another user's, is made anew.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass_bench.bench.data.cache.file_hashes import FileHashes
from hourglass_bench.bench.data.facts import Facts
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.reading import Reading
from hourglass_bench.bench.digest import digest
from hourglass_bench.bench.machine.file_lock import lock
from hourglass_bench.bench.terminal import say

_PARTIAL, _LOCK, _NAMES = ".partial-", "lock", "names.json"
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
"""Bits of a mode that let others than the owner write."""
_ABANDONED_SECONDS = 24 * 3600  # what was cut off goes on within a day; then it makes room

_KINDS: Final = {"images": np.uint8, "masks": np.uint8, "ignored": np.bool_, "original_sizes": np.int64}
"""Number formats of the arrays."""

Fill = Callable[[Path], None]
"""Writes frames into a folder, which may hold what an earlier process has written before it was cut off."""


class CutOffError(ValueError):
    """Filling has stopped half-way and can go on at the next start."""


class Dataset(NamedTuple):
    """Frames at one size, and what is known of them."""

    frames: Frames
    digest: str
    """Sixteen hexadecimal digits: equal digests mean equal frames."""
    reading: Reading
    """How their files were read."""
    facts: tuple[Facts, ...]
    """Of each frame's files; none of drawn frames."""


def cached(cache: Path, source: str, size: tuple[int, int], fill: Fill) -> Dataset:
    """What `fill` writes, from the cache if it was written before of the same source at the same size.

    One process writes at a time; others of the same frames wait for it.
    """
    # A cache of other fields is never read, and users who share a RUNS folder have their own.
    key = digest(source, *size, *Frames._fields, *Facts._fields, Reading().to_json(), os.geteuid())
    folder = cache / key
    with suppress(ValueError):
        if dataset := open_dataset(folder):
            return dataset
    made = [path for path in (cache, *cache.parents) if not path.exists()]
    try:
        with _writing(cache / f"{_PARTIAL}{key}") as partial:
            if not _is_whole(folder):
                fill(partial)
                _settle(partial)
                _replace(folder, partial)
                (folder / _LOCK).unlink()
    except Exception:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise
    _remove_abandoned(cache)
    dataset = open_dataset(folder)
    assert dataset is not None
    return dataset


def _is_whole(folder: Path) -> bool:
    """Whether frames lie there; says so if they are damaged."""
    try:
        return open_dataset(folder) is not None
    except ValueError as error:
        say(f"{folder} is made anew: {error}")
        return False


def _replace(folder: Path, partial: Path) -> None:
    """Give `partial` the name of `folder`, where something damaged may lie.

    Raises:
        ValueError: that cannot be removed.
    """
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        os.rename(partial, folder)
    except OSError as error:
        raise ValueError(f"{folder} must make room for whole frames, but: {error.strerror}; remove it.") from error


def open_dataset(folder: Path) -> Dataset | None:
    """The frames in a folder; None if there is no such folder.

    Raises:
        ValueError: a file is missing or not as it was written, or another user may write there.
    """
    if not os.path.lexists(folder):
        return None
    _require_own(folder)
    try:
        stored = json.loads((folder / _NAMES).read_text())
        names = stored["names"]
        if digest(json.dumps(names)) != stored["digest"]:
            raise ValueError(f"{folder / _NAMES} must be as it was written, got other contents")
        _require_whole(folder, names["files"])
        facts = tuple(Facts(*map(_tuple, values)) for values in names["facts"])
        return Dataset(_map(folder, names), names["digest"], Reading.from_json(names["reading"]), facts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} must hold whole frames, got {type(error).__name__}: {error}") from error


def _require_own(folder: Path) -> None:
    """Raise ValueError if another user may have written what lies there."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{folder} must be a folder, got a file or a link")
    if status.st_uid == os.geteuid() and not status.st_mode & _OTHERS:
        return
    new = _made_in(folder.parent)
    if status.st_uid not in (os.geteuid(), new and new.st_uid):
        raise ValueError(f"{folder} must belong to user {os.geteuid()}, got user {status.st_uid}")
    if status.st_mode & _OTHERS & ~(new.st_mode if new else 0):
        raise ValueError(f"{folder} must be for its owner to write in, got {stat.filemode(status.st_mode)}")


def _made_in(folder: Path) -> os.stat_result | None:
    """Of a folder that this process makes there for itself: some disks give all that lies on them one owner (of
    networks) or one mode (a stick's, Windows' in WSL2), which say nothing of who wrote it."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=_PARTIAL) as made:
            return os.stat(made)
    except OSError:
        return None


def _require_whole(folder: Path, written: Mapping[str, str]) -> None:
    """Raise ValueError if a file has not the hash that it was written with."""
    hashes = FileHashes(folder, folder)
    for path, found in hashes.of([folder / name for name in written], "checking cached frames").items():
        if found != written[path.name]:
            raise ValueError(f"{path} must be as it was written, got other contents")
    with suppress(OSError):  # without room for them it is read again the next time
        hashes.save()


def _tuple(value: object) -> Any:
    return tuple(value) if isinstance(value, list) else value


def array_file(folder: Path, name: str) -> Path:
    """Where the field `name` of Frames lies."""
    return folder / f"{name}.npy"


def _map(folder: Path, names: Mapping[str, Any]) -> Frames:
    """Mapped copy on write: all workers share one copy in memory, and torch takes the arrays as they are.

    Raises:
        ValueError: an array is not whole, or has another number of frames than there are names.
    """

    def load(name: str, *shape: int) -> NDArray[Any]:
        path = array_file(folder, name)
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(f"{path} must be a whole array, got {error}") from error
        if array.shape[: len(shape)] != shape or array.dtype != _KINDS[name]:
            raise ValueError(f"{path} must begin with the shape {shape}, got {array.shape} of {array.dtype}")
        return array

    count = len(names["stems"])
    images = load("images", count)
    return Frames(
        stems=tuple(names["stems"]),
        scenes=tuple(names["scenes"]),
        images=images,
        masks=load("masks", *images.shape[:3]),
        original_sizes=np.array(load("original_sizes", count, 2)),
        ignored=load("ignored", *images.shape[:3]) if array_file(folder, "ignored").exists() else None,
        given=tuple(names["given"]),
        fit=names["fit"],
    )


def write(frames: Frames, folder: Path) -> None:
    """Drawn frames into a folder, as `cached` reads them."""
    for name in ("images", "masks", "original_sizes", "ignored"):
        if (array := getattr(frames, name)) is not None:
            np.save(array_file(folder, name), array)
    complete(folder, {name: getattr(frames, name) for name in ("stems", "scenes", "given", "fit")}, Reading(), ())


def complete(folder: Path, names: Mapping[str, Any], reading: Reading, facts: Sequence[Facts]) -> None:
    """Write the names and the digest of the arrays in a folder."""
    known = {**names, "digest": content_digest(_map(folder, names)), "reading": reading.to_json(), "facts": facts}
    hashes = FileHashes(folder, folder).of(sorted(folder.glob("*.npy")), "hashing frames")
    known = json.loads(json.dumps({**known, "files": {path.name: found for path, found in hashes.items()}}))
    (folder / _NAMES).write_text(json.dumps({"digest": digest(json.dumps(known)), "names": known}))


def _settle(folder: Path) -> None:
    """Wait until all of it is on the disk: a name that survives a power cut stands for pixels that do."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def _writing(partial: Path) -> Iterator[Path]:
    """The folder for this process alone; gone after an error, kept after an interrupt, so that the next start goes on.

    Its lock is freed by the kernel when the process ends, however it ends.
    """
    with _lock(partial):
        try:
            yield partial
        except CutOffError:
            raise
        except Exception:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(partial, ignore_errors=True)  # nothing, unless another process had written the frames


def _lock(partial: Path) -> BinaryIO:
    if partial.is_symlink():
        partial.unlink()  # what it leads to is not for frames
    while True:
        partial.mkdir(mode=0o700, parents=True, exist_ok=True)  # no other user has a say in what is trained on
        try:
            file = (partial / _LOCK).open("ab")
        except FileNotFoundError:  # another process has just finished
            continue
        lock(file, wait=True)
        if _is_same(file, partial / _LOCK):
            return file
        file.close()  # another process has renamed or removed the folder while this one waited


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove_abandoned(cache: Path) -> None:
    """What was cut off, and nobody went on with."""
    for partial in cache.glob(f"{_PARTIAL}*"):
        with suppress(OSError):  # another process holds or removes it
            newest = max(path.stat().st_mtime for path in (partial, *partial.iterdir()))
            if time.time() - newest > _ABANDONED_SECONDS:
                with (partial / _LOCK).open("ab") as file:
                    lock(file)
                    shutil.rmtree(partial)


def content_digest(frames: Frames) -> str:
    """Hash of names and pixels, the identity of the data in every record."""
    content = hashlib.sha256(json.dumps([frames.stems, frames.scenes, frames.images.shape]).encode())
    for pixels in (frames.images, frames.masks, frames.ignored):
        if pixels is not None:
            for frame in pixels:
                content.update(np.ascontiguousarray(frame).data)
    if frames.given:
        content.update(json.dumps(frames.given).encode())
    return content.hexdigest()[:16]

"""Decoded frames on the disk: memory-mapped arrays, which all workers share."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.data.facts import Facts
from bench.data.frames import Frames
from bench.data.reading import Reading
from bench.digest import digest


class Decoded(NamedTuple):
    """Frames as they were read, and what is known of them."""

    frames: Frames
    reading: Reading
    facts: tuple[Facts, ...]
    """Of each frame's files; none of drawn frames."""


class Dataset(NamedTuple):
    """Frames at one size, and what is known of them."""

    frames: Frames
    digest: str
    """Sixteen hexadecimal digits: equal digests mean equal frames."""
    reading: Reading
    """How their files were read."""
    facts: tuple[Facts, ...]
    """Of each frame's files; none of drawn frames."""


def cached(cache: Path, source: str, size: tuple[int, int], make: Callable[[], Decoded]) -> Dataset:
    """What `make` gives, from the cache if it was made before of the same source at the same size."""
    folder = cache / digest(source, *size, *Frames._fields, *Facts._fields)  # a cache of other fields is never read
    if not folder.is_dir():
        _store(make(), folder)
    names = json.loads((folder / "names.json").read_text())
    ignored = folder / "ignored.npy"
    # Mapped copy on write: all workers share one copy in memory, and torch takes the arrays as they are.
    frames = Frames(
        stems=tuple(names["stems"]),
        scenes=tuple(names["scenes"]),
        images=np.load(folder / "images.npy", mmap_mode="c"),
        masks=np.load(folder / "masks.npy", mmap_mode="c"),
        original_sizes=np.load(folder / "original_sizes.npy"),
        ignored=np.load(ignored, mmap_mode="c") if ignored.exists() else None,
        given=tuple(names["given"]),
        fit=names["fit"],
    )
    facts = tuple(Facts(*values) for values in names["facts"])
    return Dataset(frames, names["digest"], Reading.from_json(names["reading"]), facts)


def _store(decoded: Decoded, folder: Path) -> None:
    """Write into a temporary folder, then rename: a reader never sees half a cache."""
    frames = decoded.frames
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        for name in ("images", "masks", "original_sizes", "ignored"):
            if (array := getattr(frames, name)) is not None:
                np.save(temporary / f"{name}.npy", array)
        names = {
            **{name: getattr(frames, name) for name in ("stems", "scenes", "given", "fit")},
            "digest": content_digest(frames),
            "reading": decoded.reading.to_json(),
            "facts": decoded.facts,
        }
        (temporary / "names.json").write_text(json.dumps(names))
        os.rename(temporary, folder)
    except OSError:
        if not folder.is_dir():  # another process may have stored the same frames in the meantime
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def content_digest(frames: Frames) -> str:
    """Hash of names and pixels, the identity of the data in every record."""
    content = hashlib.sha256(json.dumps([frames.stems, frames.scenes, frames.images.shape]).encode())
    for pixels in (frames.images, frames.masks, frames.ignored):
        if pixels is not None:
            content.update(np.ascontiguousarray(pixels).data)
    if frames.given:
        content.update(json.dumps(frames.given).encode())
    return content.hexdigest()[:16]

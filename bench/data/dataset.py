"""From a DataConfig to frames in memory: decoded once, cached as memory-mapped arrays under a content hash."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.config import SYNTHETIC, DataConfig
from bench.data.folder import Pair, find_pairs, read_frames
from bench.data.frames import Frames
from bench.data.split import split_frames
from bench.digest import digest, digest_sources


class Dataset(NamedTuple):
    """Frames at one size, and their hash."""

    frames: Frames
    digest: str
    """Sixteen hexadecimal digits: equal digests mean equal frames."""


def load(config: DataConfig, cache: Path) -> Dataset:
    """Frames of `config`, from `cache` when they were decoded before.

    Raises:
        ValueError: the folder or one of its files breaks a rule (see `bench.data.folder`), or there are fewer scenes
            than folds or too few to label. Nothing is written then.
    """
    if config.path == SYNTHETIC:
        split_frames([str(scene) for scene in range(config.synthetic_scenes)], config, repeat=0)
        source = digest(_code_of_generator(), config.synthetic_scenes, config.synthetic_frames, config.synthetic_seed)
        return _cached(cache, source, config.size, lambda: read(config))
    pairs = find_pairs(Path(config.path), config.scene_pattern)
    split_frames([pair.scene for pair in pairs], config, repeat=0)
    return _cached(cache, _hash_files(pairs), config.size, lambda: read_frames(pairs, config.size))


def read(config: DataConfig) -> Frames:
    """Frames of `config`, decoded or drawn anew; whether they can be split is not asked."""
    if config.path != SYNTHETIC:
        return read_frames(find_pairs(Path(config.path), config.scene_pattern), config.size)
    from bench.data import synthetic  # many modules, which folders do without

    return synthetic.generate(
        scenes=config.synthetic_scenes,
        frames_per_scene=config.synthetic_frames,
        size=config.size,
        seed=config.synthetic_seed,
    )


def _cached(cache: Path, source: str, size: tuple[int, int], make: Callable[[], Frames]) -> Dataset:
    folder = cache / digest(source, *size, *Frames._fields)  # a cache of other fields is never read
    if not folder.is_dir():
        _store(make(), folder)
    names = json.loads((folder / "names.json").read_text())
    # Mapped copy on write: all workers share one copy in memory, and torch takes the arrays as they are.
    return Dataset(
        Frames(
            stems=tuple(names["stems"]),
            scenes=tuple(names["scenes"]),
            images=np.load(folder / "images.npy", mmap_mode="c"),
            masks=np.load(folder / "masks.npy", mmap_mode="c"),
            original_sizes=np.load(folder / "original_sizes.npy"),
        ),
        names["digest"],
    )


def _store(frames: Frames, folder: Path) -> None:
    """Write into a temporary folder, then rename: a reader never sees half a cache."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        np.save(temporary / "images.npy", frames.images)
        np.save(temporary / "masks.npy", frames.masks)
        np.save(temporary / "original_sizes.npy", frames.original_sizes)
        names = {"stems": frames.stems, "scenes": frames.scenes, "digest": content_digest(frames)}
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
    for pixels in (frames.images, frames.masks):
        content.update(np.ascontiguousarray(pixels).data)
    return content.hexdigest()[:16]


def _hash_files(pairs: list[Pair]) -> str:
    parts: list[object] = []
    for pair in pairs:
        contents = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (pair.image, pair.mask))
        parts += [pair.stem, pair.scene, *contents]
    return digest(*parts)


def _code_of_generator() -> str:
    """Frames of an older generator must not be taken from the cache."""
    return digest_sources([Path(__file__).parent / "synthetic"])

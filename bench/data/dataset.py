"""From a DataConfig to frames in memory: decoded once, cached as memory-mapped arrays under a content hash."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.config import SYNTHETIC, DataConfig
from bench.data.cache import Dataset, Decoded, cached, content_digest
from bench.data.folder import Pair, find_pairs
from bench.data.frames import Frames
from bench.data.reading import Reading, decide, read_frame
from bench.data.scene_names import require_scenes
from bench.data.split import split_frames
from bench.digest import digest, digest_sources


def load(config: DataConfig, cache: Path) -> Dataset:
    """Frames of `config`, from `cache` when they were decoded before.

    Raises:
        ValueError: the folder or one of its files breaks a rule (see `bench.data.folder`), its names give no scenes
            that can be meant, or there are fewer than folds or too few to label. Nothing is written then.
    """
    if config.path == SYNTHETIC:
        split_frames([str(scene) for scene in range(config.synthetic_scenes)], config, repeat=0)
        source = digest(_code_of_generator(), config.synthetic_scenes, config.synthetic_frames, config.synthetic_seed)
        return cached(cache, source, config.size, lambda: _draw(config))
    found = find_pairs(config)
    pairs, rule = found.pairs, found.scene_rule
    require_scenes([pair.stem for pair in pairs], [pair.scene for pair in pairs], rule, config)
    split_frames([pair.scene for pair in pairs], config, repeat=0, given=[pair.role for pair in pairs])
    return cached(cache, _source_digest(pairs, config), config.size, lambda: decode(pairs, config))


def read(config: DataConfig) -> Dataset:
    """Frames of `config`, decoded or drawn anew; whether they can be split is not asked."""
    decoded = _draw(config) if config.path == SYNTHETIC else decode(find_pairs(config).pairs, config)
    return Dataset(decoded.frames, content_digest(decoded.frames), decoded.reading, decoded.facts)


def decode(pairs: Sequence[Pair], config: DataConfig) -> Decoded:
    """Read all pairs.

    Raises:
        ValueError: a file cannot be read, or the masks could mean two things.
    """
    reading = decide(pairs, config)
    read = [read_frame(pair, reading, config) for pair in pairs]
    ignored = np.stack([item.fitted.ignored for item in read])
    frames = Frames(
        stems=tuple(pair.stem for pair in pairs),
        scenes=tuple(pair.scene for pair in pairs),
        images=np.stack([item.fitted.image for item in read]),
        masks=np.stack([item.fitted.mask for item in read]),
        original_sizes=np.array([item.original_size for item in read], np.int64),
        ignored=ignored if ignored.any() else None,
        given=tuple(pair.role for pair in pairs if pair.role),
        fit=reading.fit,
    )
    return Decoded(frames, reading, tuple(item.facts for item in read))


def _draw(config: DataConfig) -> Decoded:
    from bench.data import synthetic  # many modules, which folders do without

    frames = synthetic.generate(
        scenes=config.synthetic_scenes,
        frames_per_scene=config.synthetic_frames,
        size=config.size,
        seed=config.synthetic_seed,
    )
    return Decoded(frames, Reading(), ())


def _source_digest(pairs: Sequence[Pair], config: DataConfig) -> str:
    """Of the files' contents and of how they are read."""
    parts: list[object] = [config.foreground, config.ignore, config.invert, config.intensity, config.fit]
    for pair in pairs:
        pages = (pair.image, *pair.masks)
        contents = (hashlib.sha256(page.path.read_bytes()).hexdigest() for page in pages)
        parts += [pair.stem, pair.scene, pair.role, *(page.number for page in pages), *contents]
    return digest(*parts)


def _code_of_generator() -> str:
    """Frames of an older generator must not be taken from the cache."""
    return digest_sources([Path(__file__).parent / "synthetic"])

"""From a DataConfig to frames in memory: decoded once, cached as memory-mapped arrays under a content hash."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import features

from hourglass_bench.bench.config import SYNTHETIC, DataConfig
from hourglass_bench.bench.data.cache.entry import Dataset, cached, open_dataset, write
from hourglass_bench.bench.data.cache.file_hashes import FileHashes
from hourglass_bench.bench.data.cache.prepare import prepare
from hourglass_bench.bench.data.folder.pairs import Found, Pair, find_pairs
from hourglass_bench.bench.data.folder.scene_names import require_scenes
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.split import split_frames
from hourglass_bench.bench.digest import digest, digest_sources
from hourglass_bench.bench.machine.room import require_room
from hourglass_bench.bench.progress import working

DRAWN = ("synthetic_scenes", "synthetic_frames", "synthetic_seed", "synthetic_blend")
"""Fields of the DataConfig that decide what is drawn, beside the size."""
_RESIZING = 12
"""Bytes for each pixel of a frame while a file comes to its size, at least: its colours in float32."""

LIBRARIES = ("numpy", "scipy", "pillow", "imagecodecs", "tifffile")
"""Packages whose next version may read or draw other pixels."""
CODECS = ("jpg", "jpg_2000", "webp", "avif", "libtiff")
"""Of Pillow's libraries those that decode with a loss, which a system may bring along in another version."""


def load(config: DataConfig, cache: Path, found: Found | None = None) -> Dataset:
    """Frames of `config`, from `cache` when they were decoded before.

    Args:
        found: what lies in the folder, if that was asked before: listing a large one takes most of a second.

    Raises:
        ValueError: the folder or one of its files breaks a rule (see `bench.data.folder.pairs`), its names give no
            scenes that can be meant, or there are fewer than folds or too few to label. Nothing is written then.
    """
    if config.path == SYNTHETIC:
        split_frames([str(scene) for scene in range(config.synthetic_scenes)], config, repeat=0)
        source = digest(_code_of_generator(), *(getattr(config, name) for name in DRAWN))
        return cached(cache, source, config.size, lambda folder: write(_draw(config), folder))
    found = found or find_pairs(config)
    pairs, rule = found.pairs, found.scene_rule
    require_scenes([pair.stem for pair in pairs], [pair.scene for pair in pairs], rule, config)
    split_frames([pair.scene for pair in pairs], config, repeat=0, given=[pair.role for pair in pairs])
    hashes = FileHashes(Path(config.path), cache)
    source = _source_digest(pairs, config, hashes)
    dataset = cached(cache, source, config.size, lambda folder: _prepare(pairs, config, folder))
    hashes.save()
    return dataset


def read(config: DataConfig, found: Found | None = None) -> Dataset:
    """Frames of `config`, decoded or drawn anew; whether they can be split is not asked, and no cache is made.

    Args:
        found: as in `load`.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if config.path == SYNTHETIC:
            write(_draw(config), folder)
        else:
            _prepare((found or find_pairs(config)).pairs, config, folder)
        dataset = open_dataset(folder)  # what is mapped outlives its name
    assert dataset is not None
    return dataset


def _draw(config: DataConfig) -> Frames:
    from hourglass_bench.bench.data import synthetic  # many modules, which folders do without

    count = {"scenes": config.synthetic_scenes, "frames_per_scene": config.synthetic_frames}
    what = f"drawing {config.synthetic_scenes:,} scenes of {config.synthetic_frames:,} frames"
    fewer = "take fewer (--synthetic-scenes, --synthetic-frames) or smaller ones (--size)"
    require_room(synthetic.memory_needed(**count, size=config.size), f"{what} of {_pixels(config)}", fewer)
    with working(what):
        return synthetic.generate(
            **count,
            size=config.size,
            seed=config.synthetic_seed,
            blend=config.synthetic_blend,
        )


def _prepare(pairs: Sequence[Pair], config: DataConfig, folder: Path) -> None:
    needed = _RESIZING * config.size[0] * config.size[1]
    require_room(needed, f"a frame of {config.path} at {_pixels(config)}", "take smaller ones (--size)")
    prepare(pairs, config, folder)


def _pixels(config: DataConfig) -> str:
    return f"{config.size[0]}x{config.size[1]} pixels"


def _source_digest(pairs: Sequence[Pair], config: DataConfig, hashes: FileHashes) -> str:
    """Of the files' contents and of how they are read, wherever they lie."""
    contents = hashes.of(page.path for pair in pairs for page in (pair.image, *pair.masks))
    parts: list[object] = [_code_of_decoder()]
    parts += [config.foreground, config.ignore, config.invert, config.intensity, config.fit]
    for pair in pairs:
        parts += [pair.stem, pair.scene, pair.role]
        for page in (pair.image, *pair.masks):
            parts += [page.number, contents[page.path]]
    return digest(*parts)


def _code_of_decoder() -> str:
    """Frames of an older decoder must not be taken from the cache, be it this project's or a library's."""
    here = Path(__file__).parent
    together = (here / name for name in ("reading.py", "facts.py", "frames.py"))
    rooms = digest_sources(here / name for name in ("files", "masks", "resizing", "cache"))
    codecs = (features.version(name) for name in CODECS)
    return digest(rooms, *(path.read_text(encoding="utf-8") for path in together), *_versions(), *codecs)


def _code_of_generator() -> str:
    """Frames of an older generator must not be taken from the cache."""
    return digest(digest_sources([Path(__file__).parent / "synthetic"]), *_versions())


def _versions() -> Iterator[str]:
    """Of the packages that turn files or numbers into pixels; those that are not installed do nothing here."""
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"

"""Which images a command is given, and the names under which it writes what belongs to them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from hourglass_bench.bench.data.files.pictures import list_pictures
from hourglass_bench.bench.data.folder.pairs import find_images

OVERLAYS, PROBABILITIES = "overlays", "probabilities"
"""Folders beside the masks."""


def find_files(given: Path, out: Path) -> dict[str, Path]:
    """Name below `out`, without suffix -> file, of what will be written there.

    Args:
        given: an image, a folder of images, which may lie in folders, or a data set.

    Raises:
        ValueError: there is none, two would be written under one name, or `out` holds images already.
    """
    if given.is_file():
        files = {given.stem: given}
    else:
        earlier = out.resolve() if _is_written(out) else None
        found = find_images(given).items()
        files = {name: path for name, path in found if earlier not in path.resolve().parents}
    _require_own_names(files)
    _require_own_folder(out, files.values())
    return files


def _is_written(out: Path) -> bool:
    """Whether it is by an earlier `predict`, whose masks are no images."""
    return (out / OVERLAYS).is_dir()


def _require_own_names(files: Mapping[str, Path]) -> None:
    """Of a file in a folder that is called as one of those beside the masks."""
    for name, path in files.items():
        for folder in (OVERLAYS, PROBABILITIES):
            if (other := files.get(f"{folder}/{name}")) is not None:
                raise ValueError(
                    f"every image must have a name of its own for what is written, got {path} and {other}, of both of "
                    f"which {folder}/{name}.png would be written; rename the folder {folder}."
                )


def _require_own_folder(out: Path, files: Iterable[Path]) -> None:
    """Refuse to write where images lie, by whatever links they are reached."""
    homes = {home for path in files for home in (path.parent.resolve(), path.resolve().parent)}
    target = out.resolve()
    if any(target in (home, *home.parents) for home in homes):
        raise ValueError(f"--out must be a folder that holds none of the images, got {out}; name a new one.")
    if out.is_dir() and not _is_written(out) and (others := list_pictures(out)):
        raise ValueError(
            f"--out must be a new folder or one that predict has written, got {out}, which holds other pictures, such "
            f"as {others[0].name}; name a new one."
        )

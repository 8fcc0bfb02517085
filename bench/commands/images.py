"""Which images a command is given, and the names under which it writes what belongs to them."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from hourglass_bench.bench.data.files.pictures import list_pictures
from hourglass_bench.bench.data.folder.pairs import find_images
from hourglass_bench.bench.outputs import require_folders_apart
from hourglass_bench.bench.png import is_ours

OVERLAYS, PROBABILITIES = "overlays", "probabilities"
"""Folders beside the masks."""


def find_files(given: Path, out: Path) -> dict[str, Path]:
    """Name below `out`, without suffix -> file, of what will be written there.

    Args:
        given: an image, a folder of images, which may lie in folders, or a data set.

    Raises:
        ValueError: there is none, two would be written under one name, or a folder that will be written holds images.
    """
    found = {given.stem: given} if given.is_file() else find_images(given)
    earlier = _find_earlier(found.values(), out)
    files = {name: path for name, path in found.items() if path not in earlier}
    if not files:
        raise ValueError(f"IMAGES must hold images, got {given}, which holds nothing but what was written to {out}.")
    _require_own_names(files)
    inner = {Path(), *(Path(name).parent for name in files)}
    folders = sorted(out / kind / place for kind in ("", OVERLAYS, PROBABILITIES) for place in inner)
    require_folders_apart("--out", folders, files.values())
    for folder in folders:
        require_own_folder(folder)
    return files


def _find_earlier(files: Collection[Path], out: Path) -> set[Path]:
    """Those that were written below `out` before, and are no images."""
    if not out.is_dir():
        return set()
    root = out.resolve()
    below = {folder for folder in {path.parent for path in files} if folder.resolve().is_relative_to(root)}
    return {path for path in files if path.parent in below and is_ours(path)}


def _require_own_names(files: Mapping[str, Path]) -> None:
    """Of a file in a folder that is called as one of those beside the masks."""
    for name, path in files.items():
        for folder in (OVERLAYS, PROBABILITIES):
            if (other := files.get(f"{folder}/{name}")) is not None:
                raise ValueError(
                    f"every image must have a name of its own for what is written, got {path} and {other}, of both of "
                    f"which {folder}/{name}.png would be written; rename the folder {folder}."
                )


def require_own_folder(folder: Path) -> None:
    """Refuse to write among pictures that this project has not written.

    Raises:
        ValueError: one lies there, such as a mask that was drawn or mended by hand.
    """
    pictures: Iterable[Path] = list_pictures(folder) if folder.is_dir() else ()
    if (other := next((path for path in pictures if not is_ours(path)), None)) is not None:
        raise ValueError(
            f"--out must be a new folder or hold no pictures but those that are written there, got {folder}, which "
            f"holds {other.name}; name a new one."
        )

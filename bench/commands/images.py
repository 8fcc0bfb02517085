"""Which images a command is given, and the names under which it writes what belongs to them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from hourglass_bench.bench.data.files.pictures import list_pictures
from hourglass_bench.bench.data.folder.pairs import find_images
from hourglass_bench.bench.outputs import require_folder_apart
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
    files = {name: path for name, path in found.items() if not _is_earlier(path, out)}
    if not files:
        raise ValueError(f"IMAGES must hold images, got {given}, which holds nothing but what was written to {out}.")
    _require_own_names(files)
    inner = {Path(), *(Path(name).parent for name in files)}
    for folder in sorted(out / kind / place for kind in ("", OVERLAYS, PROBABILITIES) for place in inner):
        require_folder_apart("--out", folder, files.values())
        require_own_folder(folder)
    return files


def _is_earlier(path: Path, out: Path) -> bool:
    """Whether it was written below `out` before, and is no image."""
    return out.is_dir() and out.resolve() in path.resolve().parents and is_ours(path)


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

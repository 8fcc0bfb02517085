"""Which images a command is given, and the names under which it writes what belongs to them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.data.pictures import SUFFIXES, list_pictures

OVERLAYS, PROBABILITIES = "overlays", "probabilities"
"""Folders beside the masks."""


def find_files(given: Path, out: Path) -> dict[str, Path]:
    """Name below `out`, without suffix -> file, of what will be written there.

    Args:
        given: an image, a data set (of which its `images/` is taken) or a folder of images, which may lie in folders.

    Raises:
        ValueError: there is none, two would be written under one name, or `out` holds images already.
    """
    if given.is_file():
        files = {given.stem: given}
    else:
        folder = given / "images" if (given / "images").is_dir() else given
        if not folder.is_dir():
            raise ValueError(f"{given} must be an image or a folder of images, got nothing there.")
        files = _name([path for part in _folders(folder, _written_before(out)) for path in list_pictures(part)], folder)
        if not files:
            raise ValueError(f"{folder} must hold images ({', '.join(sorted(SUFFIXES))}), got none.")
    _require_own(out, files.values())
    return files


def _folders(folder: Path, passed: set[Path]) -> Iterator[Path]:
    """A folder and those in it, each once although links may lead in circles, but for what was `passed` before."""
    passed.add(folder.resolve())
    yield folder
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.name.startswith(".") and child.resolve() not in passed:
            yield from _folders(child, passed)


def _written_before(out: Path) -> set[Path]:
    """`out`, if it is by an earlier `predict`, whose masks are no images to predict."""
    return {out.resolve()} if (out / OVERLAYS).is_dir() else set()


def _name(paths: Iterable[Path], folder: Path) -> dict[str, Path]:
    """By the place below `folder`, which is that of the mask below the masks."""
    files: dict[str, Path] = {}
    taken: dict[str, Path] = {}
    for path in paths:
        name = str(path.relative_to(folder).parent / path.stem)
        files[name] = path
        for target in (name, f"{OVERLAYS}/{name}", f"{PROBABILITIES}/{name}"):
            if target in taken:
                raise ValueError(
                    f"{folder} must hold one file per stem, got {taken[target].relative_to(folder)} and "
                    f"{path.relative_to(folder)}, of both of which {target}.png would be written."
                )
            taken[target] = path
    return files


def _require_own(out: Path, files: Iterable[Path]) -> None:
    """Refuse to write where images lie, by whatever links they are reached."""
    homes = {home for path in files for home in (path.parent.resolve(), path.resolve().parent)}
    target = out.resolve()
    if any(target in (home, *home.parents) for home in homes):
        raise ValueError(f"--out must be a folder that holds none of the images, got {out}; name a new one.")
    if out.is_dir() and not _written_before(out) and (others := list_pictures(out)):
        raise ValueError(
            f"--out must be a new folder or one that predict has written, got {out}, which holds other pictures, such "
            f"as {others[0].name}; name a new one."
        )

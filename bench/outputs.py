"""What a command writes takes the place of nothing that it reads, by whatever spelling or link that is reached."""

from collections.abc import Iterable, Mapping
from pathlib import Path

Identity = tuple[int, int]
"""Device and inode: equal for two names of one folder, also where upper and lower case are the same."""


def require_folders_apart(flag: str, folders: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse to write into a folder that holds an input, be it in a folder of its own.

    Raises:
        ValueError: one does.
    """
    around = {place: path for home, path in _homes(inputs).items() for place in (home, *home.parents)}
    holding = _by_identity(around)
    for folder in folders:
        _require_none(flag, folder, folder, holding)


def require_file_apart(flag: str, file: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write a file over an input, or beside one, where it would be read the next time.

    Raises:
        ValueError: it would be.
    """
    _require_none(flag, file, file.parent, _by_identity(_homes(inputs)))


def _homes(inputs: Iterable[Path]) -> dict[Path, Path]:
    """The real folders of the inputs and of the files that they are links to -> one that lies there."""
    homes, real = dict[Path, Path](), dict[Path, Path]()
    for path in inputs:
        if path.parent not in real:  # resolving each of a large set takes seconds
            real[path.parent] = path.parent.resolve()
        homes.setdefault(real[path.parent], path)
        if path.is_symlink():
            homes.setdefault(path.resolve().parent, path)
    return homes


def _by_identity(places: Mapping[Path, Path]) -> dict[Identity | None, Path]:
    return {_identity(place): path for place, path in places.items()}


def _require_none(flag: str, given: Path, folder: Path, holding: Mapping[Identity | None, Path]) -> None:
    if (written := _identity(folder)) is not None and written in holding:
        raise ValueError(
            f"{flag} must be a place that holds none of the images and masks, got {given}, where {holding[written]} is "
            "read; name a new one."
        )


def _identity(folder: Path) -> Identity | None:
    """None where there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino

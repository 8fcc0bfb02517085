"""What a command writes takes the place of nothing that it reads, by whatever spelling or link that is reached."""

from collections.abc import Iterable
from pathlib import Path

Identity = tuple[int, int]
"""Device and inode: equal for two names of one folder, also where upper and lower case are the same."""


def require_folder_apart(flag: str, folder: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write into a folder that holds an input, be it in a folder of its own.

    Raises:
        ValueError: it does.
    """
    holding = {place: path for home, path in _homes(inputs).items() for place in (home, *home.parents)}
    _require_none(flag, folder, folder, holding)


def require_file_apart(flag: str, file: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write a file over an input, or beside one, where it would be read the next time.

    Raises:
        ValueError: it would be.
    """
    _require_none(flag, file, file.parent, _homes(inputs))


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


def _require_none(flag: str, given: Path, folder: Path, holding: dict[Path, Path]) -> None:
    if (written := _identity(folder)) is None:
        return
    for place, path in holding.items():
        if _identity(place) == written:
            raise ValueError(
                f"{flag} must be a place that holds none of the images and masks, got {given}, where {path} is read; "
                "name a new one."
            )


def _identity(folder: Path) -> Identity | None:
    """None where there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino

"""Files that appear under their name only when they are complete, and only where they are meant to lie."""

import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, which becomes `path` at the end; after an error nothing is left."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def require_printable(name: str, path: Path) -> None:
    """Raise ValueError if a path has line breaks, other control characters or bytes that are no UTF-8.

    Terminals and reports would show something else, and URLs and databases could not hold it.
    """
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in str(path)):
        raise ValueError(f"{name} must be a path of printable UTF-8 characters, got {str(path)!r}; rename the folder.")


def make_folder(path: Path) -> None:
    """Make a folder of a command's output, and those that it lies in.

    Raises:
        ValueError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--out must be a folder, or one that can be made, got {path} ({error.strerror}).") from error


def require_inside(folder: Path, path: Path) -> None:
    """Refuse to write or delete `path`, which lies in `folder`, where a link on the way to it leads out of the folder.

    The folder itself may be a link, and so may be what lies in it, to other places in it. What was unpacked from an
    archive or is shared with others could otherwise lead to any file of whoever writes.

    Raises:
        ValueError: there is such a link.
    """
    place = root = folder.resolve()
    for name in path.relative_to(folder).parts:
        place /= name
        if not place.is_symlink():
            continue
        target = os.path.realpath(place)  # of a loop too, of which `Path.resolve` raises
        if not Path(target).is_relative_to(root):
            raise ValueError(
                f"{place} must not be a link that leads out of {folder}, got one to {target}, where nothing is written "
                f"or deleted; remove the link, or move all of {folder} and leave a link to it."
            )

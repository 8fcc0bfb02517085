"""What a file is before it is opened, errors that name it, and files that appear whole, where they are meant to lie."""

import errno
import os
import stat
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

FOLDER: Final = "a folder"
_KINDS: Final = {
    stat.S_IFDIR: FOLDER,
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def what_is(path: Path) -> str:
    """What lies at `path`, in words, unless it is a regular file or a link to one: then nothing.

    Nothing is opened: to open a FIFO is to wait for somebody who writes into it.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads to itself"
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            return _cause(error)
        return f"a link that leads nowhere (to {os.readlink(path)})" if os.path.islink(path) else "none there"
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def require_file(path: Path, rule: str) -> None:
    """Refuse what is no regular file, nor a link to one, before it is opened.

    Args:
        rule: what it must be, such as `be a file of weights`.

    Raises:
        ValueError: names the path and what lies there.
    """
    if found := what_is(path):
        raise ValueError(f"{path} must {rule}, got {found}.")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read a file or list a folder in here: a disk that fails, or is gone, names it.

    Raises:
        ValueError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise ValueError(unreadable(path, error)) from error


def unreadable(path: Path, error: OSError) -> str:
    """Why a file or folder could not be read, and the remedy if there is one."""
    remedy = "; allow it (chmod u+rX) or move it away" if isinstance(error, PermissionError) else ""
    return f"{path} must be readable, got {_cause(error)}{remedy}."


def _cause(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


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

"""The folder of a report: made beside its place and swapped in whole, so that PDF, page and data are always of one
build. What others put there or edited goes over into the new folder, never through a link.

A build that is killed leaves the report of before or the new one; the next build clears what else it left.
"""

import filecmp
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path

from hourglass_bench.bench.machine.file_lock import lock
from hourglass_bench.bench.progress import working
from hourglass_bench.reports.document import FIGURE_DIR
from hourglass_bench.reports.figures import FIGURES

MANIFEST = "report.manifest.json"
"""SHA-256 of each file that the build wrote, by its place in the folder."""
LOCK = ".lock"
"""Held while a report is built in a folder of reports."""
BUILDING, REPLACED = ".building-", ".replaced-"
"""Before the name of a report's folder: the new one until all of it is made, and the one of before until all that is
not the report's own went over."""
PAGE = "report.html"
LAYOUT = "report.typ"
"""People edit it."""


@contextmanager
def replaced(folder: Path, kept: dict[str, str]) -> Iterator[Path]:
    """An empty folder to build a report in, which takes the place of `folder` at the end; after an error it is gone.

    One build at a time: another one in the folder around waits.

    Args:
        kept: Gets the files of before that were not as a build had written them, and what they are called now, since
            the new report has a file of that name.

    Raises:
        ValueError: the place is a link or no folder.
        OSError: of the disk.
    """
    made, old = (folder.with_name(prefix + folder.name) for prefix in (BUILDING, REPLACED))
    _require_folder(folder.parent)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.parent):
        _require_folder(folder)
        for path in filter(_is_folder, folder.parent.glob(f"{BUILDING}*")):
            shutil.rmtree(path)
        _finish(old, folder, kept)
        made.mkdir()
        try:
            yield made
            _sign(made)
            if folder.exists():
                os.rename(folder, old)
            os.rename(made, folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        finally:
            _finish(old, folder, kept)


def _require_folder(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise ValueError(
            f"{path} must be a folder, where reports are written, and is a link or a file: move it away, or name "
            "another place with --out FOLDER."
        )


@contextmanager
def _alone(reports: Path) -> Iterator[None]:
    """Hold the lock file of a folder of reports, which is there while a report is built in it and no longer."""
    path, held = reports / LOCK, False
    while not held:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+b") as file:
            try:
                lock(file)
            except BlockingIOError:
                with working(f"waiting for another report in {reports}"):
                    lock(file, wait=True)
            # Else it was removed by the one that held it before.
            held = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
            if held:
                try:
                    yield
                finally:
                    path.unlink()


def _sign(made: Path) -> None:
    """Write the manifest of a folder that holds nothing but what a build wrote."""
    names = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    hashes = {name: _hash(made / name) for name in names}
    (made / MANIFEST).write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")


def _finish(old: Path, folder: Path, kept: dict[str, str]) -> None:
    """What is left to do with the folder of before, if there is one: a build that was killed may have left it all."""
    if not _is_folder(old):
        return
    if not folder.exists():
        os.rename(old, folder)
        return
    written = _manifest(old)
    _carry_over(old, folder, "", written, kept)
    if written is not None:  # it goes last: until then it says what may be dropped
        (old / MANIFEST).unlink()
    old.rmdir()


def _carry_over(old: Path, new: Path, inside: str, written: Mapping[str, str] | None, kept: dict[str, str]) -> None:
    """Drop what a build wrote, and move everything else to its place in the new folder."""
    for path in sorted(old.iterdir()):
        name, place = inside + path.name, new / path.name
        if name == MANIFEST and written is not None:
            continue
        if _is_folder(path) and _is_folder(place):
            _carry_over(path, place, f"{name}/", written, kept)
            path.rmdir()
        elif _is_file(path) and _is_own(path, name, place, written):
            path.unlink()
        else:
            free = _free(place)
            os.rename(path, free)
            if free != place:
                kept[name] = inside + free.name


def _is_own(path: Path, name: str, place: Path, written: Mapping[str, str] | None) -> bool:
    """Whether a file is as a build wrote it, or as the new report has it."""
    if _is_file(place) and filecmp.cmp(path, place, shallow=False):
        return True
    if written is None:
        return name != LAYOUT and (name == PAGE or _is_file(place) or _is_figure(name))
    return written.get(name) == _hash(path)


def _is_figure(name: str) -> bool:
    """Of a report from before there were manifests, which may have had another choice of figures."""
    folder, _, file = name.rpartition("/")
    return folder == FIGURE_DIR and re.split("[-.]", file)[0] in FIGURES and file.endswith((".svg", ".csv"))


def _manifest(folder: Path) -> dict[str, str] | None:
    """None if the folder was written before there were manifests."""
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if _is_file(path) else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _free(place: Path) -> Path:
    """The place, or a name beside it that nothing has: `report.kept-1.typ`."""
    if not os.path.lexists(place):
        return place
    names = (place.with_name(f"{place.stem}.kept-{number}{place.suffix}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))

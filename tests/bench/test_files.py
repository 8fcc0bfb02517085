"""What a file is before it is opened, and errors of the disk that name it."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.files import reading, require_file, what_is
from tests.bench.data.kinds import plain
from tests.bench.data.malformed.cases import SPECIAL, special


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_is_called_by_its_name(kind: str, tmp_path: Path) -> None:
    special(tmp_path / "x", kind)
    with pytest.raises(ValueError, match=rf"x must be a picture, got {SPECIAL[kind]}\.$"):
        require_file(tmp_path / "x", "be a picture")


def test_files_and_links_to_files_are_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    (tmp_path / "link").symlink_to("x")
    assert what_is(tmp_path / "x") == what_is(tmp_path / "link") == ""


@pytest.mark.parametrize(
    ("name", "found"), [("none", "none there"), ("x/none", "none there"), ("x" * 300, "file name too long")]
)
def test_what_is_not_there_is_said(name: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert what_is(tmp_path / name) == found


@pytest.mark.parametrize(
    ("code", "said"),
    [(errno.EIO, "input/output error"), (errno.EACCES, r"permission denied; allow it \(chmod u\+rX\)")],
)
def test_an_error_of_the_disk_names_the_file(code: int, said: str) -> None:
    with pytest.raises(ValueError, match=f"a/b.png must be readable, got {said}"), reading(Path("a/b.png")):
        raise OSError(code, os.strerror(code))


@pytest.mark.parametrize("verb", ["data --audit set", "train --data set --device cpu"])
def test_a_folder_that_may_not_be_read_is_named(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    plain(tmp_path / "set")
    scandir = os.scandir

    def forbid(folder: str | int | Path) -> object:
        if str(folder).endswith("masks"):
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", forbid)
    assert "set/masks must be readable, got permission denied" in refused(main, f"{verb} --size 16")


def test_a_disk_that_goes_away_while_files_are_read_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str]
) -> None:
    plain(tmp_path / "set")

    def vanish(*_: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(hashlib, "file_digest", vanish)
    said = refused(main, "train --data set --size 16 --epochs 1 --channels 4 8 --device cpu")
    assert "set/images/s00_0.png must be readable, got stale file handle." in said

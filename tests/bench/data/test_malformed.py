"""Malformed inputs through every command that meets them: read rightly or refused in one paragraph, soon.

A command that refuses leaves the folder that it was called in as it was.
"""

import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hourglass_bench.__main__ import main
from hourglass_bench.bench import progress
from tests.bench.data.malformed import annotations, files, layouts, masks, pictures, tables  # noqa: F401 - their cases
from tests.bench.data.malformed.cases import CASES

SECONDS = 10
"""No input may take longer."""
ASKED = [(name, command) for name, case in CASES.items() for command in case.commands]
READS = ("data --audit", "data import", "predict")
"""Where a case that is right to read is read; to train on all of these would take long, and sees no file."""


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """A command that takes longer fails, again and again should it wait for a thread that hangs."""

    def stop(*_: object) -> None:
        raise AssertionError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `unet` and `vae`, each of a network that was trained for a moment."""
    root = tmp_path_factory.mktemp("trained")
    for name in ("unet", "vae"):
        assert main([*_TRAIN, "--arch", name, "--runs", str(root / name)]) == 0
        found = next((root / name).rglob("state_dict.pt"))
        shutil.copytree(found.parent, root / "checkpoints" / name)
    return root / "checkpoints"


_TRAIN = [
    "train",
    *[
        "--synthetic-scenes",
        "6",
        "--synthetic-frames",
        "1",
        "--size",
        "16",
        "--epochs",
        "1",
        "--channels",
        "4",
        "8",
        "--folds",
        "3",
    ],
]


def contents(folder: Path) -> dict[str, object]:
    """What lies in a folder: links by what they lead to, files by their size and time."""
    return {
        str(path.relative_to(folder)): path.readlink() if path.is_symlink() else (path.lstat().st_size, path.is_dir())
        for path in folder.rglob("*")
    }


def test_there_are_many() -> None:
    assert len(CASES) >= 120


@pytest.mark.parametrize(("name", "command"), ASKED, ids=lambda text: text)
def test_it_is_read_or_refused(
    name: str,
    command: str,
    checkpoints: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    case = CASES[name]
    if not case.says and command not in READS:
        pytest.skip("nothing that is read rightly is trained on here")
    monkeypatch.setattr(progress, "_SHORT", 1000)  # on a busy machine it may speak of what takes long
    monkeypatch.chdir(tmp_path)
    shutil.copytree(checkpoints / ("vae" if command == "sample" else "unet"), tmp_path / "checkpoint")
    case.spoil(tmp_path)
    before = contents(tmp_path)
    with within(SECONDS):
        code = main(case.commands[command].split())
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert "\x1b" not in said.err
    if not case.says:
        assert code == 0, said.err
        if case.warns:
            assert re.search(case.warns, said.out), said.out
        return
    assert code == 2, said
    assert re.search(case.says, said.err), said.err
    if command != "predict":
        assert len(said.err.strip().splitlines()) == 1, said.err
        assert contents(tmp_path) == before

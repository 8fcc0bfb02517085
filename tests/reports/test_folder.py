"""What a build may touch in the folder of a report, and what is there at every moment."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hourglass_bench.reports.folder import MANIFEST, replaced

FIRST = {
    "report.pdf": "1",
    "report.typ": "1",
    "figures/skips.svg": "1",
    "figures/texture.svg": "1",
    "data/runs.csv": "1",
}
SECOND = {"report.pdf": "2", "report.typ": "2", "figures/skips.svg": "2", "data/runs.csv": "2"}
"""Without a figure that the first has."""


def write(folder: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def make(folder: Path, content: dict[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    with replaced(folder, kept) as made:
        write(made, content)
    return kept


def content(folder: Path) -> dict[str, str]:
    """All files and links, but the manifest."""
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in paths
        if path.name != MANIFEST
    }


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Of a report, with one in it."""
    assert make(tmp_path / "reports" / "quick", FIRST) == {}
    return tmp_path / "reports" / "quick"


def test_what_the_build_before_wrote_is_replaced_and_dropped(place: Path) -> None:
    assert content(place) == FIRST
    assert make(place, SECOND) == {}
    assert content(place) == SECOND
    assert beside(place) == ["quick"]


def test_what_others_put_there_stays_where_it_is(place: Path, tmp_path: Path) -> None:
    mine = dict.fromkeys(("notes.txt", "figures/mine.svg", "figures/old/skips.svg", "data/runs2.csv", "a/b"), "mine")
    write(place, mine)
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "elsewhere", {"skips.svg": "elsewhere", "runs.csv": "elsewhere"})
    (place / "figures" / "link").symlink_to(tmp_path / "elsewhere")
    (place / "dangling").symlink_to(tmp_path / "gone")
    os.mkfifo(place / "data" / "pipe")
    for _ in range(2):
        assert make(place, SECOND) == {}
        links = {"figures/link": str(tmp_path / "elsewhere"), "dangling": str(tmp_path / "gone")}
        assert content(place) == SECOND | mine | links
        assert (place / "data" / "pipe").is_fifo()
    assert content(tmp_path / "elsewhere") == {"skips.svg": "elsewhere", "runs.csv": "elsewhere"}


def test_what_was_edited_is_kept_beside_the_new_one(place: Path) -> None:
    write(place, {"report.typ": "edited", "figures/skips.svg": "drawn over", "figures/texture.svg": "drawn over"})
    assert make(place, SECOND) == {
        "report.typ": "report.kept-1.typ",
        "figures/skips.svg": "figures/skips.kept-1.svg",
    }
    write(place, {"report.typ": "again"})
    assert make(place, SECOND) == {"report.typ": "report.kept-2.typ"}
    assert content(place) == SECOND | {
        "report.kept-1.typ": "edited",
        "report.kept-2.typ": "again",
        "figures/skips.kept-1.svg": "drawn over",
        "figures/texture.svg": "drawn over",
    }


@pytest.mark.parametrize("name", ["figures", "data"])
def test_a_folder_of_the_report_that_is_a_link_is_not_followed(name: str, place: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (place / name).rename(elsewhere)
    (place / name).symlink_to(elsewhere)
    before = content(elsewhere)
    assert make(place, SECOND) == {name: f"{name}.kept-1"}
    assert content(elsewhere) == before
    assert content(place) == SECOND | {f"{name}.kept-1": str(elsewhere)}


def test_a_link_in_place_of_a_file_is_kept_and_not_written_through(place: Path, tmp_path: Path) -> None:
    write(tmp_path, {"thesis.pdf": "1"})
    (place / "report.pdf").unlink()
    (place / "report.pdf").symlink_to(tmp_path / "thesis.pdf")
    assert make(place, SECOND) == {"report.pdf": "report.kept-1.pdf"}
    assert (tmp_path / "thesis.pdf").read_text() == "1"
    assert content(place)["report.pdf"] == "2"


def test_a_folder_without_a_manifest_is_of_before_there_were_any(place: Path) -> None:
    (place / MANIFEST).unlink()
    own = {"report.html": "old", "figures/iou_memory-points.csv": "old", "figures/pareto.svg": "old"}
    mine = {"figures/mine.svg": "mine", "figures/skips.png": "mine", "data/mine.csv": "mine", "manifest.json": "{}"}
    write(place, own | mine)
    assert make(place, SECOND) == {"report.typ": "report.kept-1.typ"}  # whether it was edited nobody knows
    assert content(place) == SECOND | mine | {"report.kept-1.typ": "1"}


def test_a_layout_of_before_that_is_the_same_is_not_kept_twice(place: Path) -> None:
    (place / MANIFEST).unlink()
    assert make(place, SECOND | {"report.typ": "1"}) == {}
    assert content(place) == SECOND | {"report.typ": "1"}


@pytest.mark.parametrize("manifest", ["", "[]", "{", '{"figures/mine.svg": 1, "../reports": ""}'])
def test_nothing_is_dropped_by_a_manifest_that_does_not_say_so(manifest: str, place: Path) -> None:
    write(place, {MANIFEST: manifest, "figures/mine.svg": "mine"})
    kept = make(place, SECOND)
    assert {"report.pdf": "report.kept-1.pdf", "data/runs.csv": "data/runs.kept-1.csv"}.items() <= kept.items()
    assert {content(place)[name] for name in (*kept.values(), "figures/texture.svg") if "manifest" not in name} == {"1"}
    assert content(place)["figures/mine.svg"] == "mine"


@pytest.mark.parametrize("name", ["reports", "reports/quick"])
def test_a_report_is_not_written_through_a_link(name: str, place: Path, tmp_path: Path) -> None:
    moved = (tmp_path / name).rename(tmp_path / "elsewhere")
    (tmp_path / name).symlink_to(moved)
    with pytest.raises(ValueError, match=rf"{name} must be a folder, .* is a link or a file: .*--out FOLDER\.$"):
        make(place, SECOND)
    assert "2" not in content(moved).values()


def test_after_an_error_the_report_of_before_is_there(place: Path) -> None:
    with pytest.raises(TypeError, match="must be str"):
        make(place, SECOND | {"report.html": 3})  # type: ignore[arg-type]
    assert content(place) == FIRST
    assert beside(place) == ["quick"]


def test_a_build_that_is_killed_anywhere_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rename, unlink and rmdir in turn is the last one of a build; the next one puts everything right."""
    mine = {"notes.txt": "mine", "figures/mine.svg": "mine", "report.typ": "edited"}
    steps = 0
    while True:
        steps += 1
        place = tmp_path / str(steps) / "quick"
        make(place, FIRST)
        write(place, mine)
        with monkeypatch.context() as patched:
            ended = _ends_at(steps, patched)
            if not ended(lambda place=place: make(place, SECOND)):  # type: ignore[misc]
                break
        shown = content(place) if place.exists() else {}
        ours = {name: text for name, text in shown.items() if name in FIRST and name not in mine}
        old = {name: text for name, text in FIRST.items() if name not in mine}
        new = {name: text for name, text in SECOND.items() if name not in mine}
        assert ours in ({}, old, new)
        make(place, SECOND)
        assert content(place) == SECOND | mine | {"report.typ": "2", "report.kept-1.typ": "edited"}
        assert beside(place) == ["quick"]
    assert steps > 12


class _Killed(BaseException):
    """In place of SIGKILL, after which nothing more of the build is done."""


def _ends_at(step: int, patched: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], bool]:
    """Function that calls another one until it has changed the disk so many times; whether it was ended by that."""
    left = step

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def do(*given: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left <= 0:
                raise _Killed
            return change(*given, **options)

        return do

    def end(work: Callable[[], object]) -> bool:
        for owner, name in ((os, "rename"), (Path, "unlink"), (Path, "rmdir"), (Path, "mkdir"), (os, "rmdir")):
            patched.setattr(owner, name, counted(getattr(owner, name)))
        patched.setattr(shutil, "rmtree", counted(shutil.rmtree))
        try:
            work()
        except _Killed:
            return True
        return False

    return end


def test_what_killed_builds_left_goes_and_what_is_not_theirs_stays(place: Path) -> None:
    write(place.parent, {".building-x7f3a_2b/report.pdf": "half", ".building-quick/report.pdf": "half", "mine": "mine"})
    make(place, SECOND)
    assert beside(place) == ["mine", "quick"]


def test_no_build_clears_up_behind_another_one(place: Path) -> None:
    """Another process holds the lock: this one waits, and what that one makes is there all the while."""
    code = """
import sys, time
from pathlib import Path
from hourglass_bench.reports.folder import replaced
with replaced(Path(sys.argv[1]), {}) as made:
    (made / "figures").mkdir()
    (made / "data").mkdir()
    (made / "report.pdf").write_text("theirs")
    print("in", flush=True)
    time.sleep(0.5)
    assert (made / "report.pdf").read_text() == "theirs"
"""
    with subprocess.Popen([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        make(place.with_name("other"), SECOND)
        assert content(place) == {"report.pdf": "theirs"}
    assert other.returncode == 0


def test_sigkill_in_mid_build(place: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from hourglass_bench.reports.folder import replaced
with replaced(Path(sys.argv[1]), {{}}) as made:
    (made / "report.pdf").write_text("half")
    os.kill(os.getpid(), {int(signal.SIGKILL)})
"""
    assert subprocess.run([sys.executable, "-c", code, str(place)], check=False).returncode == -signal.SIGKILL
    assert content(place) == FIRST
    assert ".building-quick" in beside(place)
    make(place, SECOND)
    assert content(place) == SECOND
    assert beside(place) == ["quick"]


def test_the_manifest_names_all_that_was_written(place: Path) -> None:
    named = json.loads((place / MANIFEST).read_text())
    assert sorted(named) == sorted(FIRST)

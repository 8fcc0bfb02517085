"""How far a long work is, said on stderr."""

import sys
from pathlib import Path

import pytest

from hourglass_bench.bench import progress as module
from hourglass_bench.bench.progress import progress, working
from tests.terminal import on_a_terminal


def test_items_come_through_and_a_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(iter("abc"), "reading", 3)) == ["a", "b", "c"]
    with working("auditing"):
        pass
    assert capsys.readouterr().err == ""


def test_lines_come_at_intervals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    for _ in progress(range(900), "reading", 1000, done=100):
        now += 0.1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "reading: 121 of 1,000, 10/s, 88 s left"
    assert len(lines) == 3


def test_what_takes_long_is_a_line_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SHORT", 0.01)
    with working("auditing") as step:
        module.time.sleep(0.2)
        step("drawing")
        module.time.sleep(0.1)
    assert capsys.readouterr().err == "auditing ...\n"


SHOWN = """
import sys, time
from hourglass_bench.bench import progress as module
module._SHORT = 0.0
with module.working("training") as step:
    time.sleep(0.3)
    print("a line that stays", file=sys.stderr)
    for _ in module.progress(range(4), "reading", 4):
        time.sleep(0.15)
    step("testing")
    time.sleep(0.3)
print("the answer")
"""


def test_a_terminal_has_bars_that_go_again(tmp_path: Path) -> None:
    said = on_a_terminal([sys.executable, "-c", SHOWN], tmp_path)
    for shown in ("training", "reading", "3 of 4", "testing"):
        assert shown in said.everything
    assert said.lines == ["a line that stays", "the answer"]


@pytest.mark.parametrize("terminal", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_has_lines(terminal: str, tmp_path: Path) -> None:
    said = on_a_terminal([sys.executable, "-c", SHOWN], tmp_path, TERM=terminal)
    assert "\x1b" not in said.everything
    assert said.lines[0] == "training ..."

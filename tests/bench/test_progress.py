"""How far a long work is, said on stderr."""

import sys

import pytest

from hourglass_bench.bench import progress as module
from hourglass_bench.bench.progress import progress


def test_items_come_through_and_a_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(iter("abc"), "reading", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_lines_come_at_intervals(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    for _ in progress(range(900), "reading", 1000, done=100):
        now += 0.1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "reading: 131 of 1,000, 10/s, 87 s left"
    assert len(lines) == 3


def test_a_terminal_has_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHORT", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for _ in progress(range(4), "reading", 4):
        pass
    assert "reading" in capsys.readouterr().err

"""Standard streams that are closed, full or read by nobody: no traceback, no exit code that lies, no work that ends."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import progress
from hourglass_bench.bench.commands.cli import say, to_reader

REFUSES = "the answer must be printed, but where it goes refused: No space left on device"
VERSION, REFUSED = "--version", "sizes --size 3"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
@pytest.mark.parametrize(
    ("words", "streams", "code", "out", "err"),
    [
        (
            VERSION,
            ">/dev/full",
            2,
            "",
            REFUSES,
        ),
        (VERSION, ">&-", 0, "", ""),
        (VERSION, "2>&- <&-", 0, "hourglass-bench ", ""),
        (VERSION, "2>/dev/full", 0, "hourglass-bench ", ""),
        (REFUSED, "2>&-", 2, "", ""),
        (REFUSED, "2>/dev/full", 2, "", ""),
        (REFUSED, ">&- <&-", 2, "", "hourglass-bench: --size must be at least 16"),
        ("--help", "| true; exit ${PIPESTATUS[0]}", 141, "", ""),
        ("predict --help", "| true; exit ${PIPESTATUS[0]}", 141, "", ""),
        ("predict --nosuch", "2>/dev/full", 2, "", ""),
    ],
)
def test_a_stream_that_refuses(words: str, streams: str, code: int, out: str, err: str, tmp_path: Path) -> None:
    command = ["bash", "-c", f"{sys.executable} -m hourglass_bench {words} {streams}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (answer.returncode, answer.stdout[: len(out)], answer.stderr[: len(err)]) == (code, out, err)
    assert out or not answer.stdout
    assert err or not answer.stderr
    assert len(answer.stderr.splitlines()) <= 1


class Full(io.StringIO):
    """Refuses what is written."""

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_full_stderr_ends_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    monkeypatch.setattr(progress, "_SHORT", 0.0)
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    say("something")
    assert list(progress.progress(range(5), "counting", 5)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (OSError(28, "No space left on device"), 2, "where it goes refused: No space left on device.\n"),
    ],
)
def test_an_answer_that_cannot_be_printed(
    error: OSError, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse: Callable[..., Any] = lambda: (_ for _ in ()).throw(error)  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(sys.stdout, "flush", refuse)
        with pytest.raises(SystemExit, match=f"^{code}$"), to_reader():
            pass
    assert capsys.readouterr().err.endswith(said)

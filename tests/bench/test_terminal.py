"""Colour is for people at a terminal who have not said otherwise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hourglass_bench.bench import terminal
from hourglass_bench.bench.commands.cli import refuse, say
from tests.terminal import on_a_terminal

REFUSED = [sys.executable, "-m", "hourglass_bench", "sweep", "qick"]
SAID = r"hourglass-bench: study must be one of quick, .*got 'qick'; did you mean quick\?"
CODE = r"\x1b\[[0-9;]*m"


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")


def test_a_refusal_is_red_on_a_terminal(tmp_path: Path) -> None:
    shown = on_a_terminal(REFUSED, tmp_path)
    assert shown.everything.startswith("\x1b[31mhourglass-bench\x1b[0m: study must")
    assert re.fullmatch(SAID, " ".join(shown.lines))
    assert shown.code == 2


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}])
@pytest.mark.parametrize("words", [REFUSED, [*REFUSED[:3], "train", "--norm", "x"], [*REFUSED[:3], "--help"]])
def test_no_colour_where_none_is_wanted(environment: dict[str, str], words: list[str], tmp_path: Path) -> None:
    shown = on_a_terminal(words, tmp_path, **environment)
    assert shown.lines
    assert re.findall(CODE, shown.everything) == []


def test_a_pipe_has_colour_only_if_that_is_forced(tmp_path: Path) -> None:
    def ask(**environment: str) -> str:
        return subprocess.run(REFUSED, env=environment, capture_output=True, text=True, check=False).stderr

    assert re.findall(CODE, ask(TERM="xterm")) == []
    assert re.findall(CODE, ask(FORCE_COLOR="1")) == ["\x1b[31m", "\x1b[0m"]


def test_the_parser_is_coloured_by_the_same_rule(tmp_path: Path) -> None:
    shown = on_a_terminal([*REFUSED[:3], "train", "--norm", "x"], tmp_path)
    assert re.findall(CODE, shown.everything)
    assert "--norm must be one of none, batch, group, got 'x'." in " ".join(shown.lines)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quick: 36 of 36 units ended (35 complete, 1 out of memory, 2 running)", ["complete", "out of memory"]),
        ("[3/36] unet repeat 1: failed (no such file), 3 s", ["failed"]),
        ("warning: folds are lowered", ["warning"]),
        ("| forward | ok |\n| backward | FAILED |", ["ok", "FAILED"]),
        ("The check FAILED after 3 s.", ["FAILED"]),
        ("state: complete\nreason: ", ["complete"]),
        ("a complete list of failed-states/failed.txt", []),
    ],
)
def test_states_and_verdicts_are_coloured_not_words_of_sentences(text: str, words: list[str]) -> None:
    painted = terminal.paint_words(text, sys.stderr)
    assert re.findall(rf"{CODE}(.+?)\x1b\[0m", painted) == words
    assert re.sub(CODE, "", painted) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("s01_2 Höhle 東京 \U0001f600.png", "s01_2 Höhle 東京 \U0001f600.png"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # two words of which the joiner makes one
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb\r\tc\x00\x7f\x9b", r"a\x0ab\x0d\x09c\x00\x7f\x9b"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("a\u2028b\u2066\ufeff", r"a\u2028b\u2066\ufeff"),
        ("caf\udce9", r"caf\xe9"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(name: str, shown: str) -> None:
    assert terminal.printable(name) == shown


def test_lines_stay_lines_where_a_text_has_several(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\x1b[2J\ntwo")
    refuse("bench", "a\x1b[2J\nb.png must be whole.")
    assert capsys.readouterr().err == "one\\x1b[2J\ntwo\nbench: a\\x1b[2J\\x0ab.png must be whole.\n"

"""Passwords of stores: never in a command's words, and read from the environment."""

from pathlib import Path

import pytest

from hourglass_bench.bench.commands.secrets import from_environment, with_password
from hourglass_bench.studies.__main__ import Sweep, main

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--storage", f"postgresql://me:{SECRET}@host/db"], "--storage must hold no password"),
        ([f"--storage=postgresql://me:{SECRET}@host/db"], "--storage must hold no password"),
        (["--tracking", f"postgresql+psycopg://me:{SECRET}@host/db"], "HOURGLASS_BENCH_TRACKING and"),
        (["--tracking", f"https://me:{SECRET}@host"], "HOURGLASS_BENCH_TRACKING and"),
        (["--tracking", f"postgresql://me@host/db?sslmode=require&password={SECRET}"], "HOURGLASS_BENCH_TRACKING and"),
    ],
)
def test_a_password_is_refused_and_not_repeated(
    words: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "quick", "--runs", str(tmp_path / "runs"), *words]) == 2
    said = capsys.readouterr().err
    assert named in said
    assert SECRET not in said
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "word",
    ["postgresql://me@host:5432/db", "http://localhost:5000", "sqlite:////data/a:b@c.db", "images/a:b@c", "me:x@host"],
)
def test_other_words_hold_none(word: str) -> None:
    assert with_password(["sweep", "quick", "--tracking", word]) == ""


def test_the_environment_names_stores_that_no_flag_names(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://me:{SECRET}@host/db"
    monkeypatch.setenv("HOURGLASS_BENCH_STORAGE", url)
    monkeypatch.setenv("HOURGLASS_BENCH_TRACKING", "http://host:5000")
    found = from_environment(Sweep(study="quick", tracking="http://other:5000"))
    assert (found.storage, found.tracking) == (url, "http://other:5000")
    assert from_environment(Sweep(study="quick")).tracking == "http://host:5000"

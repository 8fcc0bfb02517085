import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import URL

from hourglass_bench.bench import schema
from hourglass_bench.reports.__main__ import main
from hourglass_bench.reports.store.connection import database, shown, snapshot
from hourglass_bench.reports.store.load import load_study

SECRET = "sesame"


Refuse = Callable[[Callable[[list[str]], int], str], str]


def test_a_store_elsewhere_is_read_by_its_url_and_reported_under_runs(
    troubled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{troubled_store / schema.TRACKING_DB}"
    assert main(["build", "--runs", str(tmp_path / "new"), "--tracking", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == load_study(troubled_store, "quick").outcomes == 6
    assert (tmp_path / "new" / schema.REPORT_DIR / "quick" / "report.pdf").is_file()


def test_empty_tracking_is_the_default(troubled_store: Path) -> None:
    assert database(troubled_store, "").database == str(troubled_store.resolve() / schema.TRACKING_DB)


@pytest.mark.parametrize(
    ("tracking", "message"),
    [
        (SECRET, "tracking must be a URL such as sqlite:///path, postgresql://user@host/db or http://host:5000"),
        (f"postgresql://user:x@{SECRET}:{SECRET}/db", "tracking must be a URL such as"),
        (f"mysql://user:{SECRET}@host/db", "got one that starts with mysql."),
        ("sqlite:///no/such.db", "no/such.db names no file that exists."),
        ("sqlite://", "sqlite:// names no file that exists."),
    ],
)
def test_what_cannot_be_a_store(tracking: str, message: str, refused: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURGLASS_BENCH_TRACKING", tracking)
    said = refused(main, "build")
    assert message in said
    assert SECRET not in said


@pytest.mark.parametrize("tracking", [f"user:{SECRET}@127.0.0.1:1/db", f"user@127.0.0.1:1/db?password={SECRET}"])
def test_unreachable_server(tracking: str, refused: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("HOURGLASS_BENCH_TRACKING", f"postgresql://{tracking}")
    said = refused(main, "build")
    assert "@127.0.0.1:1/db cannot be read: connection" in said
    assert "refused" in said
    assert SECRET not in said


def test_a_driver_that_repeats_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    psycopg = pytest.importorskip("psycopg")

    def fail(*_: object, **options: object) -> None:
        raise psycopg.OperationalError(f"bad option\n password={options['password']}")

    monkeypatch.setattr(psycopg, "connect", fail)
    url = URL.create("postgresql", "user", SECRET, "host", database="db")
    with pytest.raises(ValueError, match=r"cannot be read: bad option password=\*\*\*\.$"), snapshot(url):
        pass


def test_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch, refused: Refuse) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setenv("HOURGLASS_BENCH_TRACKING", f"postgresql://user:{SECRET}@host/db")
    said = refused(main, "build")
    assert 'pip install "hourglass-bench[postgresql]"' in said
    assert SECRET not in said


def test_the_store_cannot_be_written_through_the_connection(small_store: Path) -> None:
    with (
        pytest.raises(ValueError, match="attempt to write a readonly database"),
        snapshot(database(small_store)) as connection,
    ):
        connection.exec_driver_sql("DELETE FROM tags")


def test_the_ui_of_a_server_is_named_without_its_url() -> None:
    make = shutil.which("make")
    if make is None:
        pytest.skip("needs make")
    root = Path(__file__).parents[3]
    command = [make, "--silent", "--old-file=setup", "ui"]
    environment = os.environ | {"HOURGLASS_BENCH_TRACKING": f"http://user:{SECRET}@host"}
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=environment)
    assert said.returncode == 2
    assert "a server with a UI of its own; open that." in said.stderr
    assert SECRET not in said.stdout + said.stderr


def test_a_server_is_named_without_password_and_options() -> None:
    url = URL.create("postgresql", "user", SECRET, "host", 5432, "db", query={"password": SECRET})
    assert shown(url) == "postgresql://user:***@host:5432/db"

"""Where pages are served: on this machine alone, at a free port, over a store that is there, and quietly in CI."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench.commands import serve
from hourglass_bench.bench.commands.serve import LOOPBACK, Serve
from hourglass_bench.bench.tracking import view
from hourglass_bench.bench.tracking.database import sqlite_path, sqlite_url
from hourglass_bench.bench.tracking.store import get_experiment, open_store, tracking_url


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.create_server((LOOPBACK, 0)) as other:
        yield other.getsockname()[1]


def test_a_port_that_is_taken_is_replaced(taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    host, port = Serve(port=taken).address()
    assert host == LOOPBACK
    assert port > taken
    assert f"port {taken} is taken, so this is {port}" in capsys.readouterr().err
    with socket.create_server((host, port)):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_others_are_let_in_only_if_that_is_asked_for(host: str) -> None:
    with pytest.raises(ValueError, match=f"--host must be .* got {host}: others would see .* --share allows it"):
        Serve(host=host).address()


def test_it_listens_everywhere_if_that_is_asked_for() -> None:
    host, port = Serve(host="0.0.0.0", share=True).address()
    assert serve.base_url(host, port) == f"http://{LOOPBACK}:{port}"


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_is_one_of_a_machine(port: int) -> None:
    with pytest.raises(ValueError, match=rf"--port must be in 1\.\.65535, got {port}"):
        Serve(port=port).address()


@pytest.mark.parametrize(
    ("environment", "opened"),
    [
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({}, False),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "a b"}, False),
        ({"DISPLAY": ":0", "CI": "true"}, False),
    ],
)
def test_a_browser_opens_only_at_a_screen(
    environment: dict[str, str], opened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[Any] = []
    monkeypatch.setattr(serve.webbrowser, "open", pages.append)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(os, "environ", environment)
    Serve().announce("A page", "http://here")
    Serve(no_browser=True).announce("A page", "http://here")
    assert pages == ["http://here"] * opened


@pytest.mark.parametrize("name", ["it's a run", "50%25 of #1?", "läuft"])
def test_a_store_may_have_any_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name / "mlflow.db"
    assert sqlite_path(sqlite_url(path)) == path
    with pytest.raises(ValueError, match="must be a store .* got no such file"):
        serve.require_store(sqlite_url(path), path.parent)
    assert not path.parent.exists()
    open_store(sqlite_url(path))
    assert path.is_file()
    serve.require_store(sqlite_url(path), path.parent)


def test_the_view_is_written_once_and_fits_into_a_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_store(tracking_url(tmp_path))
    experiment = get_experiment(client, "tiny", tmp_path)
    view.keep_view(client, experiment)
    assert len(client.get_experiment(experiment).tags[view.TAG]) < 5000
    monkeypatch.setattr(client, "set_experiment_tag", None)
    view.keep_view(client, experiment)

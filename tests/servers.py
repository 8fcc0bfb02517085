"""Real servers that tests start, stop and start again: MLflow's tracking server and PostgreSQL."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import Engine, create_engine, event, text

from hourglass_bench.bench import schema

START_SECONDS = 120
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).parent for found in [shutil.which("initdb")] if found
]
needs_postgresql = pytest.mark.skipif(
    not BINARIES, reason="no PostgreSQL server here (Debian's package postgresql has one)"
)


@contextmanager
def run_postgresql() -> "Iterator[PostgreSQL]":
    """A server until the end of the context, and with it of this process's connections."""
    server, opened = PostgreSQL(), list[Any]()
    remember = lambda connection, _: opened.append(connection)  # noqa: E731
    event.listen(Engine, "connect", remember)
    server.start()
    try:
        yield server
    finally:
        event.remove(Engine, "connect", remember)
        for connection in opened:  # MLflow and Optuna keep theirs until the process ends, which here it does not
            connection.close()
        server.stop()
        server.remove()


class Server(Protocol):
    """Keeps its address and what it stores from stop to start."""

    url: str

    def start(self) -> None:
        """Return when it answers."""

    def stop(self) -> None:
        """At once, whatever it is doing."""


def free_port() -> int:
    """One of this machine's own address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MlflowServer:
    """A tracking server over `folder`/mlflow.db, which also stores the artifacts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder / schema.TRACKING_DB}"]
        command += ["--serve-artifacts", "--artifacts-destination", str(self._folder / "served")]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        said = self._folder / "server.log"
        with said.open("a") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        self.stop()
        pytest.fail(f"mlflow server did not start:\n{said.read_text()[-2000:]}")

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class PostgreSQL:
    """A fresh server with a superuser `bench`; its URL lacks the name of a database."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"postgresql://bench@127.0.0.1:{self._port}"
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        if getpass.getuser() == "root":
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-U", "bench", "--auth", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        """Its files, once it is stopped."""
        shutil.rmtree(self._folder)

    def make_databases(self, *names: str) -> None:
        """Fresh ones, by their names."""
        engine = create_engine(f"{self.url}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for name in names:
                connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        """PostgreSQL refuses to run as root: then it runs as `postgres`, whom Debian's package makes."""
        owner = ["runuser", "-u", "postgres", "--"] if getpass.getuser() == "root" else []
        command = [*owner, str(BINARIES[-1] / program), "-D", str(self._folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

"""`hourglass-bench ui`: MLflow's UI over a store, opened at a study's runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any
from urllib.request import urlopen

from hourglass_bench.bench.commands import cli, serve
from hourglass_bench.bench.commands.writing import keep_place
from hourglass_bench.bench.tracking import view
from hourglass_bench.bench.tracking.database import kind, redact
from hourglass_bench.bench.tracking.store import open_store, tracking_url

if TYPE_CHECKING:
    from mlflow import MlflowClient

START_SECONDS = 120
"""A server that does not answer by then never will; on a busy machine of two cores it took 20."""
STOP_SECONDS = 10
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a process of 240 MB, for jobs that nobody here starts
    "PYTHONSAFEPATH": "1",  # what lies in the working directory is no module of the server
}


def serve_ui(runs: Path, tracking: str, study: str, where: serve.Serve) -> cli.Answer:
    """Serve until Ctrl-C.

    Args:
        study: Whose runs are shown first; empty: those of the newest run.

    Raises:
        ValueError: there is no such store or study, `tracking` is a server, or the UI does not start.
    """
    url = tracking_url(runs, tracking)
    if kind(url).startswith("http"):
        raise ValueError(f"tracking must be a database, got {redact(url)}: a server with a UI of its own; open that.")
    serve.require_store(url, runs)
    host, port = where.address()
    keep_place(runs, tracking)  # the UI shows pictures where the store says that they lie
    experiment = _find(open_store(url), study)
    address = serve.base_url(host, port)
    opened = address + view.page(experiment)
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
        "--uvicorn-opts",
        "--log-level warning",
    ]
    # Not in the command, which everybody on this machine can read: a URL may hold a password.
    settings = SETTINGS | {
        "MLFLOW_BACKEND_STORE_URI": url,
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(where.hosts(port)) or "*",
    }
    with TemporaryFile() as said, serve.until_interrupted(), _started(command, settings, said) as server:
        if _answers(server, f"{address}/health"):
            where.announce("MLflow's UI", opened)
            server.wait()
        said.seek(0)
        raise ValueError(f"MLflow's UI must run until it is ended, but ended and said: {said.read().decode()}")
    return cli.Answer({"url": opened}, "ended")


def _find(client: "MlflowClient", study: str) -> str:
    """Id of the experiment of a study, which gets its view."""
    experiments = client.search_experiments()
    named = {experiment.name: experiment.experiment_id for experiment in experiments}
    if study and study not in named:
        known = ", ".join(sorted(named.keys() - {"Default"})) or "none"
        raise ValueError(f"study must be one of the store's ({known}), got {study}.")
    newest = client.search_runs(list(named.values()), order_by=["attributes.start_time DESC"], max_results=1)
    of_newest = newest[0].info.experiment_id if newest else "0"
    found: str = named[study] if study else of_newest
    view.keep_view(client, found)
    return found


@contextmanager
def _started(command: Sequence[str], settings: Mapping[str, str], said: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose words go to a file, and that is ended with its children."""
    # In a group of its own: Ctrl-C in a terminal reaches this process alone, which then ends all of them.
    out: dict[str, Any] = {"stdout": said, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, env=os.environ | settings, process_group=0, **out) as process:
        try:
            yield process
        finally:
            for stop in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, stop)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)


def _answers(server: subprocess.Popen[bytes], health: str) -> bool:
    """Whether the server answers, which it is given time for."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urlopen(health, timeout=5):
            return True
        time.sleep(0.1)
    return False

"""The tracking store behind a server, read by MLflow's own client. The only place where a report loads MLflow."""

import http.client
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking.store import ask_once, connect
from hourglass_bench.reports.store.artifacts import CACHE, keep_copies, own_folder
from hourglass_bench.reports.store.sql import Lifecycle, Table, finite, last_of_step

if TYPE_CHECKING:
    from mlflow.entities import Run

PAGE = 1000
REQUESTS_AT_ONCE = 4
LARGEST_FILE = 2**28
"""Bytes of a run's file that are taken from a server: its tables of a million frames have half as many."""
LONGEST_FILE = 600
"""Seconds for a file: a server that trickles would hold a report for ever."""
CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")

RUN_COLUMNS = ["run_id", "status", "start_time", "end_time", "artifact_uri"]
OLDEST_FIRST = ["attributes.start_time ASC"]
POINT_COLUMNS = ["run_id", "key", "step", "timestamp", "value"]

FOREIGN = "answers, but not as a tracking server of MLflow 3 does."

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def _asking(place: str) -> Iterator[None]:
    """Whatever goes wrong with the server is a ValueError that names it. What the client says may hold credentials."""
    try:
        yield
    except Exception as error:  # of requests, MLflow and protobuf, and for what does not look like an answer of MLflow
        raise ValueError(f"{place} {_reason(error)}") from None


class RestStore:
    """A tracking server. Unlike a database it shows no single moment: runs may go on while it is read."""

    def __init__(self, url: str, root: Path) -> None:
        """Store of the server at a URL, which may hold user and password; files are copied into a folder under `root`.

        Raises:
            ValueError: it is no URL of a server.
        """
        self.place, self._url = _addresses(url)
        self._root = root
        self._found: dict[tuple[str, Lifecycle], list[Run]] = {}
        ask_once()
        for name in CREDENTIALS:
            if name in os.environ:  # a file that a variable is filled from often ends with a line feed
                os.environ[name] = os.environ[name].strip()
        self._client = connect(self._url)

    def studies(self, lifecycle: Lifecycle = "active") -> list[str]:
        """Names of the studies in the store."""
        found = self._active if lifecycle == "active" else self._experiments(lifecycle)
        return sorted(name for name in found if name != "Default")

    def runs(self, study: str, lifecycle: Lifecycle = "active") -> pd.DataFrame:
        """All runs of the study, oldest first."""
        rows = [[getattr(run.info, name) for name in RUN_COLUMNS] for run in self._runs(study, lifecycle)]
        return pd.DataFrame(rows, columns=RUN_COLUMNS)

    def values(self, study: str, table: Table, lifecycle: Lifecycle = "active") -> pd.DataFrame:
        """Keys and values of the study's runs."""
        name = "metrics" if table == "latest_metrics" else table
        of_runs = ((run.info.run_id, getattr(run.data, name)) for run in self._runs(study, lifecycle))
        rows = [(run, key, value) for run, pairs in of_runs for key, value in pairs.items()]
        long = pd.DataFrame(rows, columns=["run_id", "key", "value"])
        return long.assign(value=finite(long["value"].astype("float64"))) if name == "metrics" else long

    def points(self, study: str, keys: Sequence[str]) -> pd.DataFrame:
        """Every logged point of these metrics."""
        runs = self._runs(study, "active")
        logged = [(run.info.run_id, key) for run in runs for key in keys if key in run.data.metrics]
        parts = _at_once(lambda curve: self._history(*curve), logged)
        long = pd.DataFrame([point for part in parts for point in part], columns=POINT_COLUMNS)
        long = long.sort_values(POINT_COLUMNS).drop(columns="timestamp")
        return last_of_step(long.assign(value=finite(long["value"].astype("float64"))))

    def folders(self, runs: pd.DataFrame) -> list[Path]:
        """The local folder of each run's artifacts: its own one if it is here, else one for copies of its files."""
        places = zip(runs["artifact_uri"], runs["run_id"], strict=True)
        own = [own_folder(uri, run, self._root) for uri, run in places]
        folders = [here or self._root / CACHE / run for here, run in zip(own, runs["run_id"], strict=True)]
        tested = (runs[schema.STATE] == "complete") & ~runs[schema.STAGE].isin(schema.CHOOSING)
        needed = [folder for folder, here, test in zip(folders, own, tested, strict=True) if test and folder != here]
        _at_once(self._copy, needed)
        return folders

    @cached_property
    def _active(self) -> dict[str, str]:
        """Id of each active experiment, asked for once."""
        return self._experiments("active")

    def _experiments(self, lifecycle: Lifecycle) -> dict[str, str]:
        """Id of each experiment."""
        found = self._pages(partial(self._client.search_experiments, view_type=_view(lifecycle)))
        self._require_ids("[0-9]+", [experiment.experiment_id for experiment in found])
        return {experiment.name: experiment.experiment_id for experiment in found}

    def _runs(self, study: str, lifecycle: Lifecycle) -> "list[Run]":
        """The runs of a study, oldest first, asked for once."""
        key = study, lifecycle
        if key not in self._found:
            view = _view(lifecycle)
            ask = partial(self._client.search_runs, [self._active[study]], run_view_type=view, order_by=OLDEST_FIRST)
            runs = {run.info.run_id: run for run in self._pages(ask)}
            self._require_ids("[0-9a-f]{32}", runs)  # they become names of folders
            self._found[key] = sorted(runs.values(), key=lambda run: (run.info.start_time or 0, run.info.run_id))
        return self._found[key]

    def _require_ids(self, pattern: str, ids: Iterable[str]) -> None:
        if not all(re.fullmatch(pattern, one) for one in ids):
            raise ValueError(f"{self.place} {FOREIGN}")

    def _pages(self, ask: Callable[..., Any]) -> list[Any]:
        """All that the client finds, page by page."""
        with _asking(self.place):
            found = page = ask(max_results=PAGE)
            while page.token:
                page = ask(max_results=PAGE, page_token=page.token)
                found += page
        return list(found)

    def _history(self, run: str, key: str) -> list[tuple[str, str, int, int, float]]:
        """POINT_COLUMNS of all points of a metric of one run."""
        with _asking(self.place):
            points = self._client.get_metric_history(run, key)
        return [(run, point.key, point.step, point.timestamp, point.value) for point in points]

    def _copy(self, folder: Path) -> None:
        keep_copies(folder, partial(self._files, folder.name), partial(self._file, folder.name))

    # The client reads artifacts where the run says that they lie, which is often a place that only the server can read.

    def _files(self, run: str) -> list[str]:
        """The files of a run."""
        with _asking(self.place):
            listed = self._get("/api/2.0/mlflow/artifacts/list", run_id=run).json()
            return [file["path"] for file in listed.get("files", [])]

    def _file(self, run: str, name: str) -> bytes:
        """A file of a run, wherever the server keeps it."""
        content, began = bytearray(), time.monotonic()
        with _asking(self.place), self._get("/get-artifact", run_id=run, path=name) as answer:
            for chunk in answer.iter_content(2**20):
                content += chunk
                if len(content) > LARGEST_FILE or time.monotonic() - began > LONGEST_FILE:
                    break
            else:
                return bytes(content)
        raise ValueError(
            f"{self.place} must send {name} of run {run} in at most {LARGEST_FILE / 2**20:g} MiB and {LONGEST_FILE} s, "
            f"got {len(content)} B in {time.monotonic() - began:.0f} s and no end."
        )

    def _get(self, endpoint: str, **query: str) -> Any:
        """What the server answers to a request that the client has no method for, to be read piece by piece."""
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        server = get_default_host_creds(self._url)  # type: ignore[no-untyped-call]
        answer = http_request(server, endpoint, "GET", params=query, stream=True)  # type: ignore[no-untyped-call]
        answer.raise_for_status()
        return answer


def _view(lifecycle: Lifecycle) -> int:
    """What MLflow's client calls it."""
    from mlflow.entities import ViewType

    return ViewType.ACTIVE_ONLY if lifecycle == "active" else ViewType.DELETED_ONLY


def _addresses(url: str) -> tuple[str, str]:
    """The URL of a server for messages, without credentials, and for the client, which wants a password with a user."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named:  # without the text: what does not parse may hold a password anywhere
        raise ValueError("tracking must be a URL such as http://host:5000, and cannot be read as one.")
    user, _, host = parts.netloc.rpartition("@")
    place = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
    whole = user if ":" in user or not user else f"{user}:"
    return place, place.replace("://", f"://{whole}@", 1) if user else place


def _reason(error: Exception) -> str:
    """Why a server was not read, as the rest of a sentence; nothing of other servers' pages."""
    from mlflow.exceptions import MlflowException, RestException

    cause = _root(error)
    status = re.search(r"(?:error code |too many |^)([45][0-9]{2})\b", str(cause))
    if isinstance(error, RestException):
        code = error.get_http_status_code()  # type: ignore[no-untyped-call]
        message = f": {error.json.get('message', error.error_code)}"
    elif status:
        code, message = int(status[1]), ""
    elif cause is error or not isinstance(error, MlflowException):
        return FOREIGN
    elif isinstance(cause, ValueError):
        return "cannot be read: its address or the credentials for it hold what HTTP cannot send."
    else:
        return f"cannot be read: {_sentence(str(cause) or type(cause).__name__)}"
    said = "cannot be read: " + _sentence(f"{code} {http.client.responses.get(code, '')}{message}")
    if code in (401, 403):
        names = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        return f"{said} Credentials come from the environment variables {names}."
    return f"{said} Is it a tracking server of MLflow 3?" if code == 404 else said


def _root(error: BaseException) -> BaseException:
    """What was raised first."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _sentence(text: str) -> str:
    """On one line, with a full stop."""
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!")) else f"{line}."


def _at_once(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results in the order of the items; the first error ends it."""
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        return list(pool.map(work, items))

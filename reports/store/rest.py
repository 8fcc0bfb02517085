"""The tracking store behind a server, read by MLflow's REST API."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from bench import schema
from reports.store.artifacts import CACHE, keep_copies, own_folder
from reports.store.server import Query, Server
from reports.store.sql import Table, finite, last_of_step

PAGE = 1000
RUNS_PER_REQUEST = 100
POINTS_PER_RUN = 2500
"""MLflow's limits of a request for histories; of a longer history it answers with a sample of this size."""
REQUESTS_AT_ONCE = 4

RUN_COLUMNS = ("run_id", "status", "start_time", "end_time", "artifact_uri")
POINT_COLUMNS = ["run_id", "key", "step", "timestamp", "value"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Run(NamedTuple):
    facts: dict[str, Any]
    """RUN_COLUMNS; a run that goes on has no end_time."""
    pairs: dict[Table, dict[str, Any]]

    @property
    def id(self) -> str:
        return str(self.facts["run_id"])


Point = tuple[str, str, int, int, float]
"""POINT_COLUMNS."""


class RestStore:
    """A tracking server. Unlike a database it shows no single moment: runs may go on while it is read."""

    def __init__(self, server: Server, root: Path) -> None:
        """Store of a server; files of runs are copied into a folder under `root`."""
        self.place = server.place
        self._server = server
        self._root = root
        self._found: dict[str, list[_Run]] = {}

    def studies(self) -> list[str]:
        """Names of the studies in the store."""
        return sorted(name for name in self._experiments if name != "Default")

    def runs(self, study: str) -> pd.DataFrame:
        """All runs of the study, oldest first."""
        return pd.DataFrame([run.facts for run in self._runs(study)], columns=list(RUN_COLUMNS))

    def values(self, study: str, table: Table) -> pd.DataFrame:
        """Keys and values of the study's runs."""
        rows = [(run.id, key, value) for run in self._runs(study) for key, value in run.pairs[table].items()]
        long = pd.DataFrame(rows, columns=["run_id", "key", "value"])
        return long.assign(value=finite(long["value"].astype("float64"))) if table == "latest_metrics" else long

    def points(self, study: str, keys: Sequence[str]) -> pd.DataFrame:
        """Every logged point of these metrics."""
        requests = [
            (key, runs)
            for key in keys
            for runs in _batches([run.id for run in self._runs(study) if key in run.pairs["latest_metrics"]])
        ]
        parts = _at_once(lambda request: self._histories(*request), requests)
        long = pd.DataFrame([point for part in parts for point in part], columns=POINT_COLUMNS)
        long = long.sort_values(POINT_COLUMNS).drop(columns="timestamp")
        return last_of_step(long.assign(value=finite(long["value"].astype("float64"))))

    def folders(self, runs: pd.DataFrame) -> list[Path]:
        """The local folder of each run's artifacts: its own one if it is here, else one for copies of its files."""
        places = zip(runs["artifact_uri"], runs["run_id"], strict=True)
        own = [own_folder(uri, run, self._root) for uri, run in places]
        folders = [here or self._root / CACHE / run for here, run in zip(own, runs["run_id"], strict=True)]
        tested = (runs[schema.STATE] == "complete") & (runs[schema.STAGE] != "search")
        needed = [folder for folder, here, test in zip(folders, own, tested, strict=True) if test and folder != here]
        _at_once(self._copy, needed)
        return folders

    @cached_property
    def _experiments(self) -> dict[str, str]:
        """Id of each active experiment."""
        body = {"max_results": PAGE}
        return dict(self._server.post("experiments/search", body, "experiments", _experiment))

    def _runs(self, study: str) -> list[_Run]:
        """The active runs of a study, oldest first, asked for once."""
        if study not in self._found:
            body = {
                "experiment_ids": [self._experiments[study]],
                "order_by": ["attributes.start_time ASC"],
                "max_results": PAGE,
            }
            runs = {run.id: run for run in self._server.post("runs/search", body, "runs", _run)}
            self._found[study] = sorted(runs.values(), key=lambda run: (run.facts["start_time"] or 0, run.id))
        return self._found[study]

    def _histories(self, key: str, runs: Sequence[str]) -> list[Point]:
        """All points of a metric of at most RUNS_PER_REQUEST runs."""
        query: Query = [*(("run_ids", run) for run in runs), ("metric_key", key), ("max_results", POINTS_PER_RUN)]
        points = self._server.get("metrics/get-history-bulk-interval", query, "metrics", _point)
        counts = Counter(run for run, *_ in points)
        sampled = [run for run, count in counts.items() if count >= POINTS_PER_RUN]
        whole = [point for run in sampled for point in self._history(key, run)]
        return [point for point in points if point[0] not in sampled] + whole

    def _history(self, key: str, run: str) -> list[Point]:
        """All points of a metric of one run, page by page."""
        query: Query = [("run_id", run), ("metric_key", key), ("max_results", PAGE)]
        return self._server.get("metrics/get-history", query, "metrics", partial(_point, run=run))

    def _copy(self, folder: Path) -> None:
        run = folder.name
        keep_copies(
            folder,
            lambda: self._server.get("artifacts/list", [("run_id", run)], "files", lambda item: str(item["path"])),
            partial(self._server.file, run),
        )


def _batches(runs: list[str]) -> list[list[str]]:
    return [runs[start : start + RUNS_PER_REQUEST] for start in range(0, len(runs), RUNS_PER_REQUEST)]


def _at_once(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results in the order of the items; the first error ends it."""
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        return list(pool.map(work, items))


def _experiment(record: dict[str, Any]) -> tuple[str, str]:
    return str(record["name"]), str(record["experiment_id"])


def _run(record: dict[str, Any]) -> _Run:
    info, data = record["info"], record["data"]
    if not re.fullmatch("[0-9a-f]{32}", info["run_id"]):  # it becomes the name of a folder
        raise ValueError("not the id of a run")
    pairs: dict[Table, dict[str, Any]] = {
        "params": {item["key"]: str(item["value"]) for item in data.get("params", [])},
        "tags": {item["key"]: str(item["value"]) for item in data.get("tags", [])},
        "latest_metrics": {item["key"]: float(item["value"]) for item in data.get("metrics", [])},
    }
    return _Run({name: info.get(name) for name in RUN_COLUMNS}, pairs)


def _point(record: dict[str, Any], run: str = "") -> Point:
    """JSON has no NaN and no infinities: they come as texts, which `float` reads."""
    return run or record["run_id"], record["key"], int(record["step"]), int(record["timestamp"]), float(record["value"])

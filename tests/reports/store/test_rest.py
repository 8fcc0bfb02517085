"""The REST store against a real `mlflow server`, and against servers that are none."""

import json
import shutil
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from fake_store import fill
from fake_units import Unit, refits, searched, troubled

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.secrets import VARIABLES
from hourglass_bench.bench.tracking.store import HTTP_SETTINGS
from hourglass_bench.reports.__main__ import main
from hourglass_bench.reports.store import load, rest
from hourglass_bench.reports.store.artifacts import CACHE, READ_FILES
from hourglass_bench.reports.store.connection import open_store
from hourglass_bench.reports.store.load import ARTIFACTS, RUN, Study, load_study
from hourglass_bench.reports.store.rest import RestStore
from tests.servers import MlflowServer

SECRET = "sesame"
EXPERIMENTS = "/api/2.0/mlflow/experiments/search"
RUNS = "/api/2.0/mlflow/runs/search"

Refuse = Callable[[Callable[[list[str]], int], str], str]


class Live(NamedTuple):
    """A server and the database behind it."""

    url: str
    database: str


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """URL of a tracking server over `folder`/mlflow.db, from when it answers until it is stopped."""
    server = MlflowServer(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture(autouse=True)
def every_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports read three of them."""
    monkeypatch.setattr(load, "CURVES", [name for name, metric in schema.METRICS.items() if metric.curve])


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store sets how MLflow's client asks, for this process: not for the next test."""
    for name in (*HTTP_SETTINGS, *rest.CREDENTIALS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def live(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with the studies quick (every state, odd values) and search."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(template, folder / schema.TRACKING_DB)
    with pytest.MonkeyPatch.context() as patch, mlflow_server(folder) as url:
        patch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        odd = [Unit(repeat=7, superseded=True, panel=False), Unit(repeat=8, panel=False)]
        odd += [Unit(architecture="unet", repeat=repeat, deleted=repeat > 8) for repeat in (8, 9, 10)]
        fill(folder, [*troubled(), *odd], planned=20, tracking=url)
        fill(folder, [*searched(3, epochs=2), *refits(1, epochs=2)], study="search", tracking=url)
        fill(folder, [Unit(panel=False, epochs=1)], study="gone", tracking=url)
        _log_odd_values(url)
        _delete_study(url)
        yield Live(url, f"sqlite:///{folder / schema.TRACKING_DB}")


def _delete_study(url: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(url)
    experiment = client.get_experiment_by_name("gone")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)


def _log_odd_values(url: str) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(url)
    experiment = client.get_experiment_by_name("quick")
    assert experiment is not None
    (run, *_) = client.search_runs([experiment.experiment_id], "tags.state = 'complete'")
    values = [float("nan"), float("inf"), -float("inf"), 0.1 + 0.2, 5e-324]
    points = [Metric(schema.VAL_DICE.name, value, 5000 + step, step) for step, value in enumerate(values, 1)]
    # A step logged three times, twice in the same millisecond; and one that is no epoch.
    points += [Metric(schema.LR.name, value, time, 1) for value, time in ((0.3, 10), (0.1, 11), (0.2, 11))]
    points += [Metric(schema.LR.name, 0.4, 10, -1), Metric(schema.RESERVED_PEAK.name, float("inf"), 10, 0)]
    client.log_batch(run.info.run_id, points)


def assert_equal(one: Study, other: Study) -> None:
    """All but where artifacts lie."""
    for item in fields(Study):
        a, b = getattr(one, item.name), getattr(other, item.name)
        if isinstance(a, pd.DataFrame):
            a, b = (frame.drop(columns=ARTIFACTS, errors="ignore") for frame in (a, b))
            pd.testing.assert_frame_equal(a, b, check_exact=True)
        elif isinstance(a, pd.Series):
            pd.testing.assert_series_equal(a, b)
        else:
            assert a == b


@pytest.mark.slow
@pytest.mark.parametrize("study", ["quick", "search"])
def test_rest_and_sql_agree(live: Live, study: str, tmp_path: Path) -> None:
    by_sql = load_study(tmp_path, study, live.database)
    assert len(by_sql.curves) > 0
    assert len(by_sql.deleted) == (2 if study == "quick" else 0)
    assert_equal(load_study(tmp_path, study, live.url), by_sql)


@pytest.mark.slow
def test_no_point_and_no_run_is_lost_at_the_limits_of_requests(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "PAGE", 2)
    monkeypatch.setattr("mlflow.tracking._tracking_service.client.GET_METRIC_HISTORY_MAX_RESULTS", 4)
    by_sql = load_study(tmp_path, "quick", live.database)
    # Some histories are longer than a page, and some just as long.
    assert {3, 4, 5, 8} & set(by_sql.curves.groupby([RUN, "metric"]).size()) >= {4, 8}
    assert_equal(load_study(tmp_path, "quick", live.url), by_sql)


@pytest.mark.slow
def test_odd_values_arrive(live: Live, tmp_path: Path) -> None:
    curves = load_study(tmp_path, "quick", live.url).curves.set_index(["metric", "epoch"])["value"]
    dice = curves[schema.VAL_DICE.name]
    assert np.array_equal(dice, [np.nan, np.nan, np.nan, 0.1 + 0.2, 5e-324], equal_nan=True)
    assert curves[schema.LR.name].to_dict() == {-1: 0.4, 1: 0.2}


@pytest.mark.slow
def test_files_of_complete_comparison_runs_are_copied_once(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = load_study(tmp_path, "quick", live.url).trials
    complete = trials[trials[schema.STATE] == "complete"]
    assert len(complete) == 3
    copied = {path.relative_to(tmp_path / CACHE) for path in tmp_path.rglob("*") if path.is_file()}
    with_panel = complete[RUN][complete["repeat"].eq(0) | complete["architecture.name"].eq("unet")]
    every = set(READ_FILES) - {schema.PANEL_DATA, schema.GENERATED_DATA}
    expected = {Path(run, name) for run in complete[RUN] for name in every}
    assert copied == expected | {Path(run, schema.PANEL_DATA) for run in with_panel}
    frames = pd.read_parquet(Path(complete[ARTIFACTS].iloc[0]) / schema.FRAME_TABLE)
    pd.testing.assert_frame_equal(frames, pd.DataFrame(Unit(architecture="unet").frames()))

    def fail(*_: object) -> bytes:
        raise AssertionError("asked for a file again")

    monkeypatch.setattr(RestStore, "_file", fail)
    assert load_study(tmp_path, "quick", live.url).trials[ARTIFACTS].tolist() == trials[ARTIFACTS].tolist()


@pytest.mark.slow
def test_a_report_from_a_server(live: Live, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--study", "search", "--runs", str(tmp_path), "--tracking", live.url]) == 0
    report = Path(capsys.readouterr().out.strip())
    assert report == tmp_path / schema.REPORT_DIR / "search" / "report.pdf"
    assert report.read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_unknown_study_on_a_server(live: Live, refused: Refuse) -> None:
    said = refused(main, f"build --study quack --tracking {live.url}")
    assert f"one of those in {live.url}, which are: quick, search; got 'quack'" in said


@pytest.mark.slow
@pytest.mark.parametrize("place", Live._fields)
def test_a_study_deleted_on_a_server(place: str, live: Live, refused: Refuse) -> None:
    said = refused(main, f"build --study gone --tracking {getattr(live, place)}")
    assert "study 'gone' was deleted by hand from " in said
    assert "`mlflow experiments restore` brings it back" in said


Answer = Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes]]
"""Path and headers of a request -> status, headers, body."""
Serve = Callable[[Answer], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Function that starts a server which gives such answers, and returns its address."""
    started: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, body = answer(self.path, dict(self.headers))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                with suppress(ConnectionError):  # who asked may be gone
                    self.end_headers()
                    self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        started.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=started[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"127.0.0.1:{started[-1].server_port}"

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


NO_SERVER = "answers, but not as a tracking server of MLflow 3 does."
NO_ORDER = b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no such\\norder"}'
DENIED = b'{"error_code": "PERMISSION_DENIED", "message": "Permission denied"}'


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (500, b"<html>oops</html>", "cannot be read: 500 Internal Server Error."),
        (500, b'{"message": "no disk\\nleft"}', "cannot be read: 500 Internal Server Error."),
        (400, NO_ORDER, "cannot be read: 400 Bad Request: no such order."),
        (403, DENIED, "denied. Credentials come"),
        (401, b"You are not authenticated", "401 Unauthorized. Credentials come from the environment variables"),
        (403, b"Invalid Host header", "403 Forbidden. Credentials"),
        (404, b"<html>", "404 Not Found. Is it a tracking server of MLflow 3?"),
        (200, b"<html>welcome</html>", NO_SERVER),
        (200, b"[]", NO_SERVER),
        (200, b"[3]", NO_SERVER),
        (200, b'{"experiments": 3}', NO_SERVER),
        (200, b'{"experiments": [{"id": 3}]}', NO_SERVER),
        (200, b"\xff\x00", NO_SERVER),
        (200, b"{}", "holds no study yet: run one first, with `make sweep`."),
    ],
)
def test_server_that_is_no_help(
    status: int, body: bytes, message: str, serve: Serve, refused: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = serve(lambda *_: (status, {}, body))
    monkeypatch.setenv(VARIABLES["tracking"], f"http://user:{SECRET}@{host}/")
    said = refused(main, "build")
    assert said.startswith(f"reports: http://{host} ")
    assert message in said
    assert SECRET not in said


def test_server_that_stops_in_its_answer(serve: Serve, refused: Refuse) -> None:
    host = serve(lambda *_: (200, {"Content-Length": "100"}, b"{}"))
    assert "cannot be read: IncompleteRead" in refused(main, f"build --tracking http://{host}")


def test_server_that_is_down(refused: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES["tracking"], f"http://user:{SECRET}@127.0.0.1:1")
    said = refused(main, "build")
    assert "http://127.0.0.1:1 cannot be read: " in said
    assert "Connection refused" in said


def test_server_that_never_answers(serve: Serve, refused: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    done = threading.Event()

    def wait(_path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        done.wait(20)
        return 200, {}, b""

    assert "cannot be read: timed out." in refused(main, f"build --tracking http://{serve(wait)}")
    done.set()


@pytest.mark.parametrize("url", ["http://", "http://host:abc", f"http://user:{SECRET}/{SECRET}@host", "https://:5000"])
def test_what_is_no_address(url: str, refused: Refuse) -> None:
    said = refused(main, f"build --tracking {url}")
    assert "tracking must be a URL such as http://host:5000" in said
    assert SECRET not in said


def studies(url: str) -> list[str]:
    with open_store(Path("runs"), url) as store:
        return store.studies()


@pytest.mark.parametrize(
    ("environment", "user", "expected"),
    [
        ({}, "", None),
        ({}, "ann:p%40ss@", "Basic YW5uOnBAc3M="),
        ({"USERNAME": "ann", "PASSWORD": "p@ss"}, "", "Basic YW5uOnBAc3M="),
        ({"USERNAME": "bob", "PASSWORD": "x", "TOKEN": "t"}, "ann:p%40ss@", "Basic YW5uOnBAc3M="),
        ({"TOKEN": "t"}, "", "Bearer t"),
        ({"USERNAME": "bob", "TOKEN": "t"}, "", "Bearer t"),
        ({"TOKEN": "t\r\n"}, "", "Bearer t"),
        ({"USERNAME": "ann\n", "PASSWORD": " p@ss\r"}, "", "Basic YW5uOnBAc3M="),
        ({"USERNAME": "bob", "PASSWORD": "x", "TOKEN": "t"}, "ann@", "Basic YW5uOg=="),
    ],
)
def test_credentials_are_sent_and_not_passed_on(
    environment: dict[str, str],
    user: str,
    expected: str | None,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    sent: list[str | None] = []

    def noted(status: int, headers: dict[str, str], body: bytes) -> Answer:
        def answer(_path: str, given: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
            sent.append(given.get("Authorization"))
            return status, headers, body

        return answer

    other = serve(noted(200, {}, b"{}"))
    here = serve(noted(302, {"Location": f"http://{other}/"}, b""))
    assert studies(f"http://{user}{here}") == []
    assert sent == [expected, None]


@pytest.mark.parametrize("token", [f"{SECRET}\n{SECRET}", f"{SECRET}€"])
def test_a_token_that_cannot_be_sent_is_not_shown(token: str, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    with pytest.raises(ValueError, match=r"cannot be read: its address or the credentials for it hold") as caught:
        studies(f"http://{serve(lambda *_: (200, {}, b'{}'))}")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_an_address_that_cannot_be_sent(refused: Refuse) -> None:
    assert "http://.x:50 cannot be read: its address or" in refused(main, "build --tracking http://.x:50")


def scripted(run: dict[str, object], files: dict[str, tuple[int, bytes]]) -> Answer:
    """A server with one study of one run, and these files."""

    def answer(path: str, _headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        route = path.partition("?")[0]
        bodies = {
            EXPERIMENTS: {"experiments": [{"name": "quick", "experiment_id": "1"}]},
            RUNS: {"runs": [run]},
            "/api/2.0/mlflow/artifacts/list": {"root_uri": "s3://x", "files": [{"path": name} for name in files]},
        }
        if route in bodies:
            return 200, {}, json.dumps(bodies[route]).encode()
        if route == "/get-artifact":
            status, body = files[path.rpartition("path=")[2]]
            return status, {}, body
        return 404, {}, b"{}"

    return answer


def record(run_id: str) -> dict[str, object]:
    info = {"run_id": run_id, "status": "FINISHED", "start_time": 1, "artifact_uri": "s3://bucket/1"}
    return {"info": info, "data": {}}


def complete(run_id: str) -> pd.DataFrame:
    row = {RUN: run_id, schema.STATE: "complete", schema.STAGE: "comparison", "artifact_uri": "s3://bucket/1"}
    return pd.DataFrame([row])


def test_the_id_of_a_run_cannot_lead_out_of_the_cache(serve: Serve, refused: Refuse) -> None:
    host = serve(scripted(record("../../outside"), {}))
    assert "not as a tracking server of MLflow 3 does" in refused(main, f"build --tracking http://{host}")


def test_a_file_that_the_server_fails_to_send_is_an_error_and_not_kept(serve: Serve, tmp_path: Path) -> None:
    files = {schema.FRAME_TABLE: (200, b"frames"), "other": (200, b""), schema.PANEL_DATA: (503, b"")}
    url = f"http://{serve(scripted(record('a' * 32), files))}"
    store = RestStore(url, tmp_path)
    with pytest.raises(ValueError, match="503 Service Unavailable"):
        store.folders(complete("a" * 32))
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} <= {schema.FRAME_TABLE}
    files[schema.PANEL_DATA] = (200, b"panel")
    (folder,) = store.folders(complete("a" * 32))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        schema.FRAME_TABLE: b"frames",
        schema.PANEL_DATA: b"panel",
    }


@pytest.mark.parametrize(("limit", "value"), [("LARGEST_FILE", 2**20), ("LONGEST_FILE", -1)])
def test_a_file_without_an_end_is_not_taken(
    limit: str, value: int, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, limit, value)
    url = f"http://{serve(scripted(record('a' * 32), {schema.FRAME_TABLE: (200, b'x' * (2**20 + 1))}))}"
    with pytest.raises(ValueError, match=rf"must send {schema.FRAME_TABLE} of run a{{32}} in at most .*, got \d+ B in"):
        RestStore(url, tmp_path).folders(complete("a" * 32))
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_cache_that_cannot_be_written(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    url = f"http://{serve(scripted(record('a' * 32), {schema.FRAME_TABLE: (200, b'frames')}))}"
    with pytest.raises(ValueError, match=r"must be kept in .*/cache/artifacts/a{32}, but: Not a directory\."):
        RestStore(url, tmp_path).folders(complete("a" * 32))


def test_a_folder_that_is_here_is_not_copied(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 32) / "artifacts"
    folder.mkdir(parents=True)
    runs = complete("a" * 32).assign(artifact_uri=folder.as_uri())
    assert RestStore("http://127.0.0.1:1", tmp_path / "runs").folders(runs) == [folder]


@pytest.mark.parametrize("uri", ["", None, ".", "{}", "file://{}"])
def test_no_other_folder_is_taken_for_that_of_a_run(
    uri: str | None, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = complete("a" * 32).assign(artifact_uri=uri and uri.format(tmp_path))
    store = RestStore(f"http://{serve(scripted(record('a' * 32), {}))}", tmp_path / "runs")
    assert store.folders(runs) == [tmp_path / "runs" / CACHE / ("a" * 32)]

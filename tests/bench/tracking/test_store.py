"""Opening a tracking store: made whole or not at all, and refused if what wrote it is newer."""

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking import store
from hourglass_bench.bench.tracking.datasets import RoleDataset
from hourglass_bench.bench.tracking.entries import Entries
from hourglass_bench.bench.tracking.store import ATTEMPTS, RunLog, _make_tables, connect, open_store, tracking_url

MAKE_TABLES = _make_tables
"""The real one, taken before a fixture puts a faster one in its place."""


def test_a_store_whose_making_was_killed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_make_tables", MAKE_TABLES)

    def killed(_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.store.db.utils._upgrade_db", killed)
        with pytest.raises(SystemExit):
            open_store(tracking_url(tmp_path))
        assert not (tmp_path / schema.TRACKING_DB).exists()
    assert open_store(tracking_url(tmp_path)).search_experiments()


def test_runs_of_a_newer_schema_are_refused_on_a_server_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store behind a URL of a server, which tells its runs but not its tables."""
    client = open_store(tracking_url(tmp_path))
    for version in (*range(1, schema.VERSION + 1), "none"):
        RunLog.create(client, "0", "?", {schema.SCHEMA_VERSION: str(version)} if version != "none" else {})
    monkeypatch.setattr(store, "prepare", lambda *_: None)
    monkeypatch.setattr(store, "connect", lambda _: connect(tracking_url(tmp_path)))
    assert open_store("http://server:5000").search_experiments()
    RunLog.create(client, "0", "?", {schema.SCHEMA_VERSION: str(schema.VERSION + 1)})
    newer = f"http://server:5000 must be .* no newer hourglass-bench .* version {schema.VERSION + 1}"
    with pytest.raises(ValueError, match=newer):
        open_store("http://server:5000")


@pytest.mark.parametrize("failures", [0, ATTEMPTS - 1, ATTEMPTS])
def test_datasets_that_another_run_adds_at_the_same_moment_are_added_by_trying_again(
    failures: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, add = open_store(tracking_url(tmp_path)), MlflowClient.log_inputs
    run, left = RunLog.create(client, "0", "?", {}), [MlflowException("UNIQUE constraint failed")] * failures
    entries = [Entries(datasets=[RoleDataset("test", "dancers", "0123", "synthetic", (64, 64), 4, 2)])]

    def log_inputs(client: MlflowClient, *of: Any) -> None:
        if left:
            raise left.pop()
        add(client, *of)

    monkeypatch.setattr(MlflowClient, "log_inputs", log_inputs)
    if failures < ATTEMPTS:
        run.write(entries)
        inputs = client.get_run(run.run_id).inputs
        assert inputs is not None
        assert [one.dataset.name for one in inputs.dataset_inputs] == ["dancers"]
    else:
        with pytest.raises(MlflowException, match="UNIQUE constraint failed"):
            run.write(entries)

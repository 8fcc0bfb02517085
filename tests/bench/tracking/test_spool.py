"""What a run is told while its store is away: kept, then written in order, exactly once in what the store has."""

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.tracking import spool
from hourglass_bench.bench.tracking.datasets import RoleDataset
from hourglass_bench.bench.tracking.entries import Entries
from hourglass_bench.bench.tracking.spool import Spool, SpooledLog
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, open_store, tracking_url

IOU = schema.VAL_IOU.name
FRAMES = RoleDataset("train", "fish", "0123456789abcdef", "synthetic", (16, 32), 4, 2)


class Flaky:
    """A client whose store is away for some of its calls, and may do them all the same."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.away = False
        self.answers = True
        self.tried = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.tried += 1
            if self.away:
                raise ConnectionError("refused")
            result = method(*arguments, **named)
            if not self.answers:
                raise ConnectionError("reset by peer")
            return result

        return call if callable(method) else method


@pytest.fixture
def client(tmp_path: Path) -> Flaky:
    return Flaky(open_store(tracking_url(tmp_path)))


@pytest.fixture
def log(tmp_path: Path, client: Flaky, monkeypatch: pytest.MonkeyPatch) -> SpooledLog:
    monkeypatch.setattr(spool, "PAUSE", 0.0)
    run = RunLog.create(client.client, get_experiment(client.client, "s", tmp_path), "r", {})
    return SpooledLog(client, run.run_id, Spool(tmp_path, run.run_id))  # type: ignore[arg-type]


def points(client: Flaky, log: RunLog, name: str = IOU) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.client.get_metric_history(log.run_id, name)]


def tell(log: SpooledLog, epochs: Sequence[int]) -> None:
    for epoch in epochs:
        log.metrics({IOU: epoch / 10}, step=epoch)


def test_nothing_is_kept_while_the_store_is_there(tmp_path: Path, client: Flaky, log: SpooledLog) -> None:
    tell(log, range(1, 4))
    log.text("x", "traceback.txt")
    assert points(client, log) == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert not (tmp_path / schema.SPOOL_DIR).exists()


def test_what_is_kept_is_written_in_order_once_the_store_is_back(
    tmp_path: Path, client: Flaky, log: SpooledLog
) -> None:
    tell(log, [1])
    client.away = True
    log.write([Entries(params={"a": "1"}, datasets=[FRAMES]), Entries(metrics={IOU: math.nan}, step=2, milliseconds=7)])
    log.tags({"state": "first"})
    folder = tmp_path / "artifacts-of-it"
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "checkpoint" / "weights").write_text("w")
    log.artifacts(folder)
    log.text("why", "traceback.txt")
    assert points(client, log) == [(1, 0.1)]
    assert log.artifact("checkpoint/weights") == f"runs:/{log.run_id}/checkpoint/weights"
    client.away = False
    log.tags({"state": "last"})
    assert not (tmp_path / schema.SPOOL_DIR).exists()
    tell(log, [3])
    run = client.client.get_run(log.run_id)
    assert (run.data.params["a"], run.data.tags["state"]) == ("1", "last")
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("fish", "0123456789abcdef")
    assert json.loads(dataset.dataset.profile) == {"frames": 4, "scenes": 2}
    assert [step for step, _ in points(client, log)] == [2, 1, 3]  # by the moments at which they were told
    place = Path(RunLog(client.client, log.run_id).artifact("checkpoint/weights"))
    assert place.read_text() == "w"
    assert (place.parents[1] / "traceback.txt").read_text() == "why"


def test_an_answer_that_is_lost_leaves_nothing_twice(tmp_path: Path, client: Flaky, log: SpooledLog) -> None:
    client.answers = False
    log.write([Entries(params={"a": "1"}, tags={"b": "2"}, datasets=[FRAMES], metrics={IOU: math.inf})])
    tell(log, [1, 2])
    client.answers = True
    tell(log, [3])
    assert points(client, log) == [(0, sys.float_info.max), (1, 0.1), (2, 0.2), (3, 0.3)]
    run = client.client.get_run(log.run_id)
    assert len(run.inputs.dataset_inputs) == 1
    assert len(run.inputs.dataset_inputs[0].tags) == 1


def test_a_store_that_is_away_is_not_asked_all_the_time(
    client: Flaky, log: SpooledLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "PAUSE", 60.0)
    client.away = True
    tell(log, range(1, 100))
    assert client.tried == 1


def test_whoever_closes_the_run_writes_what_is_left(tmp_path: Path, client: Flaky, log: SpooledLog) -> None:
    client.away = True
    tell(log, range(1, 12))
    left = Spool(tmp_path, log.run_id)
    with pytest.raises(ConnectionError, match="refused"):
        left.replay(RunLog(client, log.run_id))  # type: ignore[arg-type]
    assert len(left.pieces()) == 11
    client.away = False
    (left.pieces()[0].parent / ".000012").mkdir()  # of a worker that was killed while it copied
    left.replay(RunLog(client, log.run_id))  # type: ignore[arg-type]
    assert points(client, log) == [(epoch, epoch / 10) for epoch in range(1, 12)]
    assert not (tmp_path / schema.SPOOL_DIR).exists()
    left.replay(RunLog(client, log.run_id))  # type: ignore[arg-type]


def test_an_error_that_waiting_would_not_mend_is_raised(tmp_path: Path, client: Flaky, log: SpooledLog) -> None:
    log.params({"a": "1"})
    with pytest.raises(Exception, match="Changing param values is not allowed"):
        log.params({"a": "2"})
    assert not (tmp_path / schema.SPOOL_DIR).exists()

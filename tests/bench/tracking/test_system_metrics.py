"""What the machine does is logged into the run that trains, if that is asked for."""

import time
from pathlib import Path

import pytest

from hourglass_bench.bench.tracking import system_metrics as module
from hourglass_bench.bench.tracking.store import RunLog, get_experiment, open_store, tracking_url
from hourglass_bench.bench.tracking.system_metrics import log_system_metrics, require_monitor


def test_machine_is_watched_while_the_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psutil")
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    client = open_store(tracking_url(tmp_path))
    run = RunLog.create(client, get_experiment(client, "e", tmp_path), "r", {})
    with log_system_metrics(run.run_id, tracking_url(tmp_path)):
        time.sleep(1)
    metrics = client.get_run(run.run_id).data.metrics
    assert all(name.startswith("system/") for name in metrics)
    assert 0 <= metrics["system/cpu_utilization_percentage"] <= 100


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"need psutil, which is not installed: pip install .*\[system\]"):
        require_monitor()

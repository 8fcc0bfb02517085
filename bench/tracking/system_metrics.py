"""What the machine does while a run trains, as metrics `system/*`, by MLflow's own monitor."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

INTERVAL = 1.0
"""Seconds between two samples, unless MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL says otherwise; MLflow's 10 would leave
short runs without any."""


def require_monitor() -> None:
    """Raise ValueError if the package that the monitor needs is missing."""
    if find_spec("psutil") is None:
        raise ValueError('system metrics need psutil, which is not installed: pip install "hourglass-bench[system]".')


@contextmanager
def log_system_metrics(run_id: str, tracking: str) -> Iterator[None]:
    """Log use of the whole machine's processors, memory, disks and network into a run of the store at `tracking`.

    Of NVIDIA GPUs too, where nvidia-ml-py is installed.
    """
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run_id, INTERVAL, tracking_uri=tracking)  # type: ignore[no-untyped-call]
    monitor.start()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        monitor.finish()  # type: ignore[no-untyped-call]

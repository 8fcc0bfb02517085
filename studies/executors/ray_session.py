"""The connection to Ray: a cluster that is there already, or one of our own that ends with the study."""

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from hourglass_bench.bench.machine.device import cores
from hourglass_bench.bench.machine.environment import code_digest
from hourglass_bench.bench.tracking.database import REACH_SECONDS
from hourglass_bench.studies.channel import LOOPBACK

ADDRESS = "RAY_ADDRESS"
LOCAL = "local"
OBJECT_STORE = 2**27
"""Bytes that a cluster of our own keeps for objects in flight: tasks and outcomes are small."""
PROBE_SECONDS = 120


def require() -> Any:
    """The module ray.

    Raises:
        ValueError: it is not installed, or nothing answers at RAY_ADDRESS.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise ValueError('the executor ray needs Ray: pip install "hourglass-bench[ray]".') from error
    if not ray.is_initialized():
        _require_reachable(os.environ.get(ADDRESS, LOCAL))
    return ray


class Node(NamedTuple):
    """A machine of the cluster, with what it offers."""

    id: str
    host: str
    cpus: int
    gpus: int
    memory: int


class RaySession:
    """Ray, connected: where RAY_ADDRESS says, or to a new cluster on this machine, unless this process already is.

    Args:
        cpus: what a new cluster offers at least.
        gpus: whether a new cluster offers GPUs.

    Raises:
        ValueError: Ray is not installed, the cluster does not answer, or its nodes have other code.
    """

    def __init__(self, *, cpus: int, gpus: bool) -> None:
        ray = self.ray = require()
        address = os.environ.get(ADDRESS, LOCAL)
        with ExitStack() as stack:
            # Ray prints a page on every worker that dies. Its logs have that too, and the driver says what matters.
            silence = stack.enter_context(Path(os.devnull).open("w"))
            stack.enter_context(redirect_stdout(silence))
            if ray.is_initialized():
                self.host = ray.util.get_node_ip_address()
            elif address == LOCAL:
                _use_own_token()
                devices = {} if gpus else {"num_gpus": 0}
                stack.callback(ray.shutdown)
                _initialise(address, num_cpus=max(cores(), cpus), object_store_memory=OBJECT_STORE, **devices)
                self.host = LOOPBACK
            else:
                stack.callback(ray.shutdown)
                _join(address)
                self.host = ray.util.get_node_ip_address()
            if self.host != LOOPBACK:
                self._require_same_code()
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Leave a cluster that was joined, end one of our own, and let one be that was there."""
        self._stack.close()

    def nodes(self) -> list[Node]:
        """The nodes that are alive and have CPUs for trials."""
        nodes = [_node(entry) for entry in self.ray.nodes() if entry["Alive"]]
        return [node for node in nodes if node.cpus]

    def _require_same_code(self) -> None:
        """A node without this package would record the whole study as failed; one with another version is worse."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        probe = self.ray.remote(max_retries=0, num_cpus=0)(_code)
        answers = {
            node: probe.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote()
            for node in self.nodes()
        }
        for node, answer in answers.items():
            try:
                there = self.ray.get(answer, timeout=PROBE_SECONDS)
            except Exception as error:
                there = f"{type(error).__name__} ({str(error).strip().splitlines()[-1]})"
            if there != _code():
                raise ValueError(
                    f"every node of the Ray cluster must have the code of this machine, {_code()}, got {there} on "
                    f"{node.host}."
                )


def _code() -> str:
    return code_digest()


def _node(entry: dict[str, Any]) -> Node:
    offers = entry["Resources"]
    cpus, gpus, memory = (int(offers.get(name, 0)) for name in ("CPU", "GPU", "memory"))
    return Node(entry["NodeID"], entry["NodeManagerAddress"], cpus, gpus, memory)


def _initialise(address: str, **options: Any) -> None:
    import ray

    with _own_sigterm():
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL, **options)


def _join(address: str) -> None:
    try:
        _initialise(address)
    except Exception as error:
        raise ValueError(_unreachable(address, str(error).partition("\n")[0])) from error


def _use_own_token() -> None:
    """Nobody else on the network may use the cluster. Without a token here Ray would leave one in the home folder."""
    if not any(name in os.environ for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _require_reachable(address: str) -> None:
    """Raise ValueError at once if nothing listens there; Ray would try for a minute and then end the process."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise ValueError(
            f"{ADDRESS} must be HOST:PORT or auto, and the driver on a node of the cluster, got {address!r}."
        )
    try:
        socket.create_connection((host, int(port)), timeout=REACH_SECONDS).close()
    except OSError as error:
        raise ValueError(_unreachable(address, str(error))) from None


def _unreachable(address: str, problem: str) -> str:
    return f"{ADDRESS} must be the address of a Ray cluster that answers, got {address}: {problem}."


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the handler of SIGTERM, by which a batch system's end is treated like Ctrl-C; Ray sets its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

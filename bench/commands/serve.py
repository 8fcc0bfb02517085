"""What the commands that serve pages to a browser have in common: where they listen, and who opens the browser."""

import ipaddress
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hourglass_bench.bench.commands import cli

LOOPBACK = "127.0.0.1"
PORTS_TRIED = 100


@dataclass(frozen=True, kw_only=True)
class Serve:
    """The flags that say where a page is served."""

    port: int = 5000
    """where it listens; a port that is taken is replaced by the next free one"""
    host: str = LOOPBACK
    """address that it listens on; any but this machine's own (127.0.0.1, ::1) needs --share"""
    share: bool = False
    """let others reach it: whoever can connect to --host sees all results, and may change and delete them, since no
    password is asked for"""
    no_browser: bool = False
    """print the address and open no browser; none is opened either over SSH, in CI and without a screen"""

    def address(self) -> tuple[str, int]:
        """Host and a free port.

        Raises:
            ValueError: others could reach the host, which was not asked for, or it has no free port.
        """
        if not (self.share or _is_loopback(self.host)):
            raise ValueError(
                f"--host must be {LOOPBACK} or another of this machine alone, got {self.host}: others would see "
                "all results, and could change and delete them without a password; --share allows it, an SSH tunnel "
                f"(ssh -L {self.port}:localhost:{self.port} THIS_MACHINE) needs none of it."
            )
        if not 1 <= self.port <= 65535:
            raise ValueError(f"--port must be in 1..65535, got {self.port}.")
        last = min(self.port + PORTS_TRIED, 65536)
        port = next((port for port in range(self.port, last) if _is_free(self.host, port)), None)
        if port is None:
            raise ValueError(f"--host {self.host} must have a free port, got none in {self.port}..{last - 1}.")
        if port != self.port:
            cli.say(f"port {self.port} is taken, so this is {port}")
        return self.host, port

    def hosts(self, port: int) -> list[str]:
        """Values of a request's Host header that are answered, where a page of another site that made its name mean
        this machine (DNS rebinding) is not; empty: all are, since others may reach it by whatever name they have."""
        if self.share:
            return []
        return [f"{name}:{port}" for name in {"localhost", LOOPBACK, "[::1]", _in_url(self.host)}]

    def announce(self, page: str, url: str) -> None:
        """Say where the page is, and open it where there is somebody to look at it."""
        cli.say(f"{page}: {url} (Ctrl-C ends it)")
        if not self.no_browser and has_screen():
            webbrowser.open(url)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_free(host: str, port: int) -> bool:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except OSError as error:
        raise ValueError(f"--host must be an address of this machine, got {host}: {error}.") from None
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if probe.connect_ex((host, port)) == 0:  # of macOS, another program's port can still be bound
            return False
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def base_url(host: str, port: int) -> str:
    """Address for a browser on this machine; one that listens everywhere is reached by the loopback address."""
    return f"http://{_in_url({'0.0.0.0': LOOPBACK, '::': '::1'}.get(host, host))}:{port}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def has_screen() -> bool:
    """Whether whoever started this sits at a screen of this machine."""
    elsewhere = {"SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "CI"} & os.environ.keys()
    drawn = sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
    return drawn and not elsewhere and sys.stderr.isatty()


def require_store(url: str, runs: Path) -> None:
    """Raise ValueError if there is no store at `url`; none is made."""
    # Imported late, as the flags above are part of every help.
    from hourglass_bench.bench.tracking.database import SQLITE, kind, redact, require_reachable
    from hourglass_bench.bench.tracking.opening import find_file

    if kind(url) == SQLITE and find_file(url) is None:
        raise ValueError(
            f"{redact(url)} must be a store that a study or a training has written, got no such file; "
            f"RUNS is {runs}: name the folder that your results lie in, or run a study first."
        )
    require_reachable("the store", url)


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Serve in here: Ctrl-C is how it ends, and a terminal that is closed ends it as well."""
    before = signal.getsignal(signal.SIGHUP)
    if before is not signal.SIG_IGN:  # of nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGHUP, before)

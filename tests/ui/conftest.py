"""A finished `quick`, its MLflow UI, and a browser without a screen that looks at it."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.__main__ import main

VERB = (sys.executable, "-P", "-m", "hourglass_bench")
SECONDS = 180
"""For a server to start, on a machine that runs other tests beside."""
MILLISECONDS = 60_000
"""For a page to show something, likewise."""
CHROMIUM = shutil.which("chromium")
HEADLESS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
CLOSED = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
"""As of a browser that has been there before: MLflow opens its assistant at the first visit."""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The RUNS folder of a finished, short `quick`, one model of which is registered; quote and spaces are its name."""
    runs = tmp_path_factory.mktemp("finished") / "it's a run"
    short = ("--epochs", "2", "--repeats", "1", "--no-tune", "--workers", "1")
    assert main(["sweep", "quick", *short, "--runs", str(runs)]) == 0
    assert main(["register", "quick", "--archs", "unet", "--runs", str(runs)]) == 0
    return runs


@contextmanager
def serving(*words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address that a verb says it serves, and its process, which Ctrl-C ends."""
    with subprocess.Popen([*VERB, *words], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process), process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(SECONDS)


def _address(process: subprocess.Popen[str]) -> str:
    said, deadline = "", time.monotonic() + SECONDS
    assert process.stderr is not None
    while time.monotonic() < deadline and (line := process.stderr.readline()):
        said += line
        if found := re.search(r"http://\S+", line):
            return found[0]
    raise AssertionError(f"no address: {said}")


@pytest.fixture(scope="session")
def ui(finished: Path) -> Iterator[str]:
    """Address that `hourglass-bench ui` prints."""
    with serving("ui", "--runs", str(finished), "--port", "5750") as (address, _):
        yield address


@pytest.fixture(scope="session")
def look() -> Iterator[Callable[[str], Any]]:
    """Function that opens a page in Chromium."""
    if CHROMIUM is None:
        pytest.skip("no chromium here, which shows the pages")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=MILLISECONDS)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=HEADLESS) as opened:
        context = opened.new_context(viewport={"width": 1800, "height": 1000})
        context.add_init_script(CLOSED)
        context.set_default_timeout(MILLISECONDS)

        def open_page(url: str) -> Any:
            page = context.new_page()
            page.goto(url)
            return page

        yield open_page

"""Processes without the user's script: it is hidden while one starts, and is there again however that ends."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from hourglass_bench.bench.spawn import SPAWN


def start(code: int) -> int | None:
    process = SPAWN.Process(target=sys.exit, args=(code,))
    process.start()
    process.join()
    return process.exitcode


def test_the_script_is_there_again_after_starts_at_once() -> None:
    script = sys.modules["__main__"]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(start, (3, 4))) == [3, 4]
    assert sys.modules["__main__"] is script


def test_the_script_is_there_again_after_a_start_that_fails() -> None:
    script = sys.modules["__main__"]
    with pytest.raises((AttributeError, TypeError), match="pickle|local object"):
        SPAWN.Process(target=lambda: None).start()
    assert sys.modules["__main__"] is script

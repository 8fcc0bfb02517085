"""An expression that does not end is ended, and an alarm that was set before rings as it would."""

import re
import signal
import threading
import time
from pathlib import Path

import pytest

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.folder import scenes
from hourglass_bench.bench.data.folder.scenes import scene_rule
from hourglass_bench.bench.time_limit import time_limit

ENDLESS = r"^((\w+)*)*!(x)"


def test_a_pattern_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scenes, "_SECONDS", 0.2)
    rule = scene_rule(tmp_path, DataConfig(scene_pattern=ENDLESS))
    start = time.monotonic()
    with pytest.raises(ValueError, match=re.escape(f"within 0 s, got {ENDLESS!r} for 'aaaa")):
        rule.of("a" * 60)
    assert time.monotonic() - start < 5


def test_what_is_in_time_goes_on_and_the_alarm_of_others_rings() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with time_limit(5, "too slow"):
            pass
        time.sleep(0.4)
        assert rung == [signal.SIGALRM]
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    finally:
        signal.signal(signal.SIGALRM, before)


def test_another_thread_has_no_limit() -> None:
    ended: list[bool] = []

    def work() -> None:
        with time_limit(0.01, "too slow"):
            time.sleep(0.1)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]

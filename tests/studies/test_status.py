"""How far a study is: the driver and another shell tell the same, for programs and for people."""

import io
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands.next_step import BY_MAKE, next_step
from hourglass_bench.bench.run import run
from hourglass_bench.bench.tracking.store import open_store, tracking_url
from hourglass_bench.bench.training.train import EpochRecord
from hourglass_bench.studies import worker
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.display import Clock, duration, render, to_text
from hourglass_bench.studies.retry import AGAIN
from hourglass_bench.studies.status import RunningTrial, Status, _running, status
from hourglass_bench.studies.unit import Planned
from tests.studies.conftest import sweep
from tests.terminal import on_a_terminal

PLANNED = {
    "a": Planned("search", "unet"),
    "b": Planned("search", "hourglass"),
    "c": Planned("comparison", "unet"),
    "d": Planned("comparison", "hourglass"),
}


@pytest.fixture
def midway() -> Status:
    trial = RunningTrial(name="unet d2 w8 r1", architecture="unet", epoch=2, epochs=8, val_iou=0.5, seconds=60)
    complete = {"state": "complete", "values": [0.61], "name": "unet d1 w4 r0"}
    outcomes = {
        "a": complete | {"time": {"setup": 6, "train": 90, "other": 0}},
        "b": {"state": "pruned", "values": None, "time": {"train": 78, "idle": 26, "tracking": 0.5}},
    }
    return Status(study="s", units=PLANNED, outcomes=outcomes, running=(trial,))


def test_units_are_counted_by_state_stage_and_architecture(midway: Status) -> None:
    answer = midway.answer()
    assert [answer[name] for name in ("study", "planned", "running", "waiting")] == ["s", 4, 1, 1]
    assert {name: answer[name] for name in schema.STATES} == dict.fromkeys(schema.STATES, 0) | {
        "complete": 1,
        "pruned": 1,
    }
    assert answer["planned_units"] == {
        "search": {"unet": {"ended": 1, "planned": 1}, "hourglass": {"ended": 1, "planned": 1}},
        "comparison": {"unet": {"ended": 0, "planned": 1}, "hourglass": {"ended": 0, "planned": 1}},
    }
    assert answer["best"] == {"search": {"unet": {"val_iou": 0.61, "name": "unet d1 w4 r0"}}, "comparison": {}}
    (trial,) = answer["trials"]
    assert (trial["epoch"], trial["val_iou"], trial["seconds_left"]) == (2, 0.5, 180)
    assert answer["time"] == dict.fromkeys((*schema.PHASES, "other", "idle"), 0) | {
        "setup": 6,
        "train": 168,
        "idle": 26,
        "tracking": 0.5,
    }
    json.dumps(answer)


def test_people_see_the_same(midway: Status) -> None:
    text = to_text(midway)
    assert "s: 2 of 4 units ended (1 complete, 1 pruned, 1 running, 1 waiting)" in text
    assert text.splitlines()[1] == "time: 3 min, training 84 %, idle 13 %, set-up 3 %"
    for shown in ("unet d2 w8 r1", "2/8", "0.500", "3 min", "0.610", "unet d1 w4 r0"):
        assert shown in text
    console = Console(file=io.StringIO(), width=60)
    console.print(render(midway))


@pytest.mark.usefixtures("catalog", "inline")
def test_another_shell_reads_what_runs_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Status] = []

    def watched(config: Any, log: Any, *, stop: Any, **options: Any) -> Any:
        def look(record: EpochRecord) -> Any:
            give_up = time.monotonic() + 30
            while record.epoch == 2 and not seen and time.monotonic() < give_up:
                now = status("tiny", tmp_path)  # epochs are written beside the training, about once a second
                seen.extend([now] if now.running[0].epoch == 2 else [])
            return stop(record)

        return run(config, log, stop=look, **options)

    monkeypatch.setattr(worker, "run", watched)
    assert sweep(tmp_path) == 0
    (trial,) = seen[0].running
    assert (trial.name, trial.architecture) == ("hourglass d2 w4 r0", "hourglass")
    assert (trial.epoch, trial.epochs) == (2, 2)
    assert trial.val_iou is not None
    assert 0 < trial.seconds < 60
    assert (len(seen[0].units), seen[0].waiting, sum(seen[0].states.values())) == (4, 3, 0)
    after = status("tiny", tmp_path)
    assert after.running == ()
    assert after.best[Planned("comparison", "hourglass")].name.startswith("hourglass d2 w4 r")


def test_what_an_older_version_runs_now_is_read_by_its_names(tmp_path: Path) -> None:
    client = open_store(place := tracking_url(tmp_path))
    run = client.create_run(client.create_experiment("tiny"), tags={schema.KIND: "trial"})
    for step, (loss, iou) in enumerate([(0.9, 0.1), (0.8, 0.2)], start=1):
        client.log_metric(run.info.run_id, schema.OLD_NAMES[schema.VAL_LOSS.name], loss, step=step)
        client.log_metric(run.info.run_id, schema.OLD_NAMES[schema.VAL_IOU.name], iou, step=step)
    (trial,) = _running("tiny", place, {})
    assert (trial.epoch, trial.val_iou) == (2, 0.2)


def test_time_left_is_by_architecture_over_all_workers() -> None:
    clock = Clock()
    unet, simple_conv = Planned("search", "unet"), Planned("search", "simple_conv")
    assert clock.left({unet: 1}, [], 1) is None
    for seconds in (10, 20):
        clock.add(unet, seconds)
    clock.add(simple_conv, 100)
    assert clock.left({unet: 2, simple_conv: 1}, [], 1) == 130
    assert clock.left({unet: 2}, [(simple_conv, 40.0)], 2) == 45
    assert clock.left({}, [(unet, 500.0)], 1) == 0
    assert clock.left({Planned("comparison", "hourglass"): 3}, [], 1) == 130


@pytest.mark.parametrize(("seconds", "text"), [(7.4, "7 s"), (99, "99 s"), (100, "2 min"), (7200, "2.0 h")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


SHOWN = """
import sys, time
from hourglass_bench.studies.display import Display, to_text
from hourglass_bench.studies.status import Status
from hourglass_bench.studies.unit import Planned

units = {"a": Planned("comparison", "unet"), "b": Planned("comparison", "unet")}
ended = {"state": "complete", "values": [0.5], "name": "unet 4 repeat 0", "time": {}}
outcomes = {"a": ended}
status = lambda: Status(study="s", units=units, outcomes=dict(outcomes))
with Display(status, lambda: None) as display:
    time.sleep(0.7)
    outcomes["b"] = ended | {"state": "failed", "values": None}
    display.ended("[2/2]", "unet 4 repeat 1", "failed", " (why)", 3.0)
    time.sleep(0.7)
print(to_text(status()))
"""


def test_a_terminal_shows_the_table_once(tmp_path: Path) -> None:
    """While the study runs it stays in place; at the end the answer is what is left of it."""
    shown = on_a_terminal([sys.executable, "-c", SHOWN], tmp_path)
    assert "1 of 2 units ended" in shown.everything
    assert "\x1b[31mfailed\x1b[0m (why)" in shown.everything
    assert shown.lines == [
        "[2/2] unet 4 repeat 1: failed (why), 3 s",
        "s: 2 of 2 units ended (1 complete, 1 failed, 0 running, 0 waiting)",
        f"units that failed: 1; once the cause is gone, run them again with {AGAIN}",
        "architecture  stage       ended  best val IoU  of",
        "unet          comparison  2/2    0.500         unet 4 repeat 0",
    ]


def test_a_terminal_that_cannot_move_its_cursor_has_a_line_per_event(tmp_path: Path) -> None:
    shown = on_a_terminal([sys.executable, "-c", SHOWN], tmp_path, TERM="dumb")
    assert "\x1b" not in shown.everything
    assert shown.lines[0] == "[2/2] unet 4 repeat 1: failed (why), 3 s"
    assert len(shown.lines) == 5


@pytest.mark.parametrize(
    ("ended", "by_make", "then"),
    [
        (True, False, "hourglass-bench report quick"),
        (
            *(False, False),
            "hourglass-bench sweep quick --runs R --storage sqlite:///s.db --tracking sqlite:///t.db, with the flags "
            "that it was started with",
        ),
        (True, True, "make report STUDY=quick"),
        (
            *(False, True),
            "make sweep STUDY=quick RUNS=R STORAGE=sqlite:///s.db TRACKING=sqlite:///t.db, with the flags that it was "
            "started with",
        ),
    ],
)
def test_the_next_step_is_said_as_the_user_came(
    ended: bool, by_make: bool, then: str, midway: Status, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    done = {"state": "complete", "values": [0.5], "name": "unet", "time": {}}
    now = replace(midway, outcomes=dict.fromkeys(PLANNED, done) if ended else {}, running=())
    monkeypatch.setattr("hourglass_bench.studies.status.status", lambda *_: now)
    monkeypatch.setenv(BY_MAKE, "1") if by_make else monkeypatch.delenv(BY_MAKE, raising=False)
    stores = [] if ended else ["--runs", "R", "--storage", "sqlite:///s.db", "--tracking", "sqlite:///t.db"]
    assert main(["status", "quick", *stores]) == 0
    assert capsys.readouterr().err == f"next: {then}\n"
    assert main(["status", "quick", *stores, "--json"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("runs", "by_make", "line"),
    [
        ("-lead", False, "hourglass-bench report quick --runs ./-lead"),
        ("a $b", False, "hourglass-bench report quick --runs 'a $b'"),
        ("a $b", True, "make report 'RUNS=a $$b'"),
    ],
)
def test_the_next_step_names_a_folder_of_any_name(
    runs: str, by_make: bool, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BY_MAKE, "1") if by_make else monkeypatch.delenv(BY_MAKE, raising=False)
    assert next_step("report", "quick", make=("report",), runs=Path(runs)) == line

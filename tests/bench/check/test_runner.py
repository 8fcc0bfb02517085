"""Sections in turn: one that hangs, dies or raises is told by name and takes no other with it.

Processes import this file: without torch they start at once.
"""

import json
import math
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.check.command import SECONDS, Check, parse
from hourglass_bench.bench.check.lines import Line, NotHere, Task, Work
from hourglass_bench.bench.check.runner import Report, Section, run_sections

TASK = Task("cpu", short=True)


def right(_: Task) -> Iterator[Line]:
    yield Line(name="one", passed=True)
    yield Line(name="two", figures={"images/s": 2.5, "loss": math.nan})


def wrong(_: Task) -> Iterator[Line]:
    yield Line(name="one", passed=True)
    yield Line(name="two", passed=False)


def measured(_: Task) -> Iterator[Line]:
    print("something that a library says")
    yield Line(name="one", figures={"bytes": 12_345_678})


def elsewhere(_: Task) -> Iterator[NotHere]:
    yield NotHere("only CUDA has it")


def hanging(_: Task) -> Iterator[Line]:
    yield Line(name="before", passed=True)
    time.sleep(600)


def dying(_: Task) -> Iterator[Line]:
    yield Line(name="before", passed=True)
    os.kill(os.getpid(), signal.SIGKILL)


def raising(_: Task) -> Iterator[Line]:
    yield Line(name="before", passed=True)
    raise ValueError("no such kernel")


def interrupting(_: Task) -> Iterator[Line]:
    yield Line(name="before", passed=True)
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(600)


def section(work: Work, *, correctness: bool = True, share: float = 1.0) -> Section:
    return Section(name=work.__name__, about="What it asks", work=work, correctness=correctness, share=share)


def run(*works: Work, correctness: bool = True, seconds: float = 300.0) -> list[Report]:
    return list(run_sections([section(work, correctness=correctness) for work in works], TASK, seconds))


def test_what_dies_or_raises_is_told_and_the_others_go_on() -> None:
    reports = run(dying, raising, right, wrong, elsewhere)
    assert [report.outcome for report in reports] == ["crashed", "crashed", "passed", "failed", "not here"]
    assert [report.fails for report in reports] == [True, True, False, True, False]
    assert "exit code -9" in reports[0].reason
    assert "no such kernel" in reports[1].reason
    assert reports[4].reason == "only CUDA has it"
    assert all(report.lines[0].name == "before" for report in reports[:2])


def test_what_hangs_is_cut_and_leaves_time_to_the_others() -> None:
    start = time.monotonic()
    reports = list(run_sections([section(hanging), section(right, share=9.0)], TASK, 60.0))
    assert time.monotonic() - start < 60
    assert [(report.outcome, report.fails) for report in reports] == [("cut", True), ("passed", False)]
    assert reports[0].reason == "its 6 s were over"
    assert [line.name for line in reports[0].lines] == ["before"]


@pytest.mark.parametrize("work", [wrong, dying, measured])
def test_what_only_measures_never_fails_the_check(work: Work) -> None:
    assert [report.fails for report in run(work, correctness=False)] == [False]


def test_what_was_to_show_something_and_did_not_has_not_passed() -> None:
    assert [report.fails for report in run(measured)] == [True]


@pytest.mark.parametrize(
    ("works", "code", "passed"),
    [((right, measured), 0, True), ((right, wrong), 1, False), ((dying, right), 1, False)],
)
def test_the_answer_is_one_object_and_the_code_says_whether_it_passed(
    works: tuple[Work, ...], code: int, passed: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = [section(work, correctness=work is not measured) for work in works]
    monkeypatch.setattr("hourglass_bench.bench.check.sections.SECTIONS", shown)
    assert main(["check", "--device", "cpu", "--short", "--json"]) == code
    said = capfd.readouterr()
    answer: dict[str, Any] = json.loads(said.out)
    assert answer["passed"] is passed
    assert answer["command"] == "hourglass-bench check --device cpu --short"
    assert answer["hardware"]["name"]
    assert [entry["name"] for entry in answer["sections"]] == [work.__name__ for work in works]
    if right in works:
        lines = answer["sections"][works.index(right)]["lines"]
        assert lines[1]["figures"] == {"images/s": 2.5, "loss": None}
    headlines = [line for line in said.err.splitlines() if line.startswith(works[0].__name__)]
    assert len(headlines) == 2  # as it comes, and above its table
    assert f"The check {'passed' if passed else 'FAILED'}" in said.err


def test_without_json_the_table_is_the_answer(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "hourglass_bench.bench.check.sections.SECTIONS", [section(wrong), section(measured, correctness=False)]
    )
    assert main(["check", "--device", "cpu"]) == 1
    said = capfd.readouterr().out
    assert "wrong: failed in" in said
    assert "1 of 2 as they should be; failed: two" in said
    assert "| two | FAILED  |" in said
    assert "| one | 12,345,678 |" in said
    assert "something that a library says" not in said


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_check_tells_what_it_has(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "hourglass_bench.bench.check.sections.SECTIONS", [section(right), section(interrupting), section(right)]
    )
    assert main(["check", "--device", "cpu", "--json"]) == 130
    said = capfd.readouterr()
    answer: dict[str, Any] = json.loads(said.out)
    assert (answer["interrupted"], answer["passed"]) == (True, False)
    assert "The check was interrupted after" in said.err
    assert [entry["name"] for entry in answer["sections"]] == ["right"]


def test_a_device_that_is_not_there_is_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--device", "tpu"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "must be one of auto, cpu, cuda" in said.err


def test_a_mac_s_gpu_is_not_checked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    assert main(["check", "--device", "mps"]) == 2
    assert "device must be one of auto, cpu, cuda or cuda:INDEX for a check, got 'mps'" in capsys.readouterr().err


def test_flags_are_those_of_the_command() -> None:
    assert parse([]) == Check()
    assert parse(["--device", "cpu", "--short", "--json"]) == Check(device="cpu", short=True, json=True)


def test_the_most_important_come_first_and_all_fit() -> None:
    from hourglass_bench.bench.check.sections import SECTIONS

    names = [entry.name for entry in SECTIONS]
    expected = ["ceilings", "forecast", "agreement", "graph", "leaks", "faults", "speed", "roofline", "trials"]
    assert names == expected
    assert [entry.name for entry in SECTIONS if entry.correctness] == expected[1:6]
    assert SECONDS <= 480

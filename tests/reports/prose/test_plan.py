import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fake_units import Unit
from helpers import Summarised, table, written

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.tables import TABLES

Planned = dict[str, dict[str, int]]


@pytest.fixture
def planned(summarised: Summarised) -> Callable[[list[Unit], Planned], Summary]:
    """Function that summarises units with the given plan."""

    def make(units: list[Unit], plan: Planned) -> Summary:
        total = sum(sum(counts.values()) for counts in plan.values())
        return summarised(units, planned=total, tags={schema.STUDY_PLANNED_UNITS: json.dumps(plan)})

    return make


def planned_text(summary: Summary) -> list[str]:
    """The sentences on the plan, without those that count outcomes."""
    sentences = re.split(r"(?<=\.) ", " ".join(written("outcomes", summary)))
    return [sentence for sentence in sentences if sentence and "outcome" not in sentence]


def unit(architecture: str, repeat: int = 0, state: str = "complete", reason: str = "", **fields: Any) -> Unit:
    fields |= {"architecture": architecture, "repeat": repeat, "state": state, "reason": reason}
    return Unit(**fields, panel=False, epochs=1)


def test_equal_plans(planned: Callable[..., Summary]) -> None:
    summary = planned([unit("unet"), unit("hourglass")], {"comparison": {"unet": 1, "hourglass": 1}})
    assert written("outcomes", summary) == [
        "Every run with an outcome is complete. Every architecture had the same plan: 1 comparison run each."
    ]
    assert table("planned", summary).rows == [
        ["comparison", "Hourglass", *"11000000"],
        ["comparison", "U-Net", *"11000000"],
    ]


def test_two_stages(searching: Summary) -> None:
    first, *lacking = planned_text(searching)
    assert first == "Every architecture had the same plan: 12 search trials and 2 comparison runs each."
    assert len(lacking) == 2
    shown = table("planned", searching).rows
    stages = {"search": "12", "comparison": "2"}
    assert [row[:3] for row in shown] == [
        [stage, name, stages[stage]] for stage in stages for name in ("Hourglass", "U-Net")
    ]
    for _, _, total, *states, missing in shown:
        assert sum(map(int, states)) + int(missing) == int(total)
    assert TABLES["outcomes"].make(searching) is None  # it stands in for that


def test_what_is_lacking_and_why(planned: Callable[..., Summary]) -> None:
    units = [unit("hourglass", repeat) for repeat in (0, 1)]
    units += [unit("unet", 0, "diverged", "loss is nan")]
    units += [unit("unet", repeat, "out_of_memory", f"{13 + repeat} GB asked") for repeat in (1, 2)]
    summary = planned(units, {"comparison": {"hourglass": 2, "unet": 4}})
    assert planned_text(summary) == [
        "The study plans 2 comparison runs of Hourglass and 4 comparison runs of U-Net.",
        "U-Net lacks 4 of 4 complete comparison runs: 1 diverged (loss is nan), 2 out of memory, 1 not run yet.",
    ]
    assert table("planned", summary).rows[1] == ["comparison", "U-Net", "4", "0", "0", "0", "1", "2", "0", "1"]


def test_unequal_plans_are_noted_not_judged(planned: Callable[..., Summary]) -> None:
    units = [unit("hourglass"), unit("unet"), unit("unet", 1)]
    (sentence,) = planned_text(planned(units, {"comparison": {"hourglass": 1, "unet": 2}}))
    assert sentence == "The study plans 1 comparison run of Hourglass and 2 comparison runs of U-Net."


def test_a_running_study_plans_equal_numbers(planned: Callable[..., Summary]) -> None:
    sentences = planned_text(planned([unit("unet")], {"comparison": {"hourglass": 1, "unet": 1}}))
    assert sentences == [
        "Every architecture has the same plan: 1 comparison run each.",
        "Hourglass lacks 1 of 1 complete comparison run: 1 not run yet.",
    ]


def test_no_refit_without_a_complete_search_trial(planned: Callable[..., Summary]) -> None:
    units = [unit("hourglass", 0, "pruned", "too slow", trial=trial) for trial in (0, 1)]
    units += [*(unit("unet", trial=trial) for trial in (0, 1)), unit("unet", 1)]
    plan = {stage: {"hourglass": n, "unet": n} for stage, n in (("search", 2), ("comparison", 1))}
    assert planned_text(planned(units, plan))[1:] == [
        "Hourglass lacks 2 of 2 complete search trials: 2 pruned (too slow).",
        "Hourglass lacks 1 of 1 complete comparison run: its search has no complete trial, so its refits cannot be "
        "made.",
    ]


def test_runs_of_an_unknown_architecture_are_counted_apart(planned: Callable[..., Summary]) -> None:
    lost = Unit(architecture="unet", repeat=1, state="failed", logged=False)
    summary = planned([unit("unet"), lost], {"comparison": {"unet": 2}})
    assert table("planned", summary).rows == [
        ["comparison", "U-Net", "2", *"1000001"],
        ["comparison", "not logged", "–", *"000001", "–"],
    ]
    assert planned_text(summary)[-1] == (
        "1 run ended before logging its architecture, and is among those not run yet above."
    )


def test_a_superseded_run_is_in_nobodys_plan(planned: Callable[..., Summary]) -> None:
    gone = Unit(architecture="hourglass", superseded=True)
    summary = planned([unit("unet"), gone], {"comparison": {"unet": 1}})
    assert [row[1] for row in table("planned", summary).rows] == ["U-Net"]


def test_no_plan_where_the_study_does_not_say(troubled: Summary) -> None:
    assert planned_text(troubled) == []
    assert table("planned", troubled).rows == []


def test_search_reasons_that_differ_in_numbers_share_a_row(planned: Callable[..., Summary]) -> None:
    trials = [unit("unet", 0, "infeasible", f"{size} MiB is over 64 MiB", trial=size) for size in (80, 90)]
    runs = [unit("unet", repeat, "failed", f"died at {repeat}") for repeat in (0, 1)]
    made = table("reasons", planned([*trials, *runs], {"search": {"unet": 2}, "comparison": {"unet": 2}}))
    assert [row[1:4] for row in made.rows] == [
        ["failed", "1 run", "died at 0"],
        ["failed", "1 run", "died at 1"],
        ["infeasible", "2 runs", "80 MiB is over 64 MiB"],
    ]


def test_a_deleted_run_is_deleted_and_not_missing(planned: Callable[..., Summary]) -> None:
    units = [unit("hourglass"), unit("unet"), unit("unet", 1, deleted=True)]
    summary = planned(units, {"comparison": {"hourglass": 3, "unet": 2}})
    text = " ".join(written("outcomes", summary))
    assert "2 planned runs without an outcome so far." in text
    assert "U-Net lacks 1 of 2 complete comparison runs: 1 deleted by hand." in text
    assert "Deleted by hand, and counted in no score: 1 of 3 runs that ended. Restore" in text
    made = table("planned", summary)
    assert made.headings[-2:] == ["deleted", "missing"]
    assert [row[-2:] for row in made.rows] == [["0", "2"], ["1", "0"]]


def test_deleted_runs_of_unknown_architecture_and_of_no_plan(summarised: Summarised) -> None:
    lost = Unit(architecture="unet", repeat=1, state="failed", logged=False, deleted=True)
    made = table("outcomes", summarised([unit("unet"), unit("hourglass", deleted=True), lost]))
    assert made.headings[-2:] == ["deleted", "all"]
    assert [[row[0], *row[-2:]] for row in made.rows] == [
        ["Hourglass", "1", "1"],
        ["U-Net", "0", "1"],
        ["not logged", "1", "1"],
    ]

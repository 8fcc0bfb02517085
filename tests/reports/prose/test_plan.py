import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_units import Unit

from bench import schema
from reports import prose
from reports.analysis.summary import Summary, summarise
from reports.prose.facts import Facts
from reports.store.load import load_study
from reports.tables import TABLES

Planned = dict[str, dict[str, int]]


@pytest.fixture
def planned(summarised: Callable[..., Summary]) -> Callable[[list[Unit], Planned], Summary]:
    """Function that summarises units with the given plan."""

    def make(units: list[Unit], plan: Planned) -> Summary:
        total = sum(sum(counts.values()) for counts in plan.values())
        return summarised(units, planned=total, tags={schema.STUDY_PLANNED_UNITS: json.dumps(plan)})

    return make


def written(summary: Summary) -> list[str]:
    """The sentences on the plan, without those that count outcomes."""
    sentences = re.split(r"(?<=\.) ", " ".join(prose.write("outcomes", summary, Facts())))
    return [sentence for sentence in sentences if sentence and "outcome" not in sentence]


def rows(summary: Summary) -> list[list[str]]:
    table = TABLES["planned"].make(summary)
    assert table is not None
    return table.rows


def unit(
    architecture: str, repeat: int = 0, state: str = "complete", reason: str = "", trial: int | None = None
) -> Unit:
    return Unit(
        architecture=architecture, repeat=repeat, state=state, reason=reason, trial=trial, panel=False, epochs=1
    )


def test_equal_plans(planned: Callable[..., Summary]) -> None:
    summary = planned([unit("unet"), unit("hourglass")], {"comparison": {"unet": 1, "hourglass": 1}})
    assert prose.write("outcomes", summary, Facts()) == [
        "Every run with an outcome is complete. Every architecture had the same plan: 1 comparison run each."
    ]
    assert rows(summary) == [
        ["comparison", "Hourglass", *"11000000"],
        ["comparison", "U-Net", *"11000000"],
    ]


def test_two_stages(search_store: Path) -> None:
    summary = summarise(load_study(search_store, "search"))
    first, *lacking = written(summary)
    assert first == "Every architecture had the same plan: 12 search trials and 2 comparison runs each."
    assert len(lacking) == 2
    shown = rows(summary)
    assert [row[:3] for row in shown] == [
        ["search", "Hourglass", "12"],
        ["search", "U-Net", "12"],
        ["comparison", "Hourglass", "2"],
        ["comparison", "U-Net", "2"],
    ]
    for _, _, total, *states, missing in shown:
        assert sum(map(int, states)) + int(missing) == int(total)


def test_what_is_lacking_and_why(planned: Callable[..., Summary]) -> None:
    units = [
        unit("hourglass", 0),
        unit("hourglass", 1),
        unit("unet", 0, "diverged", "loss is nan"),
        unit("unet", 1, "out_of_memory", "14 GB asked"),
        unit("unet", 2, "out_of_memory", "15 GB asked"),
    ]
    summary = planned(units, {"comparison": {"hourglass": 2, "unet": 4}})
    assert written(summary) == [
        "The study plans 2 comparison runs of Hourglass and 4 comparison runs of U-Net.",
        "U-Net lacks 4 of 4 complete comparison runs: 1 diverged (loss is nan), 2 out of memory, 1 not run yet.",
    ]
    assert rows(summary)[1] == ["comparison", "U-Net", "4", "0", "0", "0", "1", "2", "0", "1"]


def test_unequal_plans_are_noted_not_judged(planned: Callable[..., Summary]) -> None:
    units = [unit("hourglass"), unit("unet"), unit("unet", 1)]
    (sentence,) = written(planned(units, {"comparison": {"hourglass": 1, "unet": 2}}))
    assert sentence == "The study plans 1 comparison run of Hourglass and 2 comparison runs of U-Net."


def test_a_running_study_plans_equal_numbers(planned: Callable[..., Summary]) -> None:
    sentences = written(planned([unit("unet")], {"comparison": {"hourglass": 1, "unet": 1}}))
    assert sentences == [
        "Every architecture has the same plan: 1 comparison run each.",
        "Hourglass lacks 1 of 1 complete comparison run: 1 not run yet.",
    ]


def test_no_refit_without_a_complete_search_trial(planned: Callable[..., Summary]) -> None:
    units = [
        unit("hourglass", 0, "pruned", "too slow", trial=0),
        unit("hourglass", 0, "pruned", "too slow", trial=1),
        unit("unet", trial=0),
        unit("unet", trial=1),
        unit("unet", 1),
    ]
    plan = {stage: {"hourglass": n, "unet": n} for stage, n in (("search", 2), ("comparison", 1))}
    assert written(planned(units, plan))[1:] == [
        "Hourglass lacks 2 of 2 complete search trials: 2 pruned (too slow).",
        "Hourglass lacks 1 of 1 complete comparison run: its search has no complete trial, so its refits cannot be "
        "made.",
    ]


def test_runs_of_an_unknown_architecture_are_counted_apart(planned: Callable[..., Summary]) -> None:
    lost = Unit(architecture="unet", repeat=1, state="failed", logged=False)
    summary = planned([unit("unet"), lost], {"comparison": {"unet": 2}})
    assert rows(summary) == [
        ["comparison", "U-Net", "2", *"1000001"],
        ["comparison", "not logged", "–", *"000001", "–"],
    ]
    assert written(summary)[-1] == (
        "1 run ended before logging its architecture, and is among those not run yet above."
    )


def test_a_superseded_run_is_in_nobodys_plan(planned: Callable[..., Summary]) -> None:
    gone = Unit(architecture="hourglass", superseded=True)
    assert [row[1] for row in rows(planned([unit("unet"), gone], {"comparison": {"unet": 1}}))] == ["U-Net"]


def test_no_plan_where_the_study_does_not_say(troubled_store: Path) -> None:
    summary = summarise(load_study(troubled_store, "quick"))
    assert written(summary) == []
    assert rows(summary) == []


def test_the_plan_stands_in_for_the_table_of_outcomes(search_store: Path) -> None:
    assert TABLES["outcomes"].make(summarise(load_study(search_store, "search"))) is None


def test_search_reasons_that_differ_in_numbers_share_a_row(planned: Callable[..., Summary]) -> None:
    trials = [unit("unet", 0, "infeasible", f"{size} MiB is over 64 MiB", trial=size) for size in (80, 90)]
    runs = [unit("unet", repeat, "failed", f"died at {repeat}") for repeat in (0, 1)]
    table = TABLES["reasons"].make(planned([*trials, *runs], {"search": {"unet": 2}, "comparison": {"unet": 2}}))
    assert table is not None
    assert [row[1:4] for row in table.rows] == [
        ["failed", "1 run", "died at 0"],
        ["failed", "1 run", "died at 1"],
        ["infeasible", "2 runs", "80 MiB is over 64 MiB"],
    ]

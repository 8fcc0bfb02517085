"""What is taken, and what it stands on."""

import re
from dataclasses import replace

import pytest
from fake_problems import PROBLEMS, three, trained
from fake_units import Unit
from helpers import Summarised, written

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import judge_headline
from hourglass_bench.reports.analysis.gate import passes
from hourglass_bench.reports.analysis.recommendation import recommend, standing, within_budgets
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.store.load import ARCHITECTURE


def taken(summary: Summary) -> tuple[str, str | None]:
    """Architectures of what is first and of what is taken."""
    found = recommend(summary)
    assert found is not None
    return found.first[ARCHITECTURE], None if found.taken is None else found.taken[ARCHITECTURE]


@pytest.mark.parametrize(
    ("problem", "first", "chosen"),
    [
        ("third_wins", "simple_conv", "simple_conv"),
        ("winner_clear", "unet", "unet"),
        ("indistinguishable", "unet", "hourglass"),  # the smaller of two that cannot be told apart
        ("equivalent", "unet", "hourglass"),
        ("half_done", "unet", "hourglass"),  # the first has two repeats
        ("nothing_learnt", "hourglass", None),
        ("rising", "unet", None),
        ("ahead_but_unsure", "hourglass", None),
        ("all_stuck", "hourglass", None),
        ("one_repeat", "unet", None),
    ],
)
def test_what_is_taken(summarised: Summarised, problem: str, first: str, chosen: str | None) -> None:
    assert taken(summarised(PROBLEMS[problem]())) == (first, chosen)


@pytest.mark.parametrize("problem", ["all_diverged", "all_failed", "all_infeasible"])
def test_without_a_complete_run_there_is_no_first(summarised: Summarised, problem: str) -> None:
    assert recommend(summarised(PROBLEMS[problem]())) is None


@pytest.mark.parametrize("problem", PROBLEMS)
def test_whatever_is_taken_beats_the_rules_and_is_not_behind(summarised: Summarised, problem: str) -> None:
    summary = summarised(PROBLEMS[problem]())
    found = recommend(summary)
    if found is None or found.taken is None:
        return
    number = found.taken[CONFIGURATION]
    assert passes(summary, number)
    for one in judge_headline(summary):
        if one.metric == schema.TEST_IOU and one.claim.a[CONFIGURATION] == found.first[CONFIGURATION]:
            assert not (one.verdict == "better" and one.claim.b[CONFIGURATION] == number)


def test_validation_gives_way_to_what_the_test_scenes_are_sure_of(summarised: Summarised) -> None:
    """Validation puts the Hourglass first by far, on every fold the U-Net is better by 0.05."""
    units = [
        replace(unit, val_iou=0.95 if unit.architecture == "hourglass" else 0.7)
        for unit in three(0.75, 0.75, 0.80, luck=0.1)
    ]
    summary = summarised(units)
    assert taken(summary) == ("hourglass", "unet")
    lead, budgets, *_ = written("answer", summary)
    assert lead.startswith(
        "Take U-Net (depth 2, width 8), although validation puts Hourglass (depth 2, width 8) first:"
    )
    assert "Hourglass less U-Net (depth 2, width 8) is −0.050" in lead
    assert (
        "the score of what is taken is optimistic by that. The scenes of a test fold had no part in any other"
        in budgets
    )


def test_within_a_budget_validation_gives_way_too(summarised: Summarised) -> None:
    """Validation puts the wide U-Net first and is right; it puts the narrow one first as well and is wrong."""
    units = [
        replace(unit, val_iou=val_iou)
        for name, width, iou, val_iou in (
            ("hourglass", 8, 0.75, 0.75),
            ("hourglass", 16, 0.78, 0.78),
            ("unet", 8, 0.65, 0.77),
            ("unet", 16, 0.90, 0.95),
        )
        for unit in trained(name, iou, width=width, luck=0.1)
    ]
    lead, budgets, *_ = written("answer", summarised(units))
    assert lead.startswith("Take U-Net (depth 2, width 16): it is ahead of")
    assert "MB take Hourglass (depth 2, width 8), which the test scenes put first: test IoU 0.750" in budgets
    assert (
        "the score of what is taken is optimistic by that. The scenes of a test fold had no part in any other"
        in budgets
    )


def test_of_two_that_need_the_same_memory_none_is_called_smaller(summarised: Summarised) -> None:
    units = [
        Unit(architecture=name, repeat=s, iou=0.8 + 0.001 * (s % 2))
        for name in ("hourglass", "unet_twin")
        for s in range(5)
    ]
    summary = summarised(units)
    (lead, *_) = written("answer", summary)
    first, chosen = taken(summary)
    assert first == chosen
    assert re.search(r"; take (Hourglass|U-Net twin), as small as any", lead)


def test_a_rival_that_is_ahead_without_having_learnt_is_not_taken(summarised: Summarised) -> None:
    """It is ahead on the three folds that both were tested on, and fails on two others."""
    first = [Unit(repeat=s, iou=0.70 + 0.01 * s, val_iou=0.9) for s in range(3)]
    ious = (0.75, 0.761, 0.77, 0.1, 0.1)
    ahead = [Unit(architecture="unet", repeat=s, iou=iou, val_iou=0.8) for s, iou in enumerate(ious)]
    summary = summarised([*first, *ahead])
    found = recommend(summary)
    assert found is not None
    assert [standing(one) for one in found.rivals] == ["behind"]
    assert taken(summary) == ("hourglass", "hourglass")
    (lead, *_) = written("answer", summary)
    assert lead.startswith(
        "So far take Hourglass (depth 2, width 8), which validation puts first; U-Net (depth 2, width 8), which the "
        "test scenes put before it (Hourglass less U-Net is −0.050"
    )


def test_what_cannot_be_judged_is_not_said_to_be_level(summarised: Summarised) -> None:
    """The first has two repeats, so that nothing is known of it beside another, which has learnt."""
    units = [*trained("unet", 0.9, luck=0, repeats=2), *trained("hourglass", 0.7, luck=0)]
    (lead, *_) = written("answer", summarised(units))
    assert lead.startswith(
        "Take Hourglass (depth 2, width 8): U-Net (depth 2, width 8) is first by validation, but its 2 repeats so far "
        "cannot show that it beats the rules without a network."
    )
    assert "told apart" not in lead


def test_a_smaller_network_of_the_same_architecture_does_not_replace_the_first(summarised: Summarised) -> None:
    units = [*trained("unet", 0.80, width=16), *trained("unet", 0.80 - 1e-4, width=8)]
    found = recommend(summarised(units))
    assert found is not None
    assert found.taken is not None
    assert (found.taken[schema.BASE_WIDTH], found.rivals) == (16, [])


def test_budgets_are_those_that_what_is_taken_exceeds(summarised: Summarised) -> None:
    summary = summarised(PROBLEMS["unequal_training"]())
    found = recommend(summary)
    assert found is not None
    made = within_budgets(summary, found)
    assert [(one.budgets_mb, one.first[schema.BASE_WIDTH], one.rival) for one in made] == [
        ([20], 16, None),
        ([10], 8, None),
    ]


def test_within_a_budget_the_smaller_of_two_is_taken_as_well(summarised: Summarised) -> None:
    summary = summarised(PROBLEMS["third_wins"]())
    found = recommend(summary)
    assert found is not None
    (one,) = within_budgets(summary, found)
    assert one.taken is not None
    assert (one.budgets_mb, one.first[ARCHITECTURE], one.taken[ARCHITECTURE]) == ([10], "unet", "hourglass")


def test_budgets_within_which_the_same_is_taken_are_merged(summarised: Summarised) -> None:
    """The U-Net of depth 2 is first within 10 MB and gives way to the Hourglass, which is first within 5 MB."""
    units = [
        *trained("unet", 0.9, depth=3, width=16),
        *trained("unet", 0.72, width=8),
        *trained("hourglass", 0.71, width=6),
    ]
    summary = summarised(units)
    found = recommend(summary)
    assert found is not None
    (one,) = within_budgets(summary, found)
    assert one.taken is not None
    assert (one.budgets_mb, one.taken[ARCHITECTURE]) == ([10, 5], "hourglass")

"""What the first page says of studies with one class of problem each, or one plain answer."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from fake_problems import PROBLEMS, three, trained
from helpers import Summarised, cells, table, written

from hourglass_bench.reports.analysis.mixture import mixture
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.prose import recommendation
from hourglass_bench.reports.store.load import load_study

Of = Callable[[str], Summary]

TAKEN = {
    "one_architecture": "Hourglass (depth 3, width 8)",
    "one_configuration": "U-Net (depth 2, width 8)",
    "two_scenes": "U-Net (depth 2, width 8)",
    "third_wins": "SimpleConv (depth 2, width 8)",
    "half_done": "Hourglass (depth 2, width 8)",
    "winner_clear": "U-Net (depth 2, width 8)",
    "holdout": "U-Net (depth 2, width 8)",
    "choice_changes": "U-Net (depth 2, width 16)",
    "unequal_training": "U-Net (depth 2, width 32)",
    "memory_ran_out": "U-Net (depth 2, width 32)",
    "memory_unknown": "U-Net (depth 2, width 16)",
}
"""What to take, where one is ahead or alone."""
SO_FAR = {"first_look": "U-Net (depth 2, width 8)"}
"""What to take so far: it is ahead in too few repeats to be called better."""
LEVEL = {
    "indistinguishable": "U-Net (depth 2, width 8) and Hourglass (depth 2, width 8) cannot be told apart in IoU here",
    "sharper": "U-Net (depth 2, width 8) and Hourglass (depth 2, width 8) cannot be told apart in IoU here",
    "equivalent": "U-Net (depth 2, width 8), Hourglass (depth 2, width 8) and SimpleConv (depth 2, width 8) differ by",
}
"""Where several could be taken, of which the smallest is: the Hourglass."""
MISSING = {
    "all_stuck": "5 of its 5 runs never got better than a constant prediction",
    "all_diverged": "15 of 15 runs with an outcome diverged: loss is nan in epoch 5. A lower learning rate",
    "all_infeasible": "the memory budget is 95.4 MiB. Raise the memory budget (MEMORY_BUDGET)",
    "all_failed": "15 of 15 runs with an outcome failed: OSError: [Errno 28] No space left on device",
    "one_repeat": "has 1 repeat, and it takes 3 to tell learning from luck (REPEATS)",
    "two_repeats": "has 2 repeats, and it takes 3 to tell learning from luck (REPEATS)",
    "one_run": "has 1 repeat, and it takes 3 to tell learning from luck (REPEATS)",
    "three_scenes": "It is ahead, but the folds differ too much to be sure",
    "nothing_learnt": "had stopped rising after 450 optimiser steps",
    "ahead_but_unsure": "It is ahead, but the folds differ too much to be sure",
    "rising": "after 90 optimiser steps the validation IoU of 5 of its 5 runs was still rising. Raise EPOCHS",
    "empty_folds": "only 2 of 5 tested folds hold any foreground",
    "all_empty": "No test mask holds any foreground",
    "changed_data": "6 of 15 complete runs had other data than the rest with the same settings",
}
"""What a page says that recommends nothing."""
AS_WELL = {"empty_folds": ["It is ahead, but the folds differ too much to be sure"]}
"""What of it belongs on another page too."""
UNLEARNT = ("all_stuck", "nothing_learnt", "rising", "all_empty", "one_repeat", "two_repeats", "three_scenes")


@pytest.fixture(scope="module")
def of(problem_store: Callable[[str], Path]) -> Of:
    """Function that summarises the study of a problem."""
    return cache(lambda name: summarise(load_study(problem_store(name), "quick")))


@pytest.fixture(scope="module")
def page(of: Of) -> Callable[[str], list[str]]:
    """Function that writes the paragraphs of a problem's first page."""
    return cache(lambda name: written("answer", of(name)))


Page = Callable[[str], list[str]]


def test_every_problem_has_its_answer() -> None:
    assert sorted([*TAKEN, *SO_FAR, *LEVEL, *MISSING]) == sorted(PROBLEMS)


@pytest.mark.parametrize("name", PROBLEMS)
def test_first_page_is_whole_sentences(name: str, page: Page) -> None:
    for paragraph in page(name):
        assert re.match(r"[A-Z0-9]", paragraph)
        assert paragraph.endswith(".")
        assert not re.search(
            r"Named\(|None|\bnan\b(?! in epoch)|\binf\b|  | [.,;:)]|[,;:)\]][A-Za-z]|\( |\.\.", paragraph
        )


@pytest.mark.parametrize(("name", "taken"), TAKEN.items())
def test_what_is_ahead_or_alone_is_taken(name: str, taken: str, page: Page) -> None:
    lead = page(name)[0]
    assert lead.startswith(f"Take {taken}")
    assert "Nothing can be recommended" not in lead
    assert "first look" not in lead


def test_differences_of_many_level_rivals_stand_in_the_table_alone(of: Of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommendation, "MOST_SPELLED", 0)
    lead = written("answer", of("indistinguishable"))[0]
    assert lead.startswith(f"{LEVEL['indistinguishable']}, as the table below shows; take the smaller, Hourglass")
    assert " less Hourglass is " not in lead


@pytest.mark.parametrize(("name", "taken"), SO_FAR.items())
def test_a_first_look_takes_so_far_and_says_what_makes_it_a_verdict(name: str, taken: str, page: Page) -> None:
    lead, *rest = page(name)
    assert lead.startswith(f"So far take {taken}: it is ahead of ")
    assert "This is a first look of 3 repeats; a verdict takes 5: “make sweep STUDY=quick REPEATS=5”." in lead
    assert "Verdict: U-Net ahead; " in " ".join(rest)
    assert not re.search(r"\bbetter\b|\bTake\b|To find a difference", " ".join([lead, *rest]))


@pytest.mark.parametrize(("name", "said"), LEVEL.items())
def test_of_several_that_cannot_be_told_apart_the_smallest_is_taken(name: str, said: str, page: Page) -> None:
    lead = page(name)[0]
    assert lead.startswith(said)
    assert re.search(r"take the small(er|est), Hourglass\b", lead)


@pytest.mark.parametrize(("name", "missing"), MISSING.items())
def test_nothing_is_recommended_and_what_is_missing_is_named(name: str, missing: str, page: Page) -> None:
    lead, *rest = page(name)
    assert lead.startswith("Nothing can be recommended yet: ")
    assert missing in lead
    assert not re.search(r"\b[Tt]ake (?!smaller networks)", " ".join([lead, *rest]))
    assert not [other for other in MISSING.values() if other in lead and other not in (missing, *AS_WELL.get(name, ()))]


@pytest.mark.parametrize("name", UNLEARNT)
def test_two_that_learnt_nothing_are_never_equivalent(name: str, of: Of, page: Page) -> None:
    """Two networks that mark the same constant are equal in every digit, which says nothing of architectures."""
    verdicts = [cells(table("verdicts", of(name)), row) for row in range(len(table("verdicts", of(name)).rows))]
    assert verdicts
    assert not re.search("equivalent|−0\\.000", f"{verdicts} {page(name)}")


def test_runs_of_other_data_are_named_first_and_nothing_is_recommended(of: Of, page: Page) -> None:
    lead, *rest = page("changed_data")
    changed = of("changed_data").runs.query("repeat > 2")["run_id"].str[:8].tolist()
    named = lead.partition(f"{'feedc0de' * 4} of most runs, and {'0badf00d' * 4} of ")[2].partition(". ")[0]
    assert sorted(named.split(", ")) == sorted(changed)
    assert lead.endswith("do them again with “make sweep STUDY=quick REDO_DELETED=1”.")
    assert "less Hourglass (depth 2, width 8), each at its best by validation: +0.050" in " ".join(
        rest
    )  # what is paired is of the same data


def test_data_that_were_to_differ_are_no_mixture(summarised: Summarised) -> None:
    blends = [
        replace(unit, data="0badf00d", params={"data.synthetic_blend": "0.5"}) for unit in PROBLEMS["winner_clear"]()
    ]
    assert not len(mixture(summarised([*PROBLEMS["winner_clear"](), *blends])).others)


def test_two_versions_of_the_arithmetic_are_said_first(of: Of) -> None:
    study = of("winner_clear").study
    versions = ["1"] * 4 + [""] + ["2"] * 10
    changed = replace(study, trials=study.trials.assign(**{"environment.arithmetic": versions}))
    first, lead, *_ = written("answer", summarise(changed))
    assert first.startswith("Beware: the runs were computed by different versions of the arithmetic")
    assert ": 4 runs by version 1 and 10 runs by version 2." in first
    assert lead.startswith("Take U-Net")
    same = replace(study, trials=study.trials.assign(**{"environment.arithmetic": ["1"] * 14 + [""]}))
    assert written("answer", summarise(same))[0].startswith("Take U-Net")


def test_third_architecture_is_judged_against_both_others(page: Page) -> None:
    lead, budgets, *_ = page("third_wins")
    assert re.search(r"ahead of U-Net .*? by \+0\.130\s\[.*?\] and Hourglass .*? by \+0\.150\s\[", lead)
    assert "SimpleConv has a test IoU of 0.850 [" in lead
    assert re.search(
        r"take Hourglass .*; U-Net \(depth 2, width 8\) less Hourglass is \+0\.020\s\[.*?\], inconclusive", budgets
    )


def test_what_boundaries_tell_apart_is_said_beside_what_iou_does_not(page: Page) -> None:
    lead, *_ = page("sharper")
    assert re.search(
        r"cannot be told apart in IoU here: U-Net less Hourglass is \+0\.006\s\[.*?\] "
        r"\(in Boundary IoU \+0\.106\s\[.*?\], U-Net better\); take the smaller, Hourglass",
        lead,
    )
    assert "Boundary" not in page("indistinguishable")[0]


def test_budgets_are_named_with_precision_and_batch_size(page: Page) -> None:
    lead, budgets, *_ = page("unequal_training")
    assert "at 32.7\u00a0MB of tensor peak memory in training (float32, batch size 8)" in lead
    within = re.findall(
        r"Within (\d+)\u00a0MB take (\w+) \(depth 2, width (\d+)\): .*? \((\w+, batch size \d+)\)", budgets
    )
    assert within == [
        ("20", "Hourglass", "16", "bfloat16, batch size 32"),
        ("10", "Hourglass", "8", "bfloat16, batch size 64"),
    ]


def test_one_network_for_all_budgets_is_named_once(page: Page) -> None:
    assert not re.search(r"Within \d+", " ".join(page("one_configuration")))
    assert len(re.findall(r"Within \d+", " ".join(page("third_wins")))) == 1


def test_a_choice_that_rests_on_its_own_test_scenes_is_scored_without_them(page: Page) -> None:
    """The network that all of validation chooses scores 0.714; on two folds the others would have chosen another."""
    text = " ".join(page("choice_changes"))
    assert "U-Net has a test IoU of 0.594 [" in text
    assert "another network than this U-Net for 2 of 5 folds" in text
    assert re.search(r"chosen with the scenes of all folds it scores 0\.714 and beats .*? by \+0\.194\s\[", text)


def test_same_few_scenes_for_all_repeats_are_low_power(page: Page) -> None:
    for name, scenes in (("holdout", 4), ("two_scenes", 2)):
        text = " ".join(page(name))
        assert f"Low power: all repeats were tested on the same {scenes} scenes." in text
        assert "fold" not in text


def test_a_study_half_done_says_how_far_it_is(page: Page) -> None:
    text = " ".join(page("half_done"))
    assert "19 of 30 planned runs have an outcome" in text
    assert "U-Net (depth 2, width 8) is first by validation, but its 2 repeats so far cannot show that it beats" in text
    assert "Verdict: none: 2 of 3 repeats" in text


def test_where_there_is_nothing_to_learn_no_training_is_called_too_short(page: Page) -> None:
    assert not re.search("EPOCHS|optimiser steps", " ".join(page("all_empty")))


def test_a_hold_out_of_one_scene_gives_a_page(summarised: Summarised) -> None:
    units = three(0.6, 0.7, 0.8, repeats=3, split="given", tested_scenes=1)
    lead, verdict, *_ = written("answer", summarised(units))
    assert verdict.endswith("Verdict: inconclusive.")
    assert "without an interval, of a single unit" in lead
    assert "It is ahead, but a single scene does not show how much scenes differ." in lead


def test_curves_that_are_gone_did_not_stop_rising(of: Of) -> None:
    study = of("nothing_learnt").study
    (lead, *_) = written("answer", summarise(replace(study, curves=study.curves.iloc[:0])))
    assert "is not shown to beat" in lead or "scores less than" in lead
    assert "rising" not in lead


def test_without_a_repeat_in_common_no_table_is_said_to_be_lost(summarised: Summarised) -> None:
    units = [unit for unit in trained("unet", 0.8) if unit.repeat < 3]
    units += [unit for unit in trained("hourglass", 0.7) if unit.repeat > 2]
    text = " ".join(written("answer", summarised(units)))
    assert "No difference is judged: no two architectures have a repeat in common on the same frames." in text


@pytest.mark.parametrize("name", ["one_architecture", "one_configuration", "one_run"])
def test_a_single_architecture_has_none_to_be_judged_against(name: str, page: Page) -> None:
    assert "Only one architecture has complete runs" in " ".join(page(name))

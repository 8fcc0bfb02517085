"""Which configurations a report compares, and the words it finds for them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fake_units import Unit
from helpers import Summarised, cells, table, written

from bench import schema
from reports import prose
from reports.analysis.choices import choices
from reports.analysis.claims import Judged, claims, headline, judge_headline, judge_metrics, pair
from reports.analysis.estimates import estimates
from reports.analysis.scenes import scene_means
from reports.analysis.statistics import compare, holm
from reports.analysis.summary import Summary, summarise
from reports.prose.facts import Facts
from reports.store.load import ARCHITECTURE
from reports.tables import TABLES
from reports.tables.verdicts import DIFFERENCES


def arms(gap: float, repeats: int = 5, **fields: object) -> list[Unit]:
    """A U-Net that is better than the Hourglass by `gap`, give or take what the frames add."""
    return [
        Unit(architecture=name, repeat=repeat, iou=0.7 + 0.01 * repeat + gap * (name == "unet"), **fields)  # type: ignore[arg-type]
        for name in ("hourglass", "unet")
        for repeat in range(repeats)
    ]


def first_page(summary: Summary) -> list[str]:
    return written("answer", summary)


def iou(summary: Summary) -> Judged:
    return judge_headline(summary)[0]


def test_comparison_is_that_of_the_scenes_in_the_frame_tables(summarised: Summarised) -> None:
    summary = summarised(arms(0.05))
    found = iou(summary)
    scenes = summary.scenes.assign(value=summary.scenes["iou"])
    a, b = (scenes[scenes["configuration"] == row["configuration"]] for row in (found.claim.a, found.claim.b))
    assert found.comparison == compare(a, b, folds=5)
    assert (found.claim.a[ARCHITECTURE], found.claim.b[ARCHITECTURE]) == ("unet", "hourglass")
    assert (found.comparison.n, found.comparison.over, found.comparison.scenes) == (5, "folds", 20)


@pytest.mark.parametrize(
    ("gap", "verdict", "word"), [(0.1, "better", "U-Net better"), (-0.1, "worse", "Hourglass better")]
)
def test_verdict_names_whom_it_favours(summarised: Summarised, gap: float, verdict: str, word: str) -> None:
    summary = summarised(arms(gap))
    assert iou(summary).verdict == verdict
    assert f"Verdict: {word}, p < 0.001, adjusted" in first_page(summary)[1]
    made = table("verdicts", summary)
    words = [cells(made, row)[DIFFERENCES[0]].split("\n")[2] for row in range(len(made.rows))]
    assert words == [word] * len(made.rows)


def test_lower_is_better_for_distances(summarised: Summarised) -> None:
    summary = summarised(arms(0.1))
    judged = {one.metric: one for one in judge_metrics(summary)}
    assert judged.keys() == set(schema.TEST_METRICS)
    assert judged[schema.TEST_HD95].comparison.difference < 0
    assert {one.verdict for one in judged.values()} == {"better"}
    made = table("metrics", summary)
    assert [row[0][-1] for row in made.rows] == ["↑"] * 5 + ["↓"] * 4


def test_a_claim_has_one_verdict_wherever_it_stands(summarised: Summarised) -> None:
    summary = summarised([replace(unit, iou=None) for unit in arms(0)])
    headline_of = {one.metric: one for one in judge_headline(summary)[:2]}
    of_metrics = {one.metric: one for one in judge_metrics(summary)}
    for metric in (schema.TEST_IOU, schema.TEST_BOUNDARY_IOU):
        assert headline_of[metric].p == of_metrics[metric].p
    assert (of_metrics[schema.TEST_IOU].claims, of_metrics[schema.TEST_ECE].claims) == (2, 7)
    assert headline_of[schema.TEST_IOU].detectable == headline_of[schema.TEST_IOU].comparison.detectable(2)


def test_the_best_is_sought_among_those_with_the_most_repeats(summarised: Summarised) -> None:
    lucky = [Unit(architecture="unet", width=16, repeat=0, iou=0.95)]
    lucky += [Unit(architecture="unet", width=16, repeat=repeat, state="diverged") for repeat in (1, 2)]
    summary = summarised([*arms(0.1, repeats=3), *lucky])
    assert claims(summary)[0].a[schema.BASE_WIDTH] == 8
    assert iou(summary).verdict == "better"
    assert summary.best.set_index(ARCHITECTURE)[schema.BASE_WIDTH]["unet"] == 8


def test_missing_frame_tables_are_said(summarised: Summarised) -> None:
    summary = summarised(arms(0.1, repeats=2))
    for folder in summary.runs["artifacts"]:
        (Path(folder) / schema.FRAME_TABLE).unlink()
    again = summarise(summary.study)
    assert "No difference is judged: 4 of 4 runs lack their test_frames.parquet" in first_page(again)[1]
    assert TABLES["verdicts"].make(again) is None


def test_two_repeats_get_no_verdict_and_are_held_to_the_protocol(summarised: Summarised) -> None:
    summary = summarised(arms(0.1, repeats=2))
    assert iou(summary).verdict == "refused"
    assert "Verdict: none: 2 of 3 repeats." in first_page(summary)[1]
    protocol = " ".join(written("protocol", summary))
    assert "batch size 16, epochs 8, lr 0.003" in protocol  # what was not tuned is a caveat
    assert "overlap with an IoU of 0.950" in protocol
    assert "Test frames were opened 4 times, once for each unit." in protocol
    again = summarised([arms(0.1)[0], *arms(0.1, repeats=2)])
    opened = "opened 5 times, 1 of them for a unit that had opened them before."
    assert opened in " ".join(written("protocol", again))


@pytest.mark.parametrize("lost", [{"data": "other"}, {"state": "diverged", "reason": "nan"}])
def test_only_repeats_that_both_have_on_the_same_frames_are_compared(
    lost: dict[str, str], summarised: Summarised
) -> None:
    first, *others = arms(0.1)
    assert iou(summarised([replace(first, **lost), *others])).comparison.n == 4


@pytest.mark.parametrize("split", ["scene_holdout", "given"])
def test_holdout_is_judged_over_scenes_and_called_low_power(split: str, summarised: Summarised) -> None:
    summary = summarised(arms(0.1, split=split))
    assert iou(summary).comparison.over == "scenes"
    assert "Low power" in first_page(summary)[1]


def test_random_frames_get_no_verdict(summarised: Summarised) -> None:
    summary = summarised(arms(0.1, split="random_frames"))
    assert claims(summary) == []
    assert "split at random, which leaks: no difference is judged" in first_page(summary)[1]
    assert "The highest mean test IoU" not in first_page(summary)[0]


def test_a_copy_that_scores_high_is_a_warning(summarised: Summarised) -> None:
    assert "Beware" not in first_page(summarised(arms(0.1)))[1]
    summary = summarised([replace(unit, leaky=True) for unit in arms(0.1)])
    assert "copying the mask of the nearest training frame scores an IoU of 0.940" in first_page(summary)[1]


def test_matchings_take_the_nearest_cost_and_leave_out_what_is_too_far(summarised: Summarised) -> None:
    widths = {"hourglass": (8, 9, 10, 16), "unet": (8,)}
    units = [
        Unit(architecture=name, width=width, repeat=repeat)
        for name in widths
        for width in widths[name]
        for repeat in range(3)
    ]
    made = {claim.matching: claim for claim in claims(summarised(units))}
    assert made["equal width"].b[schema.BASE_WIDTH] == 8
    assert made["equal parameters"].b[schema.BASE_WIDTH] == 8
    # The invented U-Net holds 1.3 times the memory of an Hourglass of its width: 10 / 8 is nearest.
    assert made["equal peak memory"].b[schema.BASE_WIDTH] == 10
    assert made["equal peak memory"].ratio == pytest.approx(10 / 8 / 1.3)
    assert made["each at its best"].b[schema.BASE_WIDTH] == 16
    far = [unit for unit in units if unit.width != 10 and unit.width != 9]
    assert "equal peak memory" not in {claim.matching for claim in claims(summarised(far))}


def test_one_family_for_all_distinct_pairs(summarised: Summarised) -> None:
    summary = summarised([replace(unit, iou=None) for unit in arms(0)])
    judged = judge_headline(summary)
    assert len(judged) > 2  # several matchings, one pair of configurations
    assert {one.p for one in judged} == set(holm([one.comparison.p for one in judged[:2]]))


def test_twins_are_compared_in_their_own_study(summarised: Summarised) -> None:
    units = [Unit(architecture=name, repeat=repeat) for name in ("unet", "unet_twin") for repeat in range(5)]
    summary = summarised(units, study="aa")
    assert headline(summary) == ("unet", "unet_twin")
    assert claims(summary)[0].a[ARCHITECTURE] == "unet"


def test_one_architecture_claims_nothing(summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=repeat) for repeat in range(3)])
    assert claims(summary) == []
    assert TABLES["verdicts"].make(summary) is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda table: table.drop(columns="hd95"), r"the columns .*, got none for hd95\."),
        (
            lambda table: table.assign(hd95=table["hd95"].where(table.index != 2)),
            r"a number for every frame, metric and baseline, got none in hd95\.",
        ),
    ],
)
def test_a_frame_table_without_a_number_is_named(
    damage: Callable[[pd.DataFrame], pd.DataFrame], message: str, summarised: Summarised
) -> None:
    summary = summarised(arms(0.1, repeats=1))
    file = Path(summary.runs["artifacts"].iloc[0]) / schema.FRAME_TABLE
    damage(pd.read_parquet(file)).to_parquet(file)
    with pytest.raises(ValueError, match=f"{file} must have {message}"):
        scene_means(summary.runs)


def test_an_architecture_that_is_ahead_by_a_repeat_does_not_win_by_it(summarised: Summarised) -> None:
    units = [Unit(architecture=name, repeat=0) for name in ("simple_conv", "hourglass", "unet")]
    ahead = Unit(architecture="simple_conv", repeat=1)
    (choice,) = choices(summarised([*units, ahead]))[-1:]
    assert choice.row[ARCHITECTURE] == "unet"
    said = first_page(summarised([*units, ahead]))[0]
    assert "the highest mean validation IoU of the configurations with at least 1 complete repeat:" in said


def test_lucky_survivors_are_not_chosen(summarised: Summarised) -> None:
    """A configuration of which other repeats diverged, beside one of its architecture with all of them."""
    lucky = [Unit(width=16, repeat=0, iou=0.95), Unit(width=16, repeat=1, state="diverged", reason="nan")]
    steady = [Unit(width=8, repeat=repeat, iou=0.6) for repeat in range(2)]
    assert choices(summarised([*lucky, *steady]))[-1].row[schema.BASE_WIDTH] == 8


def test_the_best_with_a_partner_is_compared_if_the_best_of_all_has_none(summarised: Summarised) -> None:
    units = arms(0.1, repeats=3)
    longer = [Unit(architecture="unet", width=16, repeat=repeat, iou=0.95, epochs=16) for repeat in range(3)]
    found = iou(summarised([*units, *longer]))
    assert (found.claim.a["training.epochs"], found.claim.b["training.epochs"]) == ("8", "8")


def test_random_frames_alone_choose_nothing_and_the_report_says_why(summarised: Summarised) -> None:
    summary = summarised([Unit(split="random_frames"), Unit(architecture="unet", split="random_frames")])
    assert first_page(summary)[0].startswith("No complete run was tested on whole scenes, so there is nothing")


def test_a_mean_and_its_interval_are_of_the_same_runs(summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=repeat, iou=value) for repeat, value in enumerate((0.5, 0.6, 0.9))])
    for folder in summary.runs["artifacts"].iloc[1:]:
        (Path(folder) / schema.FRAME_TABLE).unlink()
    (found,) = estimates(summarise(summary.study), schema.TEST_IOU).itertuples(index=False)
    assert found.low < found.mean < found.high
    assert found.mean == pytest.approx(0.5)


def test_a_pair_of_the_first_page_keeps_its_verdict_among_the_questions(summarised: Summarised) -> None:
    units = [replace(unit, preset=unit.architecture) for unit in arms(0.02, repeats=5)]
    others = [replace(unit, preset="", width=width, iou=None) for unit in units for width in (16, 32)]
    summary = summarised([*units, *others], study="practical")
    facts = Facts()
    assert len(prose.write("practical", summary, facts)) == 7
    pairs = {
        facts[f"practical.{key}.pair"]["value"]: facts[f"practical.{key}.judged.iou.p"]["value"]
        for key in ("headline.1", "headline.2", "unet")
        if f"practical.{key}.pair" in facts
    }
    headline_p = {pair(one.claim): one.p for one in judge_headline(summary) if one.metric == schema.TEST_IOU}
    assert {name: p for name, p in pairs.items() if name in headline_p} == pairs
    assert all(headline_p[name] == p for name, p in pairs.items())


def test_presets_that_all_diverged_are_counted(summarised: Summarised) -> None:
    units = [
        Unit(architecture="simple_conv", preset="simple_conv_shallow", repeat=repeat, state="diverged", reason="nan")
        for repeat in range(3)
    ]
    (first, *_) = written("practical", summarised(units, study="practical"))
    assert "SimpleConv, shallow: 0 of 3 attempts reached the target" in first
    assert "1 never got better than a constant prediction, 2 diverged." in first
    assert written("practical", summarised(units)) == []

"""Which configurations a report compares, and the words it finds for them."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from fake_problems import PROBLEMS
from fake_units import RESUNET, SEGRESNET, Unit, foreign
from helpers import Summarised, cells, table, written

from hourglass_bench.bench import schema
from hourglass_bench.reports import prose
from hourglass_bench.reports.analysis.choices import choices
from hourglass_bench.reports.analysis.claims import Judged, claims, headline, judge_headline, judge_metrics, pair, word
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.statistics import compare, holm
from hourglass_bench.reports.analysis.summary import Summary, summarise, title
from hourglass_bench.reports.prose.facts import Facts
from hourglass_bench.reports.store.load import ARCHITECTURE
from hourglass_bench.reports.tables import TABLES
from hourglass_bench.reports.tables.verdicts import DIFFERENCES


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


@pytest.mark.parametrize(("gap", "word"), [(0.1, "U-Net better"), (-0.1, "Hourglass better")])
@pytest.mark.parametrize(("val_iou", "verdict"), [(None, "better"), (0.8, "worse")])
def test_verdict_names_whom_it_favours(
    summarised: Summarised, gap: float, word: str, val_iou: float | None, verdict: str
) -> None:
    """The first of a pair is what validation puts first, even where the test scenes see it the other way round."""
    misled = [
        replace(unit, val_iou=val_iou if val_iou is None or (unit.architecture == "unet") == (gap < 0) else 0.7)
        for unit in arms(gap)
    ]
    summary = summarised(misled)
    assert iou(summary).verdict == verdict
    assert f"Verdict: {word}; the interval is adjusted for 2 claims" in " ".join(first_page(summary))
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
    assert iou(summary).verdict == "ahead"
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
    assert "Low power" in " ".join(first_page(summary))


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


def test_an_architecture_that_is_ahead_by_a_repeat_does_not_win_by_it(summarised: Summarised) -> None:
    units = [Unit(architecture=name, repeat=0) for name in ("simple_conv", "hourglass", "unet")]
    ahead = Unit(architecture="simple_conv", repeat=1)
    (choice,) = choices(summarised([*units, ahead]))[-1:]
    assert choice.row[ARCHITECTURE] == "unet"
    said = first_page(summarised([*units, ahead]))[0]
    assert said.startswith("Nothing can be recommended yet: U-Net (depth 2, width 8), which validation puts first")


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
    assert first_page(summary)[0] == "Nothing can be recommended yet: no complete run was tested on whole scenes."


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
    said = {
        facts[f"practical.{key}.pair"]["value"]: tuple(
            facts[f"practical.{key}.judged.iou.{what}"]["value"] for what in ("low", "high", "verdict")
        )
        for key in ("headline.1", "headline.2", "unet")
        if f"practical.{key}.pair" in facts
    }
    first_page = {
        pair(one.claim): (*one.interval, word(one)) for one in judge_headline(summary) if one.metric == schema.TEST_IOU
    }
    assert said
    assert {name: first_page[name] for name in said} == said


def test_presets_that_all_diverged_are_counted(summarised: Summarised) -> None:
    units = [
        Unit(architecture="simple_conv", preset="simple_conv_shallow", repeat=repeat, state="diverged", reason="nan")
        for repeat in range(3)
    ]
    (first, *_) = written("practical", summarised(units, study="practical"))
    assert "SimpleConv, shallow: 0 of 3 attempts reached the target" in first
    assert "1 never got better than a constant prediction, 2 diverged." in first
    assert written("practical", summarised(units)) == []


def compared(summary: Summary) -> list[tuple[str, str, str]]:
    """Matching and architectures with their widths of every claim."""
    names = [[f"{row[ARCHITECTURE]}/{row[schema.BASE_WIDTH]}" for row in (one.a, one.b)] for one in claims(summary)]
    return [(one.matching, *pair) for one, pair in zip(claims(summary), names, strict=True)]  # type: ignore[misc]


def test_the_winner_is_compared_with_every_other_architecture_whichever_it_is(summarised: Summarised) -> None:
    summary = summarised(PROBLEMS["third_wins"]())
    simple, hourglass, unet = "simple_conv/8", "hourglass/8", "unet/8"
    assert compared(summary) == [
        ("each at its best", simple, unet),  # the higher by validation comes first
        ("each at its best", simple, hourglass),
        ("at most 10 MB", unet, hourglass),
        ("at most 50 MB", simple, unet),
        ("each at its best", unet, hourglass),
        ("equal width", unet, hourglass),
        ("equal parameters", unet, hourglass),
        ("equal MACs", unet, hourglass),
    ]
    # Three pairs, in two metrics.
    assert {one.claims for one in judge_headline(summary)} == {6}
    assert pair(judge_metrics(summary)[0].claim).startswith("SimpleConv (depth 2, width 8) less U-Net")


def test_a_pair_that_is_judged_for_two_reasons_is_one_pair_with_the_best_first(summarised: Summarised) -> None:
    units = [replace(unit, width=10 if unit.architecture == "hourglass" else 8) for unit in arms(-0.1)]
    summary = summarised(units)
    made = claims(summary)
    assert {one.a[ARCHITECTURE] for one in made} == {"hourglass"}
    assert {one.claims for one in judge_headline(summary)} == {2}
    # The matching starts from the U-Net; turned round, its ratio is the cost of the U-Net over the Hourglass's.
    assert {one.matching: one.ratio for one in made}["equal peak memory"] == pytest.approx(1.3 * 8 / 10)


def test_a_pair_that_is_asked_for_joins_the_family(summarised: Summarised) -> None:
    units = [
        Unit(architecture=name, width=width, repeat=s, iou=(0.6 if width == 8 else 0.8) + 0.01 * s)
        for name in ("hourglass", "unet")
        for width in (8, 16)
        for s in range(5)
    ]
    study = summarised(units).study
    before = judge_headline(summarise(study))
    assert ("asked for", "hourglass/8", "unet/16") not in compared(summarise(study))
    summary = summarise(study, ("hourglass/2/8:unet/2/16", "unet/2/8:unet/2/16"))
    assert compared(summary)[-2:] == [("asked for", "hourglass/8", "unet/16"), ("asked for", "unet/8", "unet/16")]
    after = judge_headline(summary)
    assert {one.claims for one in after} == {before[0].claims + 4}
    assert [word(one) for one in after[-4:]] == ["U-Net better"] * 2 + ["depth 2, width 16 better"] * 2


def test_a_pair_that_is_asked_for_the_other_way_round_adds_no_claim(summarised: Summarised) -> None:
    study = summarised(arms(0.1)).study
    before = compared(summarise(study))
    asked = summarise(study, ("hourglass/2/8:unet",))
    assert compared(asked) == [*before, ("asked for", "unet/8", "hourglass/8")]
    assert {one.claims for one in judge_headline(asked)} == {one.claims for one in judge_headline(summarise(study))}


def test_what_no_difference_can_be_is_neither_printed_nor_detectable(summarised: Summarised) -> None:
    """Of two folds that disagree the interval at the level of several claims goes far beyond -1 and 1."""
    units = [replace(unit, iou=0.5 + 0.2 * unit.repeat * (unit.architecture == "unet")) for unit in arms(0, repeats=2)]
    one = iou(summarised(units))
    assert one.comparison.interval.low < -1
    assert one.interval == (-1, 1)
    assert one.detectable == math.inf


def test_two_that_have_learnt_nothing_are_not_equivalent(summarised: Summarised) -> None:
    judged = judge_headline(summarised(PROBLEMS["nothing_learnt"]()))
    inside = [one for one in judged if one.interval.low >= -0.01 and one.interval.high <= 0.01]
    assert inside
    assert {(one.verdict, word(one)) for one in inside} == {("unlearnt", "none: learning not shown")}
    learnt = judge_headline(summarised(PROBLEMS["equivalent"]()))
    assert {one.verdict for one in learnt} == {"equivalent"}


def test_the_winner_is_compared_with_networks_from_elsewhere_and_with_their_equals(comparing: Summary) -> None:
    made = [(one.matching, pair(one).partition(" less ")[2]) for one in claims(comparing)]
    (segresnet, resunet) = (title(row) for _, row in comparing.configurations.iloc[[4, 6]].iterrows())
    assert claims(comparing)[0].a[ARCHITECTURE] == "unet"
    assert {("each at its best", segresnet), ("each at its best", resunet)} <= set(made)
    # Each costs what one of ours of its depth and width does, less what the invented U-Net has of memory.
    assert made[-2:] == [("equal parameters", segresnet), ("equal peak memory", resunet)]
    assert not [one for one in made if one[0] in ("equal width", "equal MACs") and "Hourglass" not in one[1]]
    assert headline(comparing) == ("unet", "hourglass")
    assert {one.claims for one in judge_headline(comparing)} == {2 * len({*map(pair, claims(comparing))})}


def test_a_network_from_elsewhere_may_win_within_a_budget(summarised: Summarised) -> None:
    best = [replace(unit, iou=0.9) if unit.options == {} else unit for unit in foreign(repeats=3, epochs=3)]
    summary = summarised(best)
    made = claims(summary)
    assert (made[0].matching, made[0].a[ARCHITECTURE]) == ("each at its best", SEGRESNET)
    assert {one.b[ARCHITECTURE] for one in made[:3]} == {"unet", "hourglass", RESUNET}
    assert any(one.matching.startswith("at most") and one.a[ARCHITECTURE] == SEGRESNET for one in made)
    assert "SegResNet" in first_page(summary)[0]


def test_two_networks_from_elsewhere_are_compared_without_ours(summarised: Summarised) -> None:
    summary = summarised([unit for unit in foreign(repeats=3, epochs=3) if unit.options is not None])
    assert headline(summary) == (SEGRESNET, RESUNET)
    assert {one.matching for one in claims(summary)} >= {"each at its best"}
    assert "equal width" not in {one.matching for one in claims(summary)}

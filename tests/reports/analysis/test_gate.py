"""Whether a configuration is shown to beat the best rule without a network on the same scenes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_problems import PROBLEMS, three, trained
from fake_units import Unit
from helpers import Summarised, t_interval

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.gate import RULES, beside_rule, gates, passes
from hourglass_bench.reports.analysis.shortfall import find_truth
from hourglass_bench.reports.analysis.statistics import Comparison, Interval
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, summarise


def compare_with_rule(summary: Summary, row: pd.Series) -> Comparison | None:
    found = beside_rule(summary, row)
    return None if found is None else found.comparison


def beside(summary: Summary, number: int, rule: str) -> list[float]:
    """Network less rule by fold, from the frame tables alone."""
    runs = summary.runs[summary.runs[CONFIGURATION] == number]
    tables = [
        pd.read_parquet(Path(folder) / schema.FRAME_TABLE).assign(fold=fold)
        for folder, fold in zip(runs["artifacts"], runs["fold"], strict=True)
    ]
    frames = pd.concat(tables)
    scenes = (frames["iou"] - frames[f"{rule}_iou"]).groupby([frames["fold"], frames["scene"]]).mean()
    return [float(value) for value in scenes.groupby("fold").mean()]


def test_the_gate_is_the_paired_interval_beside_the_best_rule(summarised: Summarised) -> None:
    summary = summarised(three(0.50, 0.58, 0.70))
    for number, rule, passed in gates(summary).itertuples():
        assert rule == "copy"  # 0.52 on average, the mean mask 0.42
        low = t_interval(beside(summary, number, "copy"))[1]
        assert passed == passes(summary, number) == (low > 0)
    assert gates(summary)["passes"].tolist() == [False, True, True]


def test_the_interval_that_is_told_is_the_one_of_the_gate(summarised: Summarised) -> None:
    summary = summarised(three(0.50, 0.58, 0.70))
    for _, row in summary.configurations.iterrows():
        found = compare_with_rule(summary, row)
        assert found is not None
        mean, *bounds = t_interval(beside(summary, row[CONFIGURATION], "copy"))
        assert (found.difference, *found.interval) == pytest.approx((mean, *bounds))
        assert (found.interval.low > 0) == passes(summary, row[CONFIGURATION])


def test_the_best_rule_is_that_of_the_own_folds(summarised: Summarised) -> None:
    """Of the folds of the Hourglass the mean mask is best, of all folds the copy."""
    rules = [{"copy": 0.2, "mean_mask": 0.5}] * 3 + [{"copy": 0.9, "mean_mask": 0.5}] * 2
    units = [Unit(architecture="unet", repeat=s, iou=0.8, baselines_at=rules[s]) for s in range(5)]
    units += [Unit(repeat=s, iou=0.8, baselines_at=rules[s]) for s in range(3)]
    summary = summarised(units)
    names = summary.configurations.set_index(CONFIGURATION)["architecture.name"]
    assert dict(zip(names[gates(summary).index], gates(summary)["rule"], strict=True)) == {
        "hourglass": "mean_mask",
        "unet": "mean_mask" if np.mean([0.2] * 3 + [0.9] * 2) < 0.5 else "copy",
    }


@pytest.mark.parametrize(("repeats", "passed"), [(1, False), (2, False), (3, True)])
def test_few_repeats_do_not_pass(summarised: Summarised, repeats: int, passed: bool) -> None:
    summary = summarised(trained("unet", 0.9, luck=0, repeats=repeats))
    found = compare_with_rule(summary, summary.configurations.iloc[0])
    assert found is not None
    assert found.difference > 0.3
    assert passes(summary, 0) == passed


def test_on_a_hold_out_scenes_are_the_units(summarised: Summarised) -> None:
    summary = summarised(PROBLEMS["holdout"]())
    found = compare_with_rule(summary, summary.configurations.iloc[-1])
    assert found is not None
    assert (found.over, found.n, found.repeats) == ("scenes", 4, 5)
    assert passes(summary, int(summary.configurations[CONFIGURATION].iloc[-1]))


def test_without_frame_tables_nothing_is_shown(summarised: Summarised) -> None:
    summary = summarised(trained("unet", 0.9))
    for folder in summary.runs["artifacts"]:
        (Path(folder) / schema.FRAME_TABLE).unlink()
    again = summarise(summary.study)
    assert gates(again).empty
    assert not passes(again, 0)
    assert compare_with_rule(again, again.configurations.iloc[0]) is None


def test_older_frame_tables_are_judged_by_the_logged_means(summarised: Summarised) -> None:
    """Scenes of the rule do not differ then, their mean does not change."""
    summary = summarised(three(0.50, 0.58, 0.70))
    before = [compare_with_rule(summary, row) for _, row in summary.configurations.iterrows()]
    for folder in summary.runs["artifacts"]:
        path = Path(folder) / schema.FRAME_TABLE
        frames = pd.read_parquet(path)
        frames.drop(columns=[schema.baseline_column(name) for name in schema.BASELINES]).to_parquet(path)
    again = summarise(summary.study)
    for (_, row), found in zip(again.configurations.iterrows(), before, strict=True):
        now = compare_with_rule(again, row)
        assert now is not None
        assert found is not None
        assert tuple(now.interval) == pytest.approx(tuple(found.interval))
    assert gates(again).equals(gates(summary))


def test_a_network_that_equals_the_rule_does_not_beat_it(summarised: Summarised) -> None:
    summary = summarised(PROBLEMS["all_empty"]())
    found = compare_with_rule(summary, summary.configurations.iloc[0])
    assert found is not None
    assert found.interval == Interval(0, 0)
    assert not gates(summary)["passes"].any()


def test_a_rule_that_some_run_did_not_log_is_left_out(summarised: Summarised) -> None:
    """Without it the best is the mean mask; without any rule nothing is known, not even where foreground is."""
    summary = summarised(three(0.50, 0.58, 0.70))
    row = summary.configurations.iloc[-1]
    lacking = summary.scenes["repeat"] == 0
    scenes = summary.scenes.assign(copy_iou=summary.scenes["copy_iou"].mask(lacking))
    found = gates(replace(summary, scenes=scenes))
    assert found["rule"].tolist() == ["mean_mask"] * 3
    assert found["passes"].tolist() == [True] * 3
    none = replace(summary, scenes=summary.scenes.assign(**dict.fromkeys(RULES, float("nan"))))
    assert gates(none).empty
    truth = find_truth(none, row)
    assert truth.with_foreground == truth.folds

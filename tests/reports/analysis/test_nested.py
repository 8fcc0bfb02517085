"""The score of what was chosen, on test scenes that had no part in the choice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_problems import PROBLEMS
from fake_units import Unit
from helpers import Summarised, t_interval

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig
from hourglass_bench.reports.analysis.choices import candidates
from hourglass_bench.reports.analysis.nested import nested, val_fold
from hourglass_bench.reports.analysis.summary import CONFIGURATION, summarise


@pytest.mark.parametrize("folds", [3, 4, 5, 10])
def test_val_fold_is_that_of_the_bench(folds: int) -> None:
    config = DataConfig(folds=folds)
    repeats = pd.Series(range(4 * folds))
    assert val_fold(repeats, folds).tolist() == [config.val_fold(repeat) for repeat in repeats]


def test_a_choice_that_changes_is_scored_where_it_had_no_part(summarised: Summarised) -> None:
    """Two U-Nets; validation of repeat r is of fold r + 1, and is left out where that fold is tested."""
    narrow, wide = (0.70, 0.90, 0.90, 0.50, 0.50), (0.75, 0.62, 0.60, 0.80, 0.80)
    summary = summarised([unit for unit in PROBLEMS["choice_changes"]() if unit.architecture == "unet"])
    table = candidates(summary)
    row = table[table[schema.BASE_WIDTH] == 16].iloc[0]
    found = nested(summary, row, table)
    assert found is not None
    scores, changed = [], 0
    for fold in range(5):
        of_narrow, of_wide = (np.mean([ious[one] for one in range(5) if one != fold]) for ious in (narrow, wide))
        changed += of_narrow > of_wide
        scores.append((narrow if of_narrow > of_wide else wide)[fold])
    mean, low, high = t_interval(scores)
    assert (found.iou, found.low, found.high) == pytest.approx((mean, low, min(1.0, high)), abs=1e-9)
    assert (found.folds, found.changed) == (5, changed)
    assert 0 < changed < 5
    # What all of validation chooses looks better on the scenes that chose it.
    assert found.iou < np.mean(wide) - 0.05


def test_without_a_rival_the_score_is_the_own(summarised: Summarised) -> None:
    ious = (0.7, 0.8, 0.75, 0.6, 0.72)
    summary = summarised([Unit(repeat=repeat, iou=iou) for repeat, iou in enumerate(ious)])
    table = candidates(summary)
    found = nested(summary, table.iloc[0], table)
    assert found is not None
    assert tuple(found) == pytest.approx((*t_interval(ious), 5, 0))


def test_a_fold_is_left_to_those_that_were_tested_on_it(summarised: Summarised) -> None:
    """The other is better in validation, and has no test score on folds 3 and 4."""
    units = [Unit(repeat=repeat, iou=0.6) for repeat in range(5)]
    units += [Unit(width=16, repeat=repeat, iou=0.9) for repeat in range(3)]
    summary = summarised(units)
    table = summary.configurations
    found = nested(summary, table.iloc[0], table)
    assert found is not None
    assert (found.iou, found.changed) == (pytest.approx((3 * 0.9 + 2 * 0.6) / 5), 3)


@pytest.mark.parametrize("split", ["scene_holdout", "given"])
def test_a_hold_out_has_no_part_in_the_choice(summarised: Summarised, split: str) -> None:
    units = [
        Unit(width=width, repeat=repeat, iou=iou, val_iou=0.7 + repeat * sign, split=split)
        for width, iou, sign in ((8, 0.6, 0.01), (16, 0.8, -0.01))
        for repeat in range(3)
    ]
    summary = summarised(units)
    table = candidates(summary)
    found = nested(summary, table.iloc[0], table)
    assert found is not None
    assert (found.iou, found.folds, found.changed) == (pytest.approx(0.6), 1, 0)


def test_a_single_repeat_chooses_for_the_fold_that_it_tests(summarised: Summarised) -> None:
    """It tests fold 1 and validates on fold 2."""
    units = [Unit(width=width, repeat=1, iou=iou) for width, iou in ((8, 0.6), (16, 0.8))]
    summary = summarised(units)
    row = summary.configurations.iloc[1]
    found = nested(summary, row, summary.configurations)
    assert found is not None
    assert (found.iou, found.changed) == (pytest.approx(0.8), 0)


def test_without_frame_tables_there_is_no_score(summarised: Summarised) -> None:
    summary = summarised([Unit(repeat=repeat) for repeat in range(3)])
    for folder in summary.runs["artifacts"]:
        (Path(folder) / schema.FRAME_TABLE).unlink()
    again = summarise(summary.study)
    assert nested(again, again.configurations.iloc[0], again.configurations) is None
    assert again.configurations[CONFIGURATION].tolist() == [0]

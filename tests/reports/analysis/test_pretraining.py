"""Pre-training: which configurations are compared, as which family of claims, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_units import Unit
from helpers import Summarised, cells, t_interval, table, written
from scipy import stats

from hourglass_bench.bench import schema
from hourglass_bench.reports import data
from hourglass_bench.reports.analysis.claims import Judged, judge_headline
from hourglass_bench.reports.analysis.pretraining import claims, judge_pretraining
from hourglass_bench.reports.analysis.statistics import holm
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.store.load import LABELLED_SCENES, PRETRAIN_EPOCHS
from hourglass_bench.reports.tables import TABLES
from hourglass_bench.reports.tables.verdicts import DIFFERENCES
from hourglass_bench.reports.text import bounds, signed

GAINS = {
    "hourglass": (0.05, 0.06, 0.055, 0.052, 0.058),
    "unet": (-0.07, -0.061, -0.065, -0.068, -0.061),
}
"""By which the pre-trained configuration is above the one from scratch, per repeat, which tests its own fold."""


def pair(name: str, gains: tuple[float, ...], **options: object) -> list[Unit]:
    """A network from scratch and pre-trained, with a run for each gain."""
    own = Unit(architecture=name, labelled_scenes=6, epochs=4, size=16, panel=False)
    own = replace(own, **options)  # type: ignore[arg-type]
    return [
        replace(own, repeat=repeat, pretrain_epochs=epochs, iou=0.5 + 0.03 * repeat + gain * bool(epochs))
        for repeat, gain in enumerate(gains)
        for epochs in (0, 2)
    ]


@pytest.fixture(scope="module")
def two(summarised: Summarised) -> Summary:
    """Two networks in both ways, beside a comparison of the same."""
    compared = [
        Unit(architecture=name, repeat=repeat, epochs=2, size=16, panel=False) for name in GAINS for repeat in range(3)
    ]
    return summarised([*compared, *(unit for name, gains in GAINS.items() for unit in pair(name, gains))])


def judged(summary: Summary) -> dict[tuple[str, str], Judged]:
    """By architecture and metric."""
    every = [one for pair in judge_pretraining(summary) for one in pair]
    return {(one.claim.a["architecture.name"], one.metric.column): one for one in every}


def test_the_same_network_is_compared_and_nothing_else(summarised: Summarised) -> None:
    units = [
        *pair("unet", (0.1,)),
        *pair("unet", (0.1,), labelled_scenes=3),
        *pair("unet", (0.1,), depth=3)[1:],  # pre-trained only
        *pair("hourglass", (0.1,))[:1],  # from scratch only
        *pair("hourglass", (0.1,), params={"architecture.norm": "batch"})[1:],
        *[replace(unit, pretrain_epochs=3, iou=0.6) for unit in pair("unet", (0.1,))[1:]],
    ]
    stage = summarised(units).others["pretraining"]
    made = claims(stage)
    names = ["architecture.name", schema.DEPTH, LABELLED_SCENES]
    assert all((claim.a[names] == claim.b[names]).all() for claim in made)
    expected = [(3, 2), (6, 2), (6, 3)]
    assert [(claim.a[LABELLED_SCENES], claim.a[PRETRAIN_EPOCHS]) for claim in made] == expected
    assert [claim.b[PRETRAIN_EPOCHS] for claim in made] == [0, 0, 0]
    assert [claim.matching for claim in made] == [
        f"pre-trained for {epochs} of 4 epochs, {scenes} labelled scenes" for scenes, epochs in expected
    ]


def test_differences_are_those_of_pre_trained_less_scratch(two: Summary) -> None:
    found = judged(two)
    assert list(found) == [(name, column) for name in GAINS for column in ("iou", "boundary_iou")]
    for (name, _), one in found.items():
        mean, *interval = t_interval(GAINS[name])
        assert one.comparison.difference == pytest.approx(mean)
        assert one.comparison.interval == pytest.approx(interval, abs=1e-9)
        assert one.comparison.p == pytest.approx(stats.ttest_1samp(GAINS[name], 0).pvalue)
    assert [one.verdict for (_, column), one in found.items() if column == "iou"] == ["better", "worse"]


def test_its_claims_are_a_family_of_their_own(two: Summary) -> None:
    found = list(judged(two).values())
    assert [one.claims for one in found] == [4] * 4
    assert [one.p for one in found] == pytest.approx(holm([one.comparison.p for one in found]))
    alone = replace(two, others={})
    assert [one.p for one in judge_headline(two)] == [one.p for one in judge_headline(alone)]
    assert judge_pretraining(alone) == []


def test_the_table_names_what_the_verdict_favours(two: Summary) -> None:
    made = table("pretraining", two)
    hourglass, unet = (cells(made, row) for row in range(2))
    assert hourglass["network"].split("\n") == [
        "Hourglass",
        "depth\u00a02, width\u00a08",
        "2\u00a0of\u00a04\u00a0epochs",
        "6\u00a0labelled\u00a0scenes",
    ]
    assert (hourglass["pre-trained"], hourglass["from scratch"]) == ("0.615", "0.560")
    shown = [row[DIFFERENCES[0]].split("\n") for row in (hourglass, unet)]
    assert [cell[2] for cell in shown] == ["pre-trained better", "from scratch better"]
    (one,) = [one for one in judged(two).values() if one.metric == schema.TEST_IOU and one.verdict == "worse"]
    assert shown[1][:2] == ["−0.065", bounds(*one.interval)]
    assert "as many optimiser steps" in made.caption
    assert "all training scenes" in made.note
    assert "adjusted for the 4 claims made together" in made.note


def test_sentences_have_the_interval_and_the_verdict(two: Summary) -> None:
    (paragraph,) = written("generative", two)
    # The U-Net is surer in both metrics: two of four claims are left where the Hourglass' IoU is decided.
    mean, error = np.mean(GAINS["hourglass"]), stats.sem(GAINS["hourglass"])
    low, high = mean + np.array([-1, 1]) * stats.t.isf(0.025 / 2, 4) * error
    assert paragraph.startswith(
        "Pre-trained for 2 of 4 epochs, 6 labelled scenes, less from scratch in as many optimiser steps: Hourglass "
        f"(depth 2, width 8), IoU {signed(mean)}\u00a0[{signed(low)},\u00a0{signed(high)}] over 5 folds and 5 "
        "repeats. Verdict: pre-trained better;"
    )
    assert "U-Net (depth 2, width 8), IoU −0.065" in paragraph
    assert "Verdict: from scratch better. The" in paragraph


def test_three_repeats_are_a_first_look(summarised: Summarised) -> None:
    summary = summarised([unit for name, gains in GAINS.items() for unit in pair(name, gains[:3])])
    assert [one.verdict for (_, column), one in judged(summary).items() if column == "iou"] == ["ahead", "behind"]
    words = [cells(table("pretraining", summary), row)[DIFFERENCES[0]].split("\n")[2] for row in range(2)]
    assert words == ["pre-trained ahead", "from scratch ahead"]


def test_two_repeats_are_refused(summarised: Summarised) -> None:
    summary = summarised(pair("unet", (0.05, 0.06)))
    assert cells(table("pretraining", summary), 0)[DIFFERENCES[0]].split("\n")[2] == "none: 2 of 3 repeats"
    assert "Verdict: none: 2 of 3 repeats. The table" in written("generative", summary)[0]


@pytest.mark.parametrize("lost", ["all", "other_repeats"])
def test_nothing_is_judged_without_a_pair(lost: str, summarised: Summarised) -> None:
    scratch, pretrained = pair("unet", (0.05,))
    rest = [replace(pretrained, repeat=1)] if lost == "other_repeats" else []
    summary = summarised([scratch, *rest])
    assert TABLES["pretraining"].make(summary) is None
    assert written("generative", summary) == [
        "No pre-trained configuration has a complete run of a repeat that the same from scratch has too, so no "
        "difference is judged."
    ]


def test_the_csv_files_have_every_stage(two: Summary, tmp_path: Path) -> None:
    data.write(two, tmp_path / "data")
    tables = {path.stem: pd.read_csv(path) for path in (tmp_path / "data").iterdir()}
    own = tables["claims"][tables["claims"]["matching"].str.startswith("pre-trained")]
    assert own["verdict"].tolist() == ["better", "better", "worse", "worse"]
    assert own["claims"].tolist() == [4] * 4
    configurations = tables["configurations"].set_index(CONFIGURATION)
    assert configurations.index.is_unique
    assert configurations["stage"].value_counts().to_dict() == {"pretraining": 4, "comparison": 2}
    assert (configurations.loc[own["a"], PRETRAIN_EPOCHS] == 2).all()
    assert (configurations.loc[own["b"], PRETRAIN_EPOCHS] == 0).all()
    assert set(own["a"]) | set(own["b"]) <= set(tables["scenes"][CONFIGURATION])
    assert len(tables["scenes"]) == 4 * len(tables["runs"])


def test_the_csv_files_of_one_stage_have_no_other(small: Summary) -> None:
    tables = data.tables(small)
    assert set(tables["configurations"]["stage"]) == set(tables["scenes"]["stage"]) == {"comparison"}

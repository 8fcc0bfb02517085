from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from fake_units import RESUNET, SEGRESNET, Unit
from helpers import Summarised, cells, table, written

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.agreement import bottleneck_agreement, peak_agreement
from hourglass_bench.reports.analysis.summary import (
    CONFIGURATION,
    LABEL,
    N,
    Summary,
    keys,
    statistic,
    summarise,
    title,
    varying,
)
from hourglass_bench.reports.store.load import ABSENT, ARCHITECTURE, CHANNELS, LATENT, NORM
from hourglass_bench.reports.tables import TABLES
from hourglass_bench.reports.tables.measured import MEASURED

SIZE = "depth\u00a02, width\u00a08"


@pytest.fixture(scope="module")
def three(summarised: Summarised) -> Summary:
    """Two configurations of the Hourglass; the one that tests lower validates lower, too, apart from its repeats."""
    units = [Unit(repeat=repeat, iou=iou) for repeat, iou in enumerate((0.5, 0.6, 0.7))]
    units += [Unit(depth=3, repeat=0, iou=0.65), Unit(depth=3, repeat=1, state="diverged", reason="nan")]
    return summarised(units, planned=6)


def test_statistics_over_repeats(three: Summary) -> None:
    row = three.configurations.iloc[0]
    values = [row[statistic(schema.TEST_IOU, name)] for name in ("mean", "std", "min", "max")]
    assert values == pytest.approx([0.6, 0.1, 0.5, 0.7])
    assert row[N] == 3


def test_only_complete_runs_enter_the_means(three: Summary) -> None:
    row = three.configurations.iloc[1]
    assert (row[N], row["complete"], row["diverged"]) == (1, 1, 1)
    assert row[statistic(schema.TEST_IOU, "mean")] == pytest.approx(0.65)
    assert pd.isna(row[statistic(schema.TEST_IOU, "std")])


def test_best_is_chosen_on_validation_not_on_test(summarised: Summarised) -> None:
    before = summarised([Unit(iou=0.6), Unit(depth=3, iou=0.65)])
    assert before.best[schema.DEPTH].tolist() == [3]
    runs = before.study.trials.copy()
    runs.loc[runs[schema.DEPTH] == 2, schema.BEST_VAL_IOU.name] = 0.9
    assert summarise(replace(before.study, trials=runs)).best[schema.DEPTH].tolist() == [2]


def test_configurations_ignore_where_the_data_lay(three: Summary) -> None:
    """A study goes on under another path if the data are the same."""
    runs = three.study.trials.copy()
    runs.loc[runs["repeat"] == 1, "data.path"] = "elsewhere"
    moved = summarise(replace(three.study, trials=runs))
    assert moved.configurations[N].tolist() == three.configurations[N].tolist() == [3, 1]


def test_configurations_ignore_repeat_and_data_digest(troubled: Summary) -> None:
    names = ("channels", "decoder_channels", "name", "skips")
    assert varying(troubled.runs) == [f"architecture.{name}" for name in names]


def test_labels_tell_apart_what_depth_and_width_do_not(summarised: Summarised) -> None:
    units = [Unit(), Unit(params={"architecture.norm": "batch"}), Unit(depth=3)]
    runs = summarised(units).runs
    assert runs.sort_values(CONFIGURATION)[LABEL].tolist() == [
        "depth 2, width 8, norm batch",
        "depth 2, width 8, norm none",
        "depth 3, width 8",
    ]


def test_networks_without_depth_and_width_are_told_apart_by_their_own_options(comparing: Summary) -> None:
    table = comparing.configurations
    assert table[table[schema.DEPTH].isna()][[ARCHITECTURE, LABEL, N]].to_numpy().tolist() == [
        [SEGRESNET, "", 5],
        [RESUNET, "width 8", 5],
        [RESUNET, "width 24", 5],  # by number, not by letter
    ]
    assert keys(comparing).tolist() == ["2/8", "3/8", "2/8", "3/8", "", "width=8", "width=24"]
    assert [title(row) for _, row in table.iloc[3:6].iterrows()] == [
        "U-Net (depth 3, width 8)",
        style.look(SEGRESNET).label,
        f"{style.look(RESUNET).label} (width 8)",
    ]


def rows(table: pd.DataFrame) -> list[pd.Series]:
    return [row for _, row in table.iterrows()]


def test_all_options_that_vary_stand_in_a_label_and_what_else_differs_behind_them(summarised: Summarised) -> None:
    options = [{"drop_path": drop, "width": width, "act": "relu"} for drop in ("0.0", "0.1") for width in ("8", "16")]
    units = [Unit(architecture=RESUNET, options=one) for one in options]
    slow = replace(units[0], params={"training.lr": "0.001"})
    summary = summarised([*units, slow])
    assert summary.configurations[LABEL].tolist() == [
        "drop path 0.0, width 8, lr 0.001",
        "drop path 0.0, width 8, lr 0.003",
        "drop path 0.0, width 16",
        "drop path 0.1, width 8",
        "drop path 0.1, width 16",
    ]
    assert keys(summary).iloc[-1] == "drop_path=0.1,width=16"


def test_options_that_are_called_as_ours_are_the_networks_own(summarised: Summarised) -> None:
    theirs = [
        Unit(architecture=RESUNET, options={"channels": "[8, 16]", "norm": norm, "latent": "auto", "image_size": size})
        for norm in ("instance", "[1]")
        for size in ("64", "96")
    ]
    table = summarised([*theirs, Unit()]).configurations
    assert table[[CHANNELS, NORM, LATENT]].iloc[-1].tolist() == [ABSENT, ABSENT, 0]
    assert table[LABEL].tolist()[1:3] == ["image size 64, norm [1]", "image size 64, norm instance"]


def test_architectures_come_in_their_order(small: Summary) -> None:
    assert small.best[ARCHITECTURE].tolist() == ["simple_conv", "hourglass", "unet"]


def test_answer_names_numbers_and_claims_nothing(three: Summary) -> None:
    lead, judged, progress = written("answer", three)
    assert progress.startswith("Runs with an outcome: 4 complete, 1 diverged.")
    assert lead.endswith("So far 5 of 6 planned runs have an outcome.")
    # Not the one with the highest test IoU, which has fewer repeats.
    assert lead.startswith("Nothing can be recommended yet: Hourglass (depth 2, width 8), which validation puts first,")
    assert "test IoU 0.600 against 0.510" in lead
    assert not {"better", "significant", "outperforms"} & set(lead.split())
    assert judged == "Only one architecture has complete runs, so there is no other to judge it against."


def test_bottleneck_agreement_counts_runs(summarised: Summarised) -> None:
    units = [Unit(), Unit(repeat=1), Unit(repeat=2, bottleneck="16x15x16"), Unit(repeat=3, state="failed")]
    summary = summarised([replace(unit, predicted_peak=0) for unit in units])
    assert written("depth", summary) == ["The predicted bottleneck equals the measured one in 2 of 3 runs."]
    assert table("configurations", summary).rows[0][3:5] == ["16x16x16", "16x16x16 / 16x15x16"]
    assert TABLES["bottlenecks"].make(summary) is None
    practical = summarised([Unit()], study="practical")
    assert table("bottlenecks", practical).rows == [["Hourglass", SIZE, "16x16x16", "16x16x16"]]


def test_comparison_row(three: Summary) -> None:
    row, *baselines = table("comparison", three).rows
    assert row[:2] == [f"Hourglass\n{SIZE}", "3"]
    assert [cell[:5] for cell in row[2:5]] == ["0.610", "0.600", "0.400"]
    assert MEASURED["repeats"](three.configurations.iloc[1]) == "1 of 2"  # one diverged
    assert [row[0] for row in baselines] == list(schema.BASELINES.values())
    assert baselines[-1][1:5] == ["3", "–", "0.510\n±\u00a00.010", "0.510\n±\u00a00.010"]


def test_costs_row(three: Summary) -> None:
    rows = table("costs", three).rows
    assert [row[:2] for row in rows] == [["Hourglass", SIZE], ["Hourglass", SIZE.replace("2", "3")]]
    costs = cells(table("costs", three), 0)
    values = Unit().values()
    expected = {
        "parameters": text.prefixed(values["model/params"]),
        "saved (MB)": text.megabytes(values["memory/saved_activation_bytes"]),
        "peak memory (MB)": text.megabytes(values["memory/tensor_peak_bytes"]),
        "allocator peak (MB)": text.megabytes(values["memory/allocator_peak_bytes"]),
        "process peak (MB)": text.megabytes(values["memory/rss_peak_bytes"]),
        "step (ms)": text.significant(1000 * values["time/step_seconds"]),
        "training (s)": text.significant(values["time/train_seconds"]),
        "whole run (s)": text.significant(values["time/seconds"]),
    }
    assert {name: costs[name] for name in expected} == expected


def test_splits_stand_side_by_side_and_only_where_frames_were_split_at_random(summarised: Summarised) -> None:
    units = [
        Unit(architecture=name, split=split, repeat=repeat, iou=iou)
        for name in ("hourglass", "unet")
        for split, iou in (("scene_folds", 0.6), ("random_frames", 0.9))
        for repeat in range(2)
    ]
    summary = summarised(units, study="leak")
    shown = table("splits", summary)
    assert shown.headings == ["prediction", "scene folds", "random frames"]
    assert shown.rows[0][0] == "copy of the nearest frame"
    assert [cell[:5] for cell in shown.rows[0][1:]] == ["0.505", "0.925"]
    assert [cell[:5] for row in shown.rows[1:] for cell in row[1:]] == ["0.600", "0.900"] * 2
    assert set(summary.best["data.split"]) == {"scene_folds"}
    assert TABLES["splits"].make(summarised([Unit()])) is None


def test_outcomes_by_state(troubled: Summary) -> None:
    assert table("outcomes", troubled).rows == [
        ["SimpleConv", "0", "0", "0", "1", "0", "0", "1"],
        ["U-Net", "1", "1", "0", "0", "1", "1", "4"],
        ["not logged", "0", "0", "1", "0", "0", "0", "1"],
    ]


def test_reasons(troubled: Summary) -> None:
    rows = table("reasons", troubled).rows
    assert ["U-Net", "out of memory", "1 run", "14.2 GB asked", "depth 2, width 64, repeat 0"] in rows
    assert rows[-1][:4] == ["not logged", "infeasible", "1 run", "bottleneck would vanish"]


def test_unfinished_says_whether_the_unit_was_repeated(troubled: Summary) -> None:
    assert [row[1:4] + row[5:] for row in table("unfinished", troubled).rows] == [
        ["U-Net", "0", "killed", "yes"],
        ["U-Net", "2", "running", "no"],
    ]


def test_practical_lists_all_presets(summarised: Summarised) -> None:
    units = [Unit(depth=3, width=16, preset="hourglass", iou=0.7)]
    summary = summarised(units, study="practical")
    for others in (Unit(), Unit(preset="unet_original")):  # which is none of the practical's
        assert TABLES["presets"].make(summarised([others])) is None
    rows = table("presets", summary).rows
    assert [row[0] for row in rows] == [
        "SimpleConv, shallow\nnot run yet",
        "SimpleConv, deep\nnot run yet",
        "Hourglass\n16, 32, 64",
        "U-Net\nnot run yet",
    ]
    assert rows[2][3] == "0.700"


def test_search_trials_make_no_configuration(searching: Summary) -> None:
    summary = searching
    assert summary.configurations[LABEL].tolist() == ["depth 4, width 24", "depth 3, width 16"]
    assert summary.best[N].tolist() == [2, 2]
    assert (len(summary.runs), len(summary.search), len(summary.logged)) == (4, 24, 28)
    assert summary.search[LABEL].iloc[0] == "hourglass-000, depth 5, width 16"
    assert bottleneck_agreement(summary)[1] == summary.study.states["complete"]


def test_an_architecture_that_is_planned_but_has_no_run_is_compared(summarised: Summarised) -> None:
    tags = {schema.STUDY_PLANNED_UNITS: '{"comparison": {"hourglass": 1, "unet": 1}}'}
    rows = table("comparison", summarised([Unit()], tags=tags)).rows
    assert [row[0] for row in rows[:2]] == [f"Hourglass\n{SIZE}", "U-Net\nno complete run"]


def test_predicted_peak_beside_the_bottleneck(summarised: Summarised) -> None:
    units = [Unit(repeat=0), Unit(repeat=1, predicted_peak=0.98), Unit(repeat=2, predicted_peak=1.01)]
    summary = summarised([*units, Unit(repeat=3, predicted_peak=0), Unit(repeat=4, state="infeasible")])
    assert peak_agreement(summary) == (1, 3, pytest.approx(0.02))
    (exact,) = written("depth", summarised([Unit()]))
    assert exact.endswith("The predicted tensor peak equals the measured one in 1 of 1 run.")
    (paragraph,) = written("depth", summary)
    assert paragraph.startswith("The predicted bottleneck equals the measured one in 4 of 4 runs.")
    assert paragraph.endswith(
        " The predicted tensor peak equals the measured one in 1 of 3 runs; the largest relative difference is 2 %."
    )


@pytest.mark.parametrize(
    ("ious", "said"),
    [
        ((0.5, 0.6, 0.7), "Its learning rate, 0.0100, is the largest tried"),
        ((0.5, 0.7, 0.6), ""),
        ((0.7, 0.6, 0.5), "smallest"),
    ],
)
def test_a_winning_rate_at_the_edge_of_those_tried_is_a_warning(
    summarised: Summarised, ious: tuple[float, ...], said: str
) -> None:
    rates = ("0.001", "0.003", "0.01")
    units = [
        Unit(trial=number, iou=iou, params={"training.lr": lr})
        for number, (iou, lr) in enumerate(zip(ious, rates, strict=True))
    ]
    (paragraph,) = written("search", summarised(units, study="search"))
    assert (said in paragraph) if said else ("Its learning rate" not in paragraph)


def provenance(summary: Summary) -> dict[str, str]:
    """Name -> value, of both halves of the table."""
    return {name: value for row in table("provenance", summary).rows for name, value in (row[:2], row[2:])}


def test_many_values_of_a_number_are_a_range(searching: Summary) -> None:
    shown = provenance(searching)["training.lr"]
    assert shown.endswith(" (13 values)")
    assert " to " in shown


def test_provenance_shows_all_values_of_a_parameter(summarised: Summarised) -> None:
    rows = provenance(summarised([Unit(epochs=2), Unit(epochs=4)]))
    assert rows["training.epochs"] == "2 | 4"
    assert rows["environment.torch"] == "2.13.0"
    assert rows["data.digest"] == "feedc0de" * 4


@pytest.mark.parametrize(
    ("write", "given", "shown"),
    [
        (text.significant, 0.02134, "0.0213"),
        (text.significant, 21.34, "21.3"),
        (text.significant, 2134.4, "2,134"),
        (text.significant, 0, "0"),
        (text.significant, float("nan"), "–"),
        (text.prefixed, 482_000, "482 k"),
        (text.prefixed, 1_934_000, "1.93 M"),
        (text.prefixed, 3e9, "3.00 G"),
        (text.prefixed, 12, "12.0"),
        (text.listed, ["a"], "a"),
        (text.listed, ["a", "b"], "a and b"),
        (text.listed, ["a", "b", "c"], "a, b and c"),
    ],
)
def test_words(write: Callable[[Any], str], given: object, shown: str) -> None:
    assert write(given) == shown


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 minute"),
        (61, "2 minutes"),
        (5340, "89 minutes"),
        (5341, "1.5 hours"),
        (17900, "5.0 hours"),
        (442800, "123 hours"),
    ],
)
def test_durations_are_told_as_people_plan_them(seconds: float, said: str) -> None:
    assert text.duration(seconds) == said

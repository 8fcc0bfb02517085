"""What is gone is counted, and each number of a study that lost some is of the runs that its sentences name."""

import numpy as np
import pandas as pd
import pytest
from fake_store import plan_of
from fake_units import Unit
from helpers import Fill, Summarised, cells, run_sql, table, written

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import arms, claims
from hourglass_bench.reports.analysis.convergence import convergence
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.evidence import evidence
from hourglass_bench.reports.analysis.gate import passes
from hourglass_bench.reports.analysis.summary import CONFIGURATION, IDENTITY, Summary, statistic, summarise
from hourglass_bench.reports.store.load import REPEAT, RUN, load_study
from hourglass_bench.reports.tables import TABLES
from hourglass_bench.reports.text import with_sd


def counts(summary: Summary) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Stage, architecture and kind -> gone and all."""
    return {(stage, name, kind): (gone, units) for stage, name, kind, units, gone in evidence(summary).to_numpy()}


def number_of(summary: Summary, *identity: object) -> int:
    rows = summary.configurations.set_index(IDENTITY)
    return int(rows.loc[identity, CONFIGURATION])


def test_what_is_gone_is_counted_by_stage_and_architecture(lost: Summary) -> None:
    found = counts(lost)
    assert {key[1:]: gone for key, (gone, _) in found.items() if gone} == {
        ("simple_conv", "frame_table"): 1,
        ("simple_conv", "deleted"): 1,
        ("hourglass", "panel"): 3,
        ("hourglass", "deleted"): 1,
        ("unet", "frame_table"): 1,
        ("unet", "curves"): 1,
    }
    # Of the runs that are left; deleted ones are of all that ended.
    assert {units for (_, name, kind), (_, units) in found.items() if name == "hourglass" and kind != "deleted"} == {15}
    assert found["comparison", "hourglass", "deleted"] == (1, 16)
    assert table("evidence", lost).headings == [
        "stage",
        "architecture",
        "frame tables",
        "panels",
        "curves",
        "deleted runs",
    ]
    assert table("evidence", lost).rows[1] == ["comparison", "Hourglass", "0 of 15", "3 of 15", "0 of 15", "1 of 16"]


def test_each_stage_is_asked_for_what_it_keeps(generating: Summary) -> None:
    found = counts(generating)
    assert not any(gone for gone, _ in found.values())
    # 3 repeats of 2 latents: masks at two depths, and images, which have no masks to score.
    assert found["generative", "autoencoder", "curves"] == (0, 18)
    assert found["generative", "autoencoder", "frame_table"] == (0, 12)
    assert ("generative", "autoencoder", "panel") not in found
    assert found["pretraining", "unet", "panel"] == (0, 6)


def test_nothing_is_said_where_nothing_is_gone(small: Summary, searching: Summary) -> None:
    for summary in (small, searching):
        assert TABLES["evidence"].make(summary) is None
        assert not any("gone" in text or "eleted" in text for text in written("answer", summary))


def test_means_with_an_interval_are_of_the_runs_with_a_frame_table(lost: Summary) -> None:
    number, found = number_of(lost, "unet", 3, 16), estimates(lost, schema.TEST_IOU)
    own = lost.runs[lost.runs[CONFIGURATION] == number].set_index(REPEAT)[schema.TEST_IOU.name]
    assert found.loc[number, "mean"] == pytest.approx(own.loc[[0, 1, 2]].mean())
    assert found.loc[number, "mean"] != pytest.approx(own.mean())
    assert found.loc[number, ["low", "high"]].notna().all()


def test_all_other_means_are_of_the_logged_scores(lost: Summary) -> None:
    number = number_of(lost, "unet", 3, 16)
    own = lost.runs.loc[lost.runs[CONFIGURATION] == number, schema.TEST_IOU.name]
    assert len(own) == 4
    row = next(row for row in range(9) if table("comparison", lost).rows[row][0].startswith("U-Net"))
    assert cells(table("comparison", lost), row)["test IoU"].split() == with_sd(own.mean(), own.std()).split()


def test_a_configuration_without_any_frame_table_has_its_logged_mean_without_an_interval(lost: Summary) -> None:
    number = number_of(lost, "simple_conv", 2, 32)
    logged = lost.configurations.set_index(CONFIGURATION).loc[number, statistic(schema.TEST_IOU, "mean")]
    assert estimates(lost, schema.TEST_IOU).loc[number].to_list() == pytest.approx(
        [logged, np.nan, np.nan], nan_ok=True
    )


def test_a_configuration_without_any_frame_table_is_never_recommended(lost: Summary) -> None:
    assert passes(lost, number_of(lost, "unet", 3, 16))
    assert not passes(lost, number_of(lost, "simple_conv", 2, 32))


def test_differences_are_of_the_repeats_in_which_both_kept_theirs(lost: Summary) -> None:
    a, b = arms(lost, claims(lost)[0], schema.TEST_IOU)
    assert set(a[REPEAT]) == set(b[REPEAT]) == {0, 1, 2}


def test_a_run_without_curves_did_not_miss_the_target(lost: Summary) -> None:
    measured = convergence(lost)
    (run,) = set(lost.runs[RUN]) - set(measured.runs[RUN])
    assert lost.runs.set_index(RUN).loc[run, [*IDENTITY, REPEAT]].to_list() == ["unet", 2, 8, 0]
    reached = measured.by_configuration().set_index(CONFIGURATION).loc[number_of(lost, "unet", 2, 8)]
    assert reached["n"] == 3


def test_what_ended_before_its_first_epoch_lost_no_curve(summarised: Summarised) -> None:
    units = [Unit(panel=False, epochs=2), Unit(repeat=1, state="diverged", reason="nan", learnt=False, epochs=2)]
    summary = summarised(units)
    assert counts(summary)["comparison", "hourglass", "curves"] == (0, 1)
    assert len(convergence(summary).runs) == 2


def test_the_first_page_says_what_is_gone(lost: Summary) -> None:
    (text,) = (paragraph for paragraph in written("answer", lost) if "gone" in paragraph)
    assert text.startswith("The frame table (test_frames.parquet) of 2 of 47 tested runs is gone. ")
    assert "The panel of 3 of 47 tested runs is gone: " in text
    assert "The curves of 1 of 47 tested runs are gone: " in text
    assert "A configuration that has no such table left has the mean of its logged scores, without an interval" in text
    assert text.endswith(
        "Deleted by hand, and counted in no score: 2 of 49 runs that ended. Restore what was deleted in the "
        "MLflow UI, or do it again with “make sweep STUDY=quick REDO_DELETED=1”."
    )


def test_a_deleted_parent_is_said_on_the_first_page(new_store: Fill) -> None:
    runs = new_store([Unit(epochs=1)])
    run_sql(
        runs,
        "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid IN "
        "(SELECT run_uuid FROM tags WHERE key = 'kind' AND value = 'study')",
    )
    assert (
        "The parent run of the study, which says what is planned, was deleted by hand: restore it in the MLflow UI."
    ) in written("answer", summarise(load_study(runs, "quick")))


def test_deleted_search_trials_are_said_where_nothing_is_compared(summarised: Summarised) -> None:
    trial = Unit(trial=0, epochs=1)
    units = [trial, Unit(trial=1, epochs=1, deleted=True), Unit(trial=2, epochs=1, deleted=True, logged=False)]
    summary = summarised(units, tags=plan_of(units))
    assert evidence(summary)[["stage", "kind", "units", "gone"]].to_numpy().tolist() == [["search", "deleted", 3, 2]]
    assert "2 of 3 runs that ended" in " ".join(written("answer", summary))


def test_counts_are_integers_in_the_order_of_the_tables(lost: Summary) -> None:
    found = evidence(lost)
    assert list(dict.fromkeys(found["architecture.name"])) == ["simple_conv", "hourglass", "unet"]
    assert all(pd.api.types.is_integer_dtype(found[name]) for name in ("units", "gone"))

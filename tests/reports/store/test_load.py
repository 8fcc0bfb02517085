import json
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest
from fake_units import MEMORY_BUDGET, RESUNET, SEGRESNET, Unit
from helpers import Fill, run_sql

from hourglass_bench.bench import schema
from hourglass_bench.bench.config import SplitName
from hourglass_bench.reports.store.artifacts import local_folder
from hourglass_bench.reports.store.checks import SPLITS
from hourglass_bench.reports.store.load import ABSENT, ARCHITECTURE, ARTIFACTS, RUN, SKIPS, load_study


def test_attempts_count_by_how_they_ended(troubled_store: Path) -> None:
    study = load_study(troubled_store, "quick")
    assert study.outcomes == 6
    assert sorted(study.trials[schema.STATE]) == ["complete", "diverged", "failed", "out_of_memory", "pruned"]
    assert study.states.to_dict() == dict.fromkeys(schema.STATES, 1)
    assert study.planned == 20
    assert study.unfinished["status"].tolist() == ["KILLED", "RUNNING"]
    # It ended before it logged its parameters.
    assert study.unlogged[[schema.STATE, schema.STATE_REASON]].to_numpy().tolist() == [
        ["infeasible", "bottleneck would vanish"]
    ]
    # Runs without a stage are the comparison.
    assert study.stages == ["comparison"]
    assert set(study.ended[schema.STAGE]) == {"comparison"}
    assert (study.planned_units, study.memory_budget) == ({}, None)


def test_a_repeated_unit_counts_once_by_its_newest_outcome(execute: Fill) -> None:
    pruned = "SELECT run_uuid FROM tags WHERE key = 'state' AND value = 'pruned'"
    complete = "SELECT run_uuid FROM tags WHERE value = 'complete'"
    unit = f"SELECT value FROM tags WHERE key = 'unit' AND run_uuid = ({complete})"
    runs = execute(f"UPDATE tags SET value = ({unit}) WHERE key = 'unit' AND run_uuid = ({pruned})")
    states = load_study(runs, "quick").states
    assert (states["complete"], states["pruned"]) == (0, 1)


def test_curves_are_long_and_scalars_wide(small_store: Path) -> None:
    study = load_study(small_store, "quick")
    assert list(study.curves.columns) == [RUN, "metric", "epoch", "value"]
    assert len(study.curves) == 24 * 3 * 3
    assert set(study.curves["epoch"]) == {1, 2, 3}
    assert study.trials[schema.TEST_IOU.name].between(0.4, 1).all()
    assert all(Path(folder, schema.PANEL_DATA).is_file() for folder in study.trials[ARTIFACTS])
    assert study.newest == 1_760_000_000 + 23 * 60 + 55  # the end of the newest run


def test_nan_and_infinity_are_missing_values(execute: Fill) -> None:
    runs = execute(
        "UPDATE latest_metrics SET value = 1.7976931348623157e308 WHERE key = 'model/params'",
        "UPDATE metrics SET value = 0, is_nan = 1 WHERE key = 'val/bce'",
    )
    study = load_study(runs, "quick")
    assert study.trials[schema.PARAMS.name].isna().all()
    assert study.curves.loc[study.curves["metric"] == "val/bce", "value"].isna().all()
    assert study.curves.loc[study.curves["metric"] == "iou/val", "value"].notna().all()


def test_a_step_logged_twice_counts_once(execute: Fill) -> None:
    runs = execute(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
        "SELECT key, 0.123, timestamp + 1, run_uuid, step, is_nan FROM metrics WHERE key = 'iou/val'",
        # In the same millisecond the larger one is taken to be the last.
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
        "SELECT key, 0.1, timestamp, run_uuid, step, is_nan FROM metrics WHERE key = 'iou/val' AND value = 0.123",
    )
    curves = load_study(runs, "quick").curves
    assert (curves.loc[curves["metric"] == "iou/val", "value"] == 0.123).all()
    assert not curves.duplicated([RUN, "metric", "epoch"]).any()


def test_deleted_runs_do_not_count(execute: Fill) -> None:
    complete = "SELECT run_uuid FROM tags WHERE value = 'complete'"
    runs = execute(f"UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ({complete})")
    assert load_study(runs, "quick").states["complete"] == 0


def test_artifacts_are_found_where_the_store_was_moved(small_store: Path, tmp_path: Path) -> None:
    folder = Path(load_study(small_store, "quick").trials[ARTIFACTS].iloc[0])
    gone = "file:///some%20where/else/artifacts/" + "/".join(folder.parts[-3:])
    assert local_folder(gone, small_store.resolve()) == folder
    assert local_folder(str(folder), tmp_path) == folder


NEWER = schema.VERSION + 1
VERSION = f"UPDATE tags SET value = '{{}}' WHERE key = '{schema.SCHEMA_VERSION}' AND run_uuid IN ({{}})"
TRIALS = "SELECT run_uuid FROM tags WHERE key = 'kind' AND value = 'trial'"
COMPLETE = "SELECT run_uuid FROM tags WHERE key = 'state' AND value = 'complete'"
LACKS = r"^run [0-9a-f]{32} is complete but lacks the "


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            f"DELETE FROM tags WHERE key = '{schema.SCHEMA_VERSION}'",
            rf"of version {schema.OLDEST_VERSION} to {schema.VERSION} of the schema \(tag schema\.version\), got "
            r"runs of another: 8 of version 1\. Run the study again in a new RUNS folder, or report with the version "
            r"of hourglass-bench that logged it\.$",
        ),
        (VERSION.format(NEWER, TRIALS), rf"8 of version {NEWER}\. Update hourglass-bench to the version that logged"),
        # The version is named before a name that this one does not know.
        (
            VERSION.format(NEWER, TRIALS) + "; UPDATE latest_metrics SET key = 'val/new' WHERE key = 'iou/val'",
            "Update hourglass-bench",
        ),
        (
            VERSION.format(NEWER, COMPLETE),
            rf"7 of version {schema.VERSION} and 1 of version {NEWER}\. Update hourglass-bench",
        ),
        (VERSION.format(2, COMPLETE), rf"1 of version 2 and 7 of version {schema.VERSION}\. Run the study again"),
        (
            VERSION.format(100, COMPLETE),
            rf"7 of version {schema.VERSION} and 1 of version 100\. Update hourglass-bench",
        ),
        (VERSION.format("two", COMPLETE), r"tag schema\.version must be a number, got 'two'\."),
        ("UPDATE tags SET value = 'study' WHERE key = 'kind'", "'quick' has no trial run yet"),
        (f"INSERT INTO tags SELECT '{schema.SUPERSEDED}', '', run_uuid FROM tags WHERE key = 'unit'", "no trial run"),
        (
            "UPDATE latest_metrics SET key = 'val/jaccard' WHERE key = 'iou/val'",
            r"^study 'quick' holds metrics that bench/schema\.py does not know: val/jaccard\. Update hourglass-bench",
        ),
        (
            "UPDATE params SET key = 'optimiser' WHERE key = 'preset'",
            r"^study 'quick' holds parameters that .* know: optimiser\. .* a store of its own\.$",
        ),
        (
            "DELETE FROM latest_metrics WHERE key IN ('test/assd', 'loss/val')",
            rf"{LACKS}metrics loss/val, test/assd\.$",
        ),
        (
            f"DELETE FROM params WHERE key IN ('depth', '{ARCHITECTURE}')",
            rf"{LACKS}parameters architecture\.name, depth\.",
        ),
        (f"DELETE FROM params WHERE key = '{SKIPS}'", rf"{LACKS}parameters architecture\.skips\."),
        ("UPDATE tags SET value = 'exploded' WHERE value = 'diverged'", "got exploded"),
        ("DELETE FROM tags WHERE key = 'unit'", r"run [0-9a-f]{32} lacks the tag unit\."),
        (
            "INSERT INTO tags SELECT 'stage', 'encore', run_uuid FROM tags WHERE key = 'unit'",
            "tag stage must be one of search, tuning, comparison, generative, pretraining, got encore",
        ),
    ],
)
def test_what_cannot_be_read_is_named(statement: str, message: str, execute: Fill) -> None:
    with pytest.raises(ValueError, match=message):
        load_study(execute(*statement.split("; ")), "quick")


def test_names_and_versions_of_superseded_runs_and_names_of_parents_do_not_matter(new_store: Fill) -> None:
    runs = new_store([Unit(), Unit(repeat=1, superseded=True, params={"optimiser": "sgd"})])
    parent = "SELECT run_uuid FROM tags WHERE key = 'kind' AND value = 'study'"
    mine = f"INSERT INTO params (key, value, run_uuid) SELECT 'mine', '1', run_uuid FROM ({parent})"
    run_sql(runs, mine, VERSION.format(1, f"SELECT run_uuid FROM tags WHERE key = '{schema.SUPERSEDED}'"))
    assert load_study(runs, "quick").outcomes == 1


def test_system_metrics_are_ignored(execute: Fill) -> None:
    runs = execute(
        "INSERT INTO latest_metrics SELECT 'system/cpu', value, timestamp, step, is_nan, run_uuid FROM latest_metrics "
        "WHERE key = 'loss/train'",
        "INSERT INTO metrics SELECT 'system/cpu', value, timestamp, run_uuid, step, is_nan FROM metrics "
        "WHERE key = 'loss/train'",
    )
    assert "system/cpu" not in set(load_study(runs, "quick").curves["metric"])


def test_a_search_needs_no_test_metrics(search_store: Path, tmp_path: Path) -> None:
    shutil.copy(search_store / schema.TRACKING_DB, tmp_path)
    with closing(sqlite3.connect(tmp_path / schema.TRACKING_DB)) as connection:
        assert connection.execute("SELECT count(*) FROM latest_metrics WHERE key = 'iou/test'").fetchone() == (4,)
    searching = "SELECT run_uuid FROM tags WHERE key = 'stage' AND value = 'search'"
    run_sql(tmp_path, f"DELETE FROM latest_metrics WHERE key = 'iou/val' AND run_uuid IN ({searching})")
    with pytest.raises(ValueError, match=r"is complete but lacks the metrics iou/val\.$"):
        load_study(tmp_path, "search")


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("repeat", "abc", "be an integer"),
        ("repeat", "1.5", "be an integer"),
        ("depth", "9" * 30, "be an integer"),
        ("training.epochs", "many", "be an integer"),
        ("training.lr", "abc", "be a number"),
        ("data.split", "by_person", "be one of scene_folds, scene_holdout, random_frames, given"),
        ("architecture.channels", "abc", "be a JSON list of integers"),
        ("architecture.channels", "8", "be a JSON list of integers"),
        ("architecture.channels", "[8, true]", "be a JSON list of integers"),
        ("architecture.skips", "[1", "be a JSON list of integers"),
        ("bottleneck.measured", "8x4x4 / 8x2x2", "be CxHxW or empty"),
        ("bottleneck.predicted", "8x4", "be CxHxW or empty"),
    ],
)
def test_a_parameter_that_is_none_is_named(name: str, value: str, rule: str, execute: Fill) -> None:
    runs = execute(f"UPDATE params SET value = '{value}' WHERE key = '{name}' AND run_uuid = ({COMPLETE})")
    message = rf"^parameter {re.escape(name)} of run [0-9a-f]{{32}} must {rule}, got {re.escape(repr(value))}\.$"
    with pytest.raises(ValueError, match=message):
        load_study(runs, "quick")


def test_a_network_from_elsewhere_has_neither_our_options_nor_our_sizes(foreign_store: Path, tmp_path: Path) -> None:
    trials = load_study(foreign_store, "quick").trials
    theirs = trials[trials[schema.NETWORK_SOURCE] != ""]
    assert set(theirs[ARCHITECTURE]) == {RESUNET, SEGRESNET}
    assert theirs[[schema.DEPTH, schema.BASE_WIDTH]].isna().all(axis=None)
    assert set(theirs[SKIPS]) == {ABSENT}
    assert trials[schema.DEPTH].dropna().tolist() == [2] * 5 + [3] * 5 + [2] * 5 + [3] * 5
    shutil.copy(foreign_store / schema.TRACKING_DB, tmp_path)
    run_sql(tmp_path, f"DELETE FROM tags WHERE key = '{schema.NETWORK_SOURCE}'")
    with pytest.raises(ValueError, match=rf"{LACKS}parameters architecture\.channels, .*, depth, base_width\.$"):
        load_study(tmp_path, "quick")


def test_a_bottleneck_may_be_empty_or_missing(execute: Fill) -> None:
    empty = f"UPDATE params SET value = '' WHERE key = '{schema.BOTTLENECK_MEASURED}'"
    missing = f"DELETE FROM params WHERE key = '{schema.BOTTLENECK_MEASURED}'"
    for statement in (empty, missing):
        assert (load_study(execute(statement), "quick").trials[schema.BOTTLENECK_MEASURED] == "").all()


def test_splits_are_those_of_the_bench() -> None:
    assert get_args(SplitName) == SPLITS


@pytest.mark.parametrize("name", ["status", "start_time", "repeat", "training.lr", "iou/val", "iou/test", "run_id"])
def test_tags_of_any_name_may_be_added(name: str, troubled_store: Path, execute: Fill) -> None:
    runs = execute(f"INSERT INTO tags SELECT '{name}', 'good', run_uuid FROM tags WHERE key = 'unit'")
    tagged, plain = (load_study(folder, "quick").trials.drop(columns=ARTIFACTS) for folder in (runs, troubled_store))
    pd.testing.assert_frame_equal(tagged, plain)


def test_path_with_special_characters(troubled_store: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs #1 100% ?"
    runs.mkdir()
    shutil.copy(troubled_store / schema.TRACKING_DB, runs)
    assert load_study(runs, "quick").outcomes == 6


def test_store_in_wal_mode_while_somebody_writes(execute: Fill) -> None:
    runs = execute("PRAGMA journal_mode=WAL")
    writer = sqlite3.connect(runs / schema.TRACKING_DB)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM tags")
    assert load_study(runs, "quick").outcomes == 6
    writer.close()


def test_stages_and_budgets_are_read(search_store: Path) -> None:
    study = load_study(search_store, "search")
    assert study.stages == ["search", "comparison"]
    assert study.planned_units == {"search": {"hourglass": 12, "unet": 12}, "comparison": {"hourglass": 2, "unet": 2}}
    assert study.memory_budget == MEMORY_BUDGET
    assert study.trials[schema.STAGE].value_counts().to_dict() == {"search": 24, "comparison": 4}


def test_superseded_runs_are_as_if_they_were_not_there(new_store: Fill) -> None:
    kept = [Unit(repeat=0), Unit(repeat=1, state=None, status="RUNNING", logged=False)]
    gone = [
        Unit(repeat=2, superseded=True),
        Unit(repeat=3, state=None, status="KILLED", superseded=True),
        Unit(repeat=4, state="failed", logged=False, superseded=True),
    ]
    plain, marked = (load_study(new_store(units), "quick") for units in (kept, kept + gone))
    assert (marked.outcomes, len(marked.unfinished), len(marked.unlogged)) == (1, 1, 0)
    assert marked.states.to_dict() == plain.states.to_dict()
    assert marked.newest == plain.newest
    assert len(marked.curves) == len(plain.curves)


def test_a_search_trial_that_logged_nothing_is_known_by_its_unit(new_store: Fill) -> None:
    units = [
        Unit(architecture="unet", trial=3, state="failed", logged=False),
        Unit(architecture="unet", trial=4, state=None, status="RUNNING", logged=False),
        Unit(architecture="unet", repeat=1, state="failed", logged=False),
    ]
    study = load_study(new_store(units), "quick")
    assert study.unlogged[ARCHITECTURE].tolist() == ["unet", ""]
    assert study.unfinished[ARCHITECTURE].tolist() == ["unet"]


@pytest.mark.parametrize("text", ["many", "[1]", json.dumps({"search": 3}), json.dumps({"search": {"unet": "x"}})])
def test_budget_that_is_no_budget(text: str, new_store: Fill) -> None:
    with pytest.raises(ValueError, match=r"tag study\.planned_units must be JSON of counts by stage"):
        load_study(new_store([Unit(panel=False, epochs=1)], tags={schema.STUDY_PLANNED_UNITS: text}), "quick")


KEPT = Unit(repeat=1, panel=False, epochs=1)
GONE = Unit(panel=False, epochs=1, deleted=True)
AGAIN = replace(GONE, deleted=False)
OF_GONE = [(GONE.unit(), "comparison", "hourglass")]


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        ([GONE], OF_GONE),
        ([GONE, GONE], OF_GONE),
        ([replace(GONE, state="failed", reason="no disk")], OF_GONE),
        ([replace(GONE, state="failed", logged=False)], [(GONE.unit(), "comparison", "")]),
        ([replace(GONE, trial=4, logged=False, state="failed")], [("hourglass-004", "search", "hourglass")]),
        # Cut off, then done and deleted; or done and deleted, and cut off or deleted in the middle of another try.
        ([replace(AGAIN, state=None, status="KILLED"), GONE], OF_GONE),
        ([GONE, replace(GONE, state=None, status="KILLED")], OF_GONE),
        # Tried again since, with or without an outcome so far; or an older outcome is left.
        ([GONE, AGAIN], []),
        ([GONE, replace(AGAIN, state=None, status="RUNNING")], []),
        ([AGAIN, GONE], []),
        # In nobody's plan, or without an outcome that could be missed.
        ([replace(GONE, superseded=True)], []),
        ([replace(GONE, state=None, status="KILLED")], []),
        ([], []),
    ],
)
def test_deleted_units_are_those_without_another_outcome_or_try(
    units: list[Unit], expected: list[tuple[str, str, str]], new_store: Fill
) -> None:
    study = load_study(new_store([KEPT, *units]), "quick")
    assert list(study.deleted.itertuples(index=False, name=None)) == expected
    assert study.outcomes == 1 + (AGAIN in units)


@pytest.mark.parametrize(("key", "value"), [("stage", "encore"), ("state", "exploded"), ("schema.version", "99")])
def test_what_is_odd_about_a_deleted_run_is_no_error(key: str, value: str, new_store: Fill) -> None:
    runs = new_store([KEPT, replace(GONE, params={"optimiser": "sgd"})])
    gone = "SELECT run_uuid FROM runs WHERE lifecycle_stage = 'deleted'"
    run_sql(
        runs,
        f"DELETE FROM tags WHERE key = '{key}' AND run_uuid IN ({gone})",
        f"INSERT INTO tags (key, value, run_uuid) SELECT '{key}', '{value}', run_uuid FROM ({gone})",
    )
    assert load_study(runs, "quick").outcomes == 1


def test_a_deleted_run_did_look_at_its_test_frames(new_store: Fill) -> None:
    openings = load_study(new_store([GONE, KEPT, AGAIN]), "quick").openings
    assert openings.tolist() == [GONE.unit(), KEPT.unit(), GONE.unit()]


def test_all_runs_deleted_is_said_with_the_remedy(new_store: Fill) -> None:
    remedy = "restore them in the MLflow UI, or do them again with `make sweep STUDY=quick REDO_DELETED=1`"
    with pytest.raises(ValueError, match=f"all runs of study 'quick' were deleted by hand: {remedy}"):
        load_study(new_store([GONE]), "quick")


def test_a_deleted_parent_takes_the_plan_with_it(new_store: Fill) -> None:
    runs = new_store([KEPT], planned=3)
    assert not load_study(runs, "quick").plan_deleted
    parent = "SELECT run_uuid FROM tags WHERE key = 'kind' AND value = 'study'"
    study = load_study(
        run_sql(runs, f"UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ({parent})"), "quick"
    )
    assert study.plan_deleted
    assert (study.planned, study.outcomes, len(study.deleted)) == (None, 1, 0)


def test_a_deleted_study_is_said_to_be_deleted(new_store: Fill) -> None:
    runs = run_sql(new_store([KEPT]), "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'quick'")
    with pytest.raises(ValueError, match=r"study 'quick' was deleted by hand from .* `mlflow experiments restore`"):
        load_study(runs, "quick")
    with pytest.raises(ValueError, match="holds no study yet"):
        load_study(runs, "quack")

"""Studies that older versions of the code left, and those that went on after an upgrade."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fake_units import Unit
from helpers import Fill, run_sql, written

from hourglass_bench.bench import schema
from hourglass_bench.reports import data, document
from hourglass_bench.reports.__main__ import main
from hourglass_bench.reports.analysis import summary, verified
from hourglass_bench.reports.analysis.claims import HEADLINE_METRICS, arms, claims, judge_metrics
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.statistics import Interval
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.store import checks
from hourglass_bench.reports.store.load import ARTIFACTS, RUN, load_study
from hourglass_bench.reports.tables import TABLES

NEW = schema.Metric(
    name="best/new", unit="1", better="higher", lower=0, upper=1, label="new score", curve=False, since=schema.VERSION
)
HALF = """
SELECT run_uuid FROM (SELECT run_uuid, row_number() OVER (ORDER BY start_time) AS place FROM runs) WHERE place % 2 = 0
"""


def upgrade_half(stored: Path) -> Path:
    """Half of the runs as the present version stores them; the study itself has tags of both."""
    renamed = [
        f"UPDATE {table} SET key = '{new}' WHERE key = '{old}' AND run_uuid IN ({HALF})"
        for old, new in schema.RENAMED.items()
        for table in ("params", "metrics", "latest_metrics")
    ]
    return run_sql(
        stored / "runs",
        *renamed,
        f"UPDATE tags SET value = '{schema.VERSION}' WHERE key = 'schema.version' AND run_uuid IN ({HALF})",
        "INSERT OR IGNORE INTO latest_metrics "
        "SELECT 'test/last_iou', value, timestamp, step, is_nan, run_uuid FROM latest_metrics "
        f"WHERE key = 'iou/test' AND run_uuid IN ({HALF})",
        "INSERT INTO tags SELECT 'study.planned_units', value, run_uuid FROM tags WHERE key = 'study.budget'",
        """UPDATE tags SET value = '{"comparison": {"unet": 1}}' WHERE key = 'study.budget'""",
    )


OF_FAMILY = ["verdict", "step", "p_adjusted", "claims", "detectable", *(f"interval_{end}" for end in Interval._fields)]
"""What is said of a claim depends on how many are made together with it."""


def without(table: pd.DataFrame, metrics: list[schema.Metric]) -> pd.DataFrame:
    """One of the report's tables without what is of these metrics, of which none is in the headline's family."""
    if "metric" in table:
        table = table[~table["metric"].isin([one.name for one in metrics])].reset_index(drop=True)
        headline = table["metric"].isin([one.name for one in HEADLINE_METRICS])
        table = table.assign(**{name: table[name].where(headline) for name in OF_FAMILY})
    theirs = {one.column for one in metrics} | {one.name for one in metrics}
    return table[[column for column in table if column.partition(" ")[0] not in theirs]]


OUTCOMES = {"version-8": 71, "version-9": 71}
"""Of the runs, those that only chose learning rates among them; of older versions 35, which tuned nothing."""


def sentences(of: Summary) -> str:
    return "\n".join(text for section in document.SECTIONS for text in written(section, of))


def test_a_stored_study_is_reported(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, expected = stored / "runs", json.loads((stored / "expected.json").read_text())
    assert main(["build", "--runs", str(runs), "--json"]) == 0
    outcomes = OUTCOMES.get(stored.name, 35)
    assert json.loads(capsys.readouterr().out)["runs"] == outcomes
    table = pd.read_csv(runs / schema.REPORT_DIR / "quick" / "data" / "runs.csv").set_index(schema.UNIT)
    assert len(table) == outcomes
    table = table[table[schema.STAGE] == "comparison"]
    assert table[schema.TEST_IOU.name].to_dict() == pytest.approx(expected["test_iou"], rel=1e-15)
    assert set(table["repeat"]) == {0, 1, 2}
    assert table["training.color_jitter"].notna().all()
    planned = pd.read_csv(runs / schema.REPORT_DIR / "quick" / "data" / "planned.csv")
    assert planned.groupby("stage")["planned"].sum().to_dict() == {"comparison": 36} | (
        {"tuning": outcomes - 35} if outcomes > 35 else {}
    )


def test_a_study_of_two_versions_is_one_study(stored: Path) -> None:
    before = summarise(load_study(stored / "runs", "quick"))
    after = summarise(load_study(upgrade_half(stored), "quick"))
    versions = after.study.trials[schema.SCHEMA_VERSION].value_counts().to_dict()
    assert set(versions) == {stored.name[-1], str(schema.VERSION)}
    assert min(versions.values()) >= 17
    mixed = data.tables(after)
    anew = [metric for metrics in before.study.lacking.values() for metric in metrics]
    for name, table in data.tables(before).items():
        same = {schema.SCHEMA_VERSION: table[schema.SCHEMA_VERSION]} if schema.SCHEMA_VERSION in table else {}
        pair = (without(of, anew) for of in (mixed[name].assign(**same), table))
        pd.testing.assert_frame_equal(*pair, check_exact=True)
    assert after.study.planned_units == before.study.planned_units
    assert sentences(after) == sentences(before)


def test_what_an_older_version_defined_in_another_way_is_left_out(stored: Path) -> None:
    """Each run logged boundary F and has it in its frame table, by the definition of its version."""
    metric = schema.TEST_BOUNDARY_F
    before = summarise(load_study(stored / "runs", "quick"))
    if int(stored.name[-1]) >= metric.since:  # by the present definition
        assert before.runs[metric.name].notna().sum() == len(before.runs) == 35
        assert before.scenes[metric.column].notna().all()
        return
    for trials in (before.study.trials, before.runs):
        assert trials[metric.name].isna().all()
        assert trials[schema.TEST_NSD.name].notna().all()
    assert before.scenes[metric.column].isna().all()
    assert metric not in {one.metric for one in judge_metrics(before)}
    assert "boundary F" not in [
        row[0] for table in TABLES.values() if (made := table.make(before)) for row in made.rows
    ]
    of = summarise(load_study(upgrade_half(stored), "quick"))
    newer = of.runs[schema.SCHEMA_VERSION] == str(schema.VERSION)
    assert (of.runs[metric.name].notna() == newer).all()
    assert of.scenes[metric.column].notna().equals(of.scenes[RUN].isin(of.runs.loc[newer, RUN]))


def test_scenes_have_baselines_of_their_own_and_before_version_6_the_logged_means(stored: Path) -> None:
    of = summarise(load_study(stored / "runs", "quick"))
    runs = of.runs.set_index(RUN).loc[of.scenes[RUN]]
    assert runs.index.nunique() == 35
    own = []
    for name in schema.BASELINES:
        logged = runs[schema.baseline_metric(name, "iou").name]
        assert logged.notna().all()
        scenes = of.scenes[schema.baseline_column(name)]
        assert scenes.groupby(of.scenes[RUN]).mean().to_dict() == pytest.approx(logged.groupby(RUN).first().to_dict())
        own.append(scenes.tolist() != logged.tolist())
    assert any(own) == (stored.name >= "version-6")


def test_a_setting_that_some_runs_lack_is_absent_and_tells_configurations_apart(new_store: Fill) -> None:
    units = [
        Unit(repeat=repeat, params=params) for repeat in (0, 1) for params in ({}, {"training.focal_weight": "0.5"})
    ]
    of = summarise(load_study(new_store(units), "quick"))
    labels = of.configurations["label"].str.rpartition(", ")[2]
    assert sorted(labels) == ["focal weight 0.5", "focal weight absent"]
    (fixed,) = (text for text in sentences(of).splitlines() if "Held fixed" in text)
    assert "batch size" in fixed
    assert "focal weight" not in fixed
    rows = [row for table in TABLES.values() if (made := table.make(of)) for row in made.rows]
    assert any("training.focal_weight" in row and "0.5 | absent" in row for row in rows)


@pytest.fixture
def new_metric(monkeypatch: pytest.MonkeyPatch) -> schema.Metric:
    """A metric that this version added, and which each of its complete runs has."""
    monkeypatch.setitem(schema.METRICS, NEW.name, NEW)
    monkeypatch.setattr(checks, "OF_COMPLETE", (*checks.OF_COMPLETE, NEW))
    return NEW


def test_what_older_runs_lack_is_absent_and_said_once(stored: Path, new_metric: schema.Metric) -> None:
    of = summarise(load_study(stored / "runs", "quick"))
    assert of.runs[new_metric.name].isna().all()
    before_8 = "IoU at the last epoch, boundary F, SSIM, MS-SSIM, " if stored.name < "version-8" else ""
    said = (
        f"Runs of version {stored.name[-1]} of the schema lack what was added or defined anew after it: {before_8}"
        "new score."
    )
    assert sentences(of).count(said) == 1
    assert sentences(of).count(new_metric.label) == 1


def test_newer_runs_of_the_study_must_have_it(stored: Path, new_metric: schema.Metric) -> None:
    runs = upgrade_half(stored)
    with pytest.raises(ValueError, match=r"^run [0-9a-f]{32} is complete but lacks the metrics best/new\.$"):
        load_study(runs, "quick")
    run_sql(
        stored / "runs",
        "INSERT INTO latest_metrics SELECT 'best/new', 0.5, timestamp, step, is_nan, run_uuid FROM latest_metrics "
        f"WHERE key = 'iou/val_best' AND run_uuid IN ({HALF})",
    )
    of = summarise(load_study(runs, "quick"))
    newer = of.runs[schema.SCHEMA_VERSION] == str(schema.VERSION)
    assert of.runs[new_metric.name].dropna().tolist() == [0.5] * newer.sum()
    assert of.runs.loc[~newer, new_metric.name].isna().all()
    assert sentences(of).count(new_metric.label) == 1


def test_frame_tables_of_older_runs_may_lack_a_test_metric(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = replace(NEW, name="test/new", column="new", margin=0.01)
    monkeypatch.setitem(schema.METRICS, metric.name, metric)
    monkeypatch.setattr(schema, "TEST_METRICS", (*schema.TEST_METRICS, metric))
    monkeypatch.setitem(verified.COLUMNS, metric.column, metric)
    monkeypatch.setitem(verified.LOGGED, metric.column, metric)
    monkeypatch.setattr(summary, "AVERAGED", [*summary.AVERAGED, metric.name])
    before = summarise(load_study(stored / "runs", "quick"))
    assert before.scenes[metric.column].isna().all()
    assert all(values.empty for claim in claims(before) for values in arms(before, claim, metric))

    trials = load_study(upgrade_half(stored), "quick").trials
    newer = (trials[schema.SCHEMA_VERSION] == str(schema.VERSION)) & (trials[schema.STAGE] == "comparison")
    for folder in trials.loc[newer, ARTIFACTS]:
        table = pd.read_parquet(Path(folder, schema.FRAME_TABLE))
        table.assign(new=table[schema.TEST_IOU.column]).to_parquet(Path(folder, schema.FRAME_TABLE))
    run_sql(
        stored / "runs",
        "INSERT INTO latest_metrics SELECT 'test/new', value, timestamp, step, is_nan, run_uuid FROM latest_metrics "
        f"WHERE key = 'iou/test' AND run_uuid IN ({HALF})",
    )
    of = summarise(load_study(stored / "runs", "quick"))
    newer = of.scenes[RUN].isin(of.runs.loc[of.runs[schema.SCHEMA_VERSION] == str(schema.VERSION), RUN])
    assert of.scenes[metric.column].equals(of.scenes[schema.TEST_IOU.column].where(newer))
    alone = replace(of, scenes=of.scenes[newer])
    assert len(claims(of)) > 0
    for claim in claims(of):
        for found, expected in zip(arms(of, claim, metric), arms(alone, claim, schema.TEST_IOU), strict=True):
            pd.testing.assert_frame_equal(found, expected)
    tested = estimates(of, metric).dropna().index
    assert len(tested) > 0
    pd.testing.assert_frame_equal(estimates(of, metric).loc[tested], estimates(alone, schema.TEST_IOU).loc[tested])

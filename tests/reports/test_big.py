"""Stores of thousands of runs: read once, judged once, and with tables that stay short."""

import shutil
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fake_store import fill
from fake_units import LongUnit, Unit, troubled
from helpers import Fill, Summarised, table

from hourglass_bench.bench import schema
from hourglass_bench.reports import data
from hourglass_bench.reports.analysis import claims, verified
from hourglass_bench.reports.analysis.statistics import compare, estimate_means
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, statistic, summarise
from hourglass_bench.reports.store.load import ARCHITECTURE, ARTIFACTS, RUN, Study, load_study
from hourglass_bench.reports.tables import base


@pytest.fixture(scope="module")
def many(summarised: Summarised) -> Summary:
    """72 configurations of one repeat: 24 of each architecture."""
    shapes = product(("simple_conv", "hourglass", "unet"), range(2, 6), range(4, 16, 2))
    return summarised(
        [LongUnit(architecture=name, depth=depth, width=width, epochs=1, panel=False) for name, depth, width in shapes]
        + [
            LongUnit(architecture="unet", repeat=repeat, epochs=1, state="diverged", reason=f"the loss was {repeat}")
            for repeat in range(1, 31)
        ]
    )


def anonymous(summary: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials and curves without what differs between two stores of the same units."""
    units = summary.trials.set_index(RUN)[schema.UNIT]
    own = [RUN, ARTIFACTS, "artifact_uri", "mlflow.runName", "mlflow.parentRunId"]
    trials = summary.trials.drop(columns=own, errors="ignore")
    curves = summary.curves.assign(**{RUN: summary.curves[RUN].map(units)}).sort_values([RUN, "metric", "epoch"])
    return trials[sorted(trials.columns)], curves.reset_index(drop=True)


def test_inserted_rows_are_the_store_that_mlflow_makes(template: Path, tmp_path: Path) -> None:
    units = [
        LongUnit(architecture="unet", epochs=3),
        LongUnit(architecture="unet", epochs=4, repeat=1, state="diverged", reason="the training loss was nan"),
        LongUnit(depth=3, state="infeasible", reason="too large"),
        Unit(repeat=2, epochs=2),
        Unit(trial=3, epochs=2),
        *troubled(),
    ]
    stores = {"slow": f"sqlite:///{tmp_path / 'slow' / schema.TRACKING_DB}", "fast": ""}
    for name, tracking in stores.items():
        (tmp_path / name).mkdir()
        shutil.copy(template, tmp_path / name / schema.TRACKING_DB)
        fill(tmp_path / name, units, tags={schema.STUDY_PLANNED_UNITS: "{}"}, tracking=tracking)
    slow, fast = (load_study(tmp_path / name, "quick") for name in stores)
    for one, other in zip(anonymous(slow), anonymous(fast), strict=True):
        pd.testing.assert_frame_equal(one, other)
    own = ["run_id", "artifact_uri"]
    for name in ("unlogged", "unfinished"):
        one, other = (getattr(study, name).drop(columns=own, errors="ignore") for study in (slow, fast))
        pd.testing.assert_frame_equal(one[sorted(one)], other[sorted(other)])
    pd.testing.assert_series_equal(slow.openings, fast.openings)
    for name in ("description", "planned", "planned_units", "newest"):
        assert getattr(slow, name) == getattr(fast, name)
    first, second = (summarise(study).scenes.drop(columns=RUN) for study in (slow, fast))
    pd.testing.assert_frame_equal(first, second)


def test_scene_means_read_each_table_of_frames_once(many: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    class Counted(verified.ParquetFile):  # type: ignore[misc]  # pyarrow has no types
        def __init__(self, path: Path) -> None:
            read.append(path)
            super().__init__(path)

    monkeypatch.setattr(verified, "ParquetFile", Counted)
    again = summarise(many.study)
    assert len(read) == len(set(read)) == 72
    pd.testing.assert_frame_equal(again.scenes, many.scenes)


def test_queries_do_not_grow_with_the_runs(new_store: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    read = pd.read_sql

    def counted(*arguments: Any, **options: Any) -> pd.DataFrame:
        counts[-1] += 1
        return read(*arguments, **options)

    monkeypatch.setattr(pd, "read_sql", counted)
    for repeats in (1, 4):
        runs = new_store([LongUnit(repeat=repeat, epochs=1, panel=False) for repeat in range(repeats)])
        counts.append(0)
        load_study(runs, "quick")
    assert counts[0] == counts[1] > 0


def test_a_pair_is_compared_once_in_a_metric_however_many_ask(many: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: Counter[tuple[tuple[int, int], str]] = Counter()
    arms = claims.arms

    def counted(summary: Summary, claim: claims.Claim, metric: schema.Metric) -> Any:
        compared[claims.pair_key(claim), metric.name] += 1
        return arms(summary, claim, metric)

    monkeypatch.setattr(claims, "arms", counted)
    again = summarise(many.study)
    for _ in range(2):
        data.tables(again)
        table("verdicts", again)
        table("metrics", again)
        claims.judge_headline(again)
    assert len(compared) >= len(schema.TEST_METRICS)
    # Several claims may be of one pair; each looks it up.
    matchings = Counter(claims.pair_key(claim) for claim in claims.claims(again))
    assert all(count <= matchings[pair] for (pair, _), count in compared.items())


@pytest.mark.parametrize("name", ["configurations", "costs", "efforts"])
def test_tables_of_many_configurations_show_the_best_of_each_architecture(many: Summary, name: str) -> None:
    made = table(name, many)
    assert [row[0].split("\n")[0] for row in made.rows] == ["SimpleConv"] * 10 + ["Hourglass"] * 10 + ["U-Net"] * 10
    assert "Of 7" in made.note
    assert "the 10 best by validation of each architecture; 4" in made.note


def test_the_best_by_validation_are_kept_in_their_order(many: Summary) -> None:
    shown, note = base.shortened(many.configurations)
    assert shown[CONFIGURATION].is_monotonic_increasing
    column = statistic(schema.BEST_VAL_IOU, "mean")
    for name, rows in shown.groupby(ARCHITECTURE):
        every = many.configurations.loc[many.configurations[ARCHITECTURE] == name, column]
        assert rows[column].min() >= every.nlargest(10).min()
    assert "; 42 more are in the folder data." in note
    few = many.configurations.head(base.MOST_ROWS)
    assert len(few) == base.MOST_ROWS
    assert base.shortened(few)[0] is few
    assert base.shortened(few)[1] == ""


def test_many_reasons_share_rows(many: Summary) -> None:
    made = table("reasons", many)
    assert [row[:3] for row in made.rows] == [["U-Net", "diverged", "30 runs"]]
    assert made.note.endswith("Runs whose reasons differ in numbers only share a row.")


def test_estimates_of_many_are_what_compare_says_of_each_less_zero() -> None:
    rng = np.random.default_rng(0)

    def cells(configuration: int, repeats: int, folds: int, count: int, lost: int = 0) -> pd.DataFrame:
        rows = [
            (configuration, repeat, repeat % folds, f"{repeat % folds}-{scene}")
            for repeat in range(repeats)
            for scene in range(count)
        ]
        made = pd.DataFrame(rows, columns=["number", "repeat", "fold", "scene"]).assign(
            value=rng.normal(size=len(rows))
        )
        return made.drop(rng.choice(made.index, lost, replace=False))

    kinds = [(5, 5, 4), (7, 3, 5, 3), (5, 1, 6), (4, 1, 5, 2), (1, 1, 6), (4, 1, 1), (1, 1, 1), (2, 5, 1)]
    values = pd.concat([cells(number, *kind) for number, kind in enumerate(kinds)]).sample(frac=1, random_state=1)
    found = estimate_means(values, "number")
    for number, own in values.groupby("number"):
        expected = compare(own, own.assign(value=0.0), folds=10)
        assert found[int(str(number))] == (expected.difference, expected.interval, expected.repeats)
    with pytest.raises(ValueError, match="finite value for every tested scene"):
        estimate_means(values.assign(value=np.nan), "number")

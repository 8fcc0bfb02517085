"""Scene means of the baselines, beside those of the networks."""

from pathlib import Path

import pandas as pd
import pytest
from fake_units import Unit
from helpers import Fill, Summarised

from hourglass_bench.bench import schema
from hourglass_bench.reports import data
from hourglass_bench.reports.analysis.scenes import scene_means
from hourglass_bench.reports.analysis.summary import Summary, summarise
from hourglass_bench.reports.analysis.verified import verify
from hourglass_bench.reports.store.load import ARTIFACTS, RUN, load_study

COLUMNS = [schema.baseline_column(name) for name in schema.BASELINES]
LOGGED = [schema.baseline_metric(name, "iou").name for name in schema.BASELINES]


def stored(runs: pd.DataFrame) -> pd.DataFrame:
    """Means of the baselines by run and scene, as pandas reads them from the files."""
    tables = {row[RUN]: pd.read_parquet(Path(row[ARTIFACTS]) / schema.FRAME_TABLE) for _, row in runs.iterrows()}
    return pd.concat(tables, names=[RUN]).groupby([RUN, "scene"])[COLUMNS].mean()


def drop(runs: pd.DataFrame, columns: list[str]) -> None:
    """As if these runs were of a version that did not write the columns."""
    for folder in runs[ARTIFACTS]:
        file = Path(folder) / schema.FRAME_TABLE
        pd.read_parquet(file).drop(columns=columns).to_parquet(file)


@pytest.fixture
def summary(summarised: Summarised) -> Summary:
    return summarised([Unit(architecture=name, repeat=repeat) for name in ("hourglass", "unet") for repeat in range(3)])


def test_baselines_of_a_scene_are_the_means_of_its_frames(summary: Summary) -> None:
    found = summary.scenes.set_index([RUN, "scene"])[COLUMNS]
    pd.testing.assert_frame_equal(found.sort_index(), stored(summary.runs))
    assert (summary.scenes.groupby(RUN)["copy_iou"].nunique() == 4).all()
    means = found.groupby(RUN).mean().loc[summary.runs[RUN]]
    assert means.to_numpy() == pytest.approx(summary.runs[LOGGED].to_numpy())


def test_without_the_columns_every_scene_has_what_its_run_logged(summary: Summary) -> None:
    """The other runs of the study keep theirs."""
    drop(summary.runs[summary.runs["repeat"] == 1], COLUMNS)
    again = summarise(summary.study).scenes
    lacking = again["repeat"] == 1
    assert lacking.sum() == 2 * 4
    logged = summary.runs.set_index(RUN).loc[again.loc[lacking, RUN], LOGGED]
    assert (again.loc[lacking, COLUMNS].to_numpy() == logged.to_numpy()).all()
    pd.testing.assert_frame_equal(again[~lacking], summary.scenes[~lacking])
    others = summary.scenes.columns.drop(COLUMNS)
    pd.testing.assert_frame_equal(again[others], summary.scenes[others])


def test_each_baseline_is_looked_up_on_its_own(summary: Summary) -> None:
    drop(summary.runs, ["mean_mask_iou"])
    again = summarise(summary.study).scenes
    kept = again.columns.drop("mean_mask_iou")
    pd.testing.assert_frame_equal(again[kept], summary.scenes[kept])
    assert again["mean_mask_iou"].tolist() == pytest.approx((0.4 + 0.01 * again["repeat"]).tolist())


def test_baselines_that_are_neither_kept_nor_logged_are_absent(summary: Summary) -> None:
    drop(summary.runs, COLUMNS)
    found = scene_means(summary.runs.drop(columns=LOGGED), verify(summary.runs))
    assert len(found) == 6 * 4
    assert found[COLUMNS].isna().all(axis=None)
    assert found[schema.TEST_IOU.column].notna().all()


def test_autoencoders_of_masks_have_no_baselines_and_pretrained_networks_do(new_store: Fill) -> None:
    few = Unit(labelled_scenes=6)
    of = summarise(load_study(new_store([Unit(), few, Unit(architecture="autoencoder", latent=8)]), "quick"))
    assert of.others["pretraining"].scenes[COLUMNS].notna().all(axis=None)
    assert len(of.others["generative"].scenes) == 4
    assert of.others["generative"].scenes[COLUMNS].isna().all(axis=None)
    table = data.tables(of)["scenes"]
    assert table.groupby(schema.STAGE)["copy_iou"].count().to_dict() == {
        "comparison": 4,
        "generative": 0,
        "pretraining": 4,
    }


def test_a_frame_without_the_number_of_a_baseline_is_named(summary: Summary) -> None:
    file = Path(summary.runs[ARTIFACTS].iloc[2]) / schema.FRAME_TABLE
    table = pd.read_parquet(file)
    table.assign(copy_iou=table["copy_iou"].where(table.index != 3)).to_parquet(file)
    assert verify(summary.runs).refused == {
        summary.runs[RUN].iloc[2]: "must have a number for every frame, metric and baseline, got none in copy_iou."
    }


def test_no_frame_table_is_left(summary: Summary) -> None:
    for folder in summary.runs[ARTIFACTS]:
        (Path(folder) / schema.FRAME_TABLE).unlink()
    again = summarise(summary.study).scenes
    assert again.empty
    assert list(again) == list(summary.scenes)

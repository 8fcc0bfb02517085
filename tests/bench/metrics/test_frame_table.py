"""Calibration metrics and the table of all metrics per frame."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from torchmetrics.classification import BinaryCalibrationError

from hourglass_bench.bench import schema
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.metrics.calibration import brier, calibration_error, calibration_table
from hourglass_bench.bench.metrics.frame_table import FRAMES_AT_A_TIME, frame_table, scene_means, write_table
from hourglass_bench.bench.metrics.overlap import label_agreement


def predictions(frames: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    probability = rng.random((frames, 16, 12)).astype(np.float32)
    return probability, rng.random((frames, 16, 12)) < probability**2


def frames_of(truth: np.ndarray, original_size: tuple[int, int]) -> Frames:
    count = len(truth)
    return Frames(
        stems=tuple(str(number) for number in range(count)),
        scenes=tuple("ab"[number % 2] for number in range(count)),
        images=np.zeros((*truth.shape, 3), np.uint8),
        masks=truth * np.uint8(255),
        original_sizes=np.full((count, 2), original_size),
    )


def table_of(probability: np.ndarray, truth: np.ndarray, original_size: tuple[int, int]) -> pd.DataFrame:
    return frame_table(probability, frames_of(truth, original_size), np.arange(len(truth)))


def test_calibration_error_is_that_of_torchmetrics() -> None:
    probability, truth = predictions()
    probability[0, :3] = 0.0  # not 1, which torchmetrics puts into a bin of its own
    reference = BinaryCalibrationError(n_bins=15, norm="l1")
    expected = [
        reference(torch.from_numpy(p), torch.from_numpy(t)).item() for p, t in zip(probability, truth, strict=True)
    ]
    np.testing.assert_allclose(calibration_error(probability, truth), expected, rtol=1e-4)


def test_calibration_table_is_that_of_the_error() -> None:
    probability, truth = predictions()
    one = calibration_table(probability[:1], truth[:1], ["a"])
    error = (one["pixels"] * (one["probability"] - one["foreground"]).abs()).sum() / one["pixels"].sum()
    assert error == pytest.approx(calibration_error(probability[:1], truth[:1])[0])
    table = calibration_table(probability, truth, ["a", "b", "b", "c", "c"])
    assert table["scene"].unique().tolist() == ["a", "b", "c"]
    scene = table[table["scene"] == "b"].set_index("bin")
    inside = (probability[1:3] >= 4 / 15) & (probability[1:3] < 5 / 15)
    assert scene.loc[4, "pixels"] == inside.sum()
    assert scene.loc[4, "probability"] == pytest.approx(probability[1:3][inside].mean())
    assert scene.loc[4, "foreground"] == pytest.approx(truth[1:3][inside].mean())
    single = calibration_table(np.full((1, 1, 1), 0.9, np.float32), np.ones((1, 1, 1), bool), ["a"])
    assert single.to_dict("records") == [
        {"scene": "a", "bin": 13, "pixels": 1, "probability": pytest.approx(0.9), "foreground": 1.0}
    ]


def test_calibrated_and_overconfident_predictions() -> None:
    truth = np.zeros((1, 4, 4), dtype=bool)
    truth[0, :2] = True
    assert calibration_error(np.full((1, 4, 4), 0.5, dtype=np.float32), truth) == pytest.approx(0)
    assert calibration_error(np.ones((1, 4, 4), dtype=np.float32), truth) == pytest.approx(0.5)


def test_brier_is_the_mean_square() -> None:
    probability, truth = predictions()
    expected = [
        np.mean([(p - t) ** 2 for p, t in zip(chances.flat, labels.flat, strict=True)])
        for chances, labels in zip(probability, truth, strict=True)
    ]
    np.testing.assert_allclose(brier(probability, truth), expected, rtol=1e-5)


def test_table_has_every_metric_within_its_bounds_and_a_row_per_frame() -> None:
    probability, truth = predictions()
    table = table_of(probability.astype(np.float16), truth, (32, 12))
    within = [schema.within_column(tolerance) for tolerance in schema.TOLERANCES]
    assert list(table) == [*(metric.column for metric in schema.TEST_METRICS), schema.FRAME_FOREGROUND, *within]
    assert table[schema.FRAME_FOREGROUND].tolist() == pytest.approx(truth.mean(axis=(1, 2)).tolist())
    assert (table[within].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (table[schema.within_column(1.0)] == table["nsd"]).all()
    assert len(table) == 5
    for metric in schema.TEST_METRICS:
        column = table[metric.column]
        assert column.between(metric.lower, metric.upper or np.inf).all(), metric.name


def test_foreground_is_what_is_above_one_half() -> None:
    truth = np.zeros((1, 16, 12), dtype=bool)
    truth[0, :4] = True
    chance = np.where(truth, 0.51, 0.5).astype(np.float32)
    assert table_of(chance, truth, (16, 12))["iou"].tolist() == [1.0]


def test_a_stored_table_names_the_frames_that_were_tested(tmp_path: Path) -> None:
    probability, truth = predictions()
    frames, path = frames_of(truth, (16, 12)), tmp_path / "frames.parquet"
    none = np.empty(0, dtype=np.int64)
    split = Split(train=none, val=none, test=np.array([3, 0, 4]))
    table = frame_table(probability[split.test], frames, split.test)
    write_table(SimpleNamespace(frames=frames), split, table, path)
    stored = pd.read_parquet(path)
    assert list(stored) == ["stem", "scene", *table]
    assert stored["stem"].tolist() == ["3", "0", "4"]
    assert stored["scene"].tolist() == ["b", "a", "a"]
    pd.testing.assert_frame_equal(stored[list(table)], table)
    assert pq.read_schema(path).names == list(stored)


def test_frames_that_are_in_work_one_after_the_other_are_one_table() -> None:
    probability, truth = predictions(FRAMES_AT_A_TIME + 2)
    table = table_of(probability, truth, (16, 12))
    pd.testing.assert_frame_equal(
        table.iloc[-5:].reset_index(drop=True), table_of(probability[-5:], truth[-5:], (16, 12))
    )
    assert table.index.tolist() == list(range(FRAMES_AT_A_TIME + 2))


def test_perfect_prediction_is_perfect_in_every_metric() -> None:
    _, truth = predictions()
    table = table_of(truth.astype(np.float16), truth, (16, 12))
    for metric in schema.TEST_METRICS:
        best = 1 if metric.better == "higher" else 0
        assert (table[metric.column] == best).all(), metric.name


def test_scenes_weigh_the_same_in_every_mean() -> None:
    probability, truth = predictions(3)
    table = table_of(probability, truth, (16, 12))
    means = scene_means(table, ["a", "a", "b"])
    assert len(means) == len(schema.TEST_METRICS)
    for metric in schema.TEST_METRICS:
        a, b, c = table[metric.column]
        assert means[metric.name] == pytest.approx(((a + b) / 2 + c) / 2)


def test_label_agreement_is_the_iou_of_two_thresholds() -> None:
    masks = np.zeros((2, 4, 4), dtype=np.uint8)
    masks[0, :2], masks[0, 2] = 192, 64  # 8 pixels against 12
    masks[0, 3], masks[1, 0], masks[1, 1] = 63, 255, 191
    assert label_agreement(masks, ["a", "b"]) == pytest.approx((8 / 12 + 4 / 8) / 2)

"""Calibration metrics and the table of all metrics per frame."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import BinaryCalibrationError

from bench import schema
from bench.calibration import brier, calibration_error
from bench.frame_table import frame_table, scene_means
from bench.metrics import label_agreement


def predictions(frames: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    probability = rng.random((frames, 16, 12)).astype(np.float32)
    return probability, rng.random((frames, 16, 12)) < probability**2


def test_calibration_error_is_that_of_torchmetrics() -> None:
    probability, truth = predictions()
    probability[0, :3] = 0.0  # not 1, which torchmetrics puts into a bin of its own
    reference = BinaryCalibrationError(n_bins=15, norm="l1")
    expected = [
        reference(torch.from_numpy(p), torch.from_numpy(t)).item() for p, t in zip(probability, truth, strict=True)
    ]
    np.testing.assert_allclose(calibration_error(probability, truth), expected, rtol=1e-4)


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
    table = frame_table(probability.astype(np.float16), truth, np.full((5, 2), (32, 12)))
    assert [schema.TEST + column for column in table] == [metric.name for metric in schema.TEST_METRICS]
    assert len(table) == 5
    for metric in schema.TEST_METRICS:
        column = table[metric.name.removeprefix(schema.TEST)]
        assert column.between(metric.lower, metric.upper or np.inf).all(), metric.name


def test_perfect_prediction_is_perfect_in_every_metric() -> None:
    _, truth = predictions()
    table = frame_table(truth.astype(np.float16), truth, np.full((5, 2), (16, 12)))
    for metric in schema.TEST_METRICS:
        best = 1 if metric.better == "higher" else 0
        assert (table[metric.name.removeprefix(schema.TEST)] == best).all(), metric.name


def test_scenes_weigh_the_same_in_every_mean() -> None:
    probability, truth = predictions(3)
    table = frame_table(probability, truth, np.full((3, 2), (16, 12)))
    means = scene_means(table, ["a", "a", "b"])
    assert len(means) == len(table.columns)
    for column in table:
        a, b, c = table[column]
        assert means[schema.TEST + column] == pytest.approx(((a + b) / 2 + c) / 2)


def test_label_agreement_is_the_iou_of_two_thresholds() -> None:
    masks = np.zeros((2, 4, 4), dtype=np.uint8)
    masks[0, :2], masks[0, 2] = 255, 100  # 8 pixels against 12
    masks[1, 0] = 255
    assert label_agreement(masks, ["a", "b"]) == pytest.approx((8 / 12 + 1) / 2)

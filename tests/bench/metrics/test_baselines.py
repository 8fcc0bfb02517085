"""Predictions without a network."""

import numpy as np
import pandas as pd
import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.metrics import frame_table as frame_tables
from hourglass_bench.bench.metrics.baselines import RULES, baseline_metrics, baseline_table, iou_columns


def frames() -> Frames:
    """Three scenes of two frames; the test frames look like frames 1 and 2."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    images[4:] = images[[1, 2]]
    masks = np.zeros((6, 32, 32), dtype=np.uint8)
    for index, rows in enumerate((4, 8, 16, 20, 8, 24)):
        masks[index, :rows] = 255
    return Frames(
        stems=tuple(f"s{i // 2}_{i}" for i in range(6)),
        scenes=tuple(f"s{i // 2}" for i in range(6)),
        images=images,
        masks=masks,
        original_sizes=np.full((6, 2), 32),
    )


SPLIT = Split(np.array([0, 1, 2]), np.array([3]), np.array([4, 5]))


def test_baselines_know_the_training_frames_only() -> None:
    found = {name: rule(frames(), SPLIT) for name, rule in RULES.items()}
    assert found.keys() == schema.BASELINES.keys()
    assert found["base_rate"].item() == pytest.approx((4 + 8 + 16) / 3 / 32)
    np.testing.assert_allclose(found["mean_mask"][0, [0, 6, 12, 20], 0], [1, 2 / 3, 1 / 3, 0], rtol=1e-6)
    assert found["copy"].sum(axis=(1, 2)).tolist() == [8 * 32, 16 * 32]


@pytest.mark.parametrize("name", RULES)
def test_every_rule_predicts_from_the_training_masks_alone(name: str) -> None:
    """Probabilities that fit the test frames, whatever the masks of the others."""
    known = frames()
    probability = RULES[name](known, SPLIT)
    assert np.broadcast_shapes(probability.shape, (2, 32, 32)) == (2, 32, 32)
    assert len(probability) in (1, 2)
    assert probability.astype(float).min() >= 0
    assert probability.astype(float).max() <= 1
    masks = known.masks.copy()
    masks[[*SPLIT.val, *SPLIT.test]] ^= 255
    np.testing.assert_array_equal(RULES[name](known._replace(masks=masks), SPLIT), probability)
    values = baseline_table(known, SPLIT)
    metrics = [schema.baseline_metric(name, column) for column in schema.BASELINE_COLUMNS]
    assert all(values[metric.name].between(0, 1).all() for metric in metrics)


def test_scores_of_the_baselines() -> None:
    values = baseline_metrics(baseline_table(frames(), SPLIT), ["s2", "s2"])

    def value(name: str, column: str) -> float:
        return values[schema.baseline_metric(name, column).name]

    assert value("all_foreground", "iou") == pytest.approx((8 / 32 + 24 / 32) / 2)
    assert value("base_rate", "iou") == 0
    p = 28 / 96
    expected = [share * (1 - p) ** 2 + (1 - share) * p**2 for share in (8 / 32, 24 / 32)]
    assert value("base_rate", "brier") == pytest.approx(sum(expected) / 2)
    assert value("mean_mask", "iou") == pytest.approx((8 / 8 + 8 / 24) / 2)
    assert value("copy", "iou") == pytest.approx((1 + 16 / 24) / 2)
    assert value("copy", "boundary_iou") < 1


def test_scenes_weigh_the_same_in_the_scores_of_a_baseline() -> None:
    known = frames()
    table = baseline_table(known, Split(SPLIT.train[:2], SPLIT.train[2:], np.array([3, 4, 5])))
    values = baseline_metrics(table, [known.scenes[index] for index in (3, 4, 5)])
    scores = {3: 20 / 32, 4: 8 / 32, 5: 24 / 32}
    assert values["test_baselines/all_foreground_iou"] == pytest.approx((scores[3] + (scores[4] + scores[5]) / 2) / 2)


def test_frame_tables_have_the_iou_of_every_baseline_and_frame() -> None:
    columns = iou_columns(baseline_table(frames(), SPLIT))
    assert list(columns) == [schema.baseline_column(name) for name in schema.BASELINES]
    assert columns["all_foreground_iou"].tolist() == [8 / 32, 24 / 32]
    assert columns["mean_mask_iou"].tolist() == pytest.approx([1, 8 / 24])
    assert columns["copy_iou"].tolist() == pytest.approx([1, 16 / 24])


@pytest.mark.parametrize("at_a_time", [1, 2, 64])
def test_frames_keep_their_places_however_many_are_in_work(at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    split = Split(np.array([0, 1]), np.array([2]), np.array([5, 3, 4]))
    whole = baseline_table(frames(), split)
    monkeypatch.setattr(frame_tables, "FRAMES_AT_A_TIME", at_a_time)
    pd.testing.assert_frame_equal(baseline_table(frames(), split), whole, check_exact=True)
    assert whole["test_baselines/all_foreground_iou"].tolist() == [24 / 32, 20 / 32, 8 / 32]

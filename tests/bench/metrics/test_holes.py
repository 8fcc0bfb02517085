"""Every metric with holes in the truth, against loops over the pixels that count."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from hourglass_bench.bench import schema
from hourglass_bench.bench.data.frames import Frames
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.metrics.baselines import RULES, baseline_table, iou_columns
from hourglass_bench.bench.metrics.boundary import BAND, NSD_TOLERANCE
from hourglass_bench.bench.metrics.calibration import BINS, calibration_table
from hourglass_bench.bench.metrics.frame_table import frame_table
from hourglass_bench.bench.metrics.holes import close_holes, margins
from hourglass_bench.bench.metrics.overlap import label_agreement
from tests.bench.metrics.test_boundary import blobs, boundary_points, directed, f_measure

SIZE = HEIGHT, WIDTH = 18, 14
STRIP, LETTERBOX, RING, NOTHING = range(4)
"""Frames with two unknown columns, with the border of a letterbox, with a ring about the object; one without truth."""
EVERY = np.arange(4)
STEMS = ("strip", "letterbox", "ring", "nothing")
ORIGINALS = np.array([[27, 14], [18, 28], [18, 14], [18, 14]])
Pixel = tuple[int, int]


def holes() -> np.ndarray:
    ignored = np.zeros((4, *SIZE), bool)
    ignored[STRIP, :, 5:7] = True
    ignored[LETTERBOX, :3] = ignored[LETTERBOX, -2:] = True
    ignored[RING, 3:15, 2:11] = True
    ignored[RING, 5:13, 4:9] = False
    ignored[NOTHING] = True
    return ignored


def frames(seed: int = 0) -> Frames:
    """Soft masks; what they say where pixels are ignored depends on the seed alone."""
    masks = np.concatenate([blobs(3)[:2] * np.uint8(255), np.zeros((2, *SIZE), np.uint8)])
    masks[RING, 5:13, 4:9] = 255
    masks[:2] = np.where(blobs(8)[:2], masks[:2] // 2 + 60, masks[:2])  # of 60 and of 187
    noise = np.random.default_rng(seed).integers(0, 256, masks.shape, dtype=np.uint8)
    return Frames(
        stems=STEMS,
        scenes=("a", "a", "b", "c"),
        images=np.random.default_rng(1).integers(0, 256, (4, *SIZE, 3), dtype=np.uint8),
        masks=np.where(holes(), noise, masks),
        original_sizes=ORIGINALS,
        ignored=holes(),
    )


def probabilities(seed: int = 0) -> np.ndarray:
    """Predictions that are off by some pixels; what they say where pixels are ignored depends on the seed alone."""
    rng = np.random.default_rng(2)
    likely = np.concatenate([blobs(4, share=0.5)[:2], np.zeros((2, *SIZE), bool)])
    likely[RING, 7:13, 4:9] = True  # two rows short of the object
    chance = np.where(likely, rng.uniform(0.55, 1, likely.shape), rng.uniform(0, 0.45, likely.shape))
    noise = np.random.default_rng(seed).random(chance.shape)
    return np.where(holes(), noise, chance).astype(np.float16)


def counted(ignored: np.ndarray) -> list[Pixel]:
    return [place for place in np.ndindex(*SIZE) if not ignored[place]]


def is_beyond(ignored: np.ndarray, place: Pixel) -> bool:
    """Whether all rows or columns from the pixel's on to an edge are ignored."""
    row, column = place
    ways = (ignored[: row + 1], ignored[row:], ignored[:, : column + 1], ignored[:, column:])
    return any(bool(way.all()) for way in ways)


def closed(mask: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Pixel by pixel; no hole of these frames is as near to foreground as it is to background."""
    result, known = np.zeros(SIZE, bool), counted(ignored)
    for place in np.ndindex(*SIZE):
        if is_beyond(ignored, place):
            continue
        least = min(math.dist(place, other) for other in known)
        values = {bool(mask[other]) for other in known if math.dist(place, other) == least}
        assert len(values) == 1
        result[place] = values.pop()
    return result


def within_frame(mask: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """The mask without the rows of a letterbox, the only borders of these frames."""
    inside = [row for row in range(HEIGHT) if not is_beyond(ignored, (row, 0))]
    return mask[inside]


def band(mask: np.ndarray) -> set[Pixel]:
    """Pixels of the mask with one in the square about them that is not, or lies beyond the frame."""

    def inside(row: int, column: int) -> bool:
        return 0 <= row < HEIGHT and 0 <= column < WIDTH and bool(mask[row, column])

    width = max(1, round(BAND * math.hypot(*SIZE)))
    reach = range(-width, width + 1)
    return {
        (row, column)
        for row, column in np.ndindex(*SIZE)
        if mask[row, column] and not all(inside(row + down, column + right) for down, right in product(reach, reach))
    }


def share(first: set[Pixel], second: set[Pixel]) -> float:
    return len(first & second) / len(first | second) if first | second else 1.0


def expected(chance: np.ndarray, truth: np.ndarray, ignored: np.ndarray, original: tuple[int, int]) -> dict[str, float]:
    """Of one frame in which both masks have a boundary, or neither."""
    places = counted(ignored)
    ours, theirs = {at for at in places if chance[at] > 0.5}, {at for at in places if truth[at]}
    bins: dict[int, float] = {}
    for at in places:
        number = min(int(np.float32(chance[at]) * BINS), BINS - 1)
        bins[number] = bins.get(number, 0) + float(chance[at]) - float(truth[at])
    pixels = max(len(places), 1)
    values = {
        "iou": share(ours, theirs),
        "dice": 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours | theirs else 1.0,
        "brier": sum((float(chance[at]) - float(truth[at])) ** 2 for at in places) / pixels,
        "ece": sum(abs(excess) for excess in bins.values()) / pixels,
        schema.FRAME_FOREGROUND: len(theirs) / pixels,
    }
    masks = [closed(mask, ignored) if places else np.zeros(SIZE, bool) for mask in (chance > 0.5, truth)]
    lines = [boundary_points(mask) for mask in masks]
    spacing = (original[0] / HEIGHT, original[1] / WIDTH)
    there, back = (directed(*pair, spacing) if all(lines) else np.zeros(1) for pair in (lines, lines[::-1]))
    both, shown = np.concatenate([there, back]), [within_frame(mask, ignored) for mask in masks]
    values |= {
        "boundary_iou": share(*(band(mask) & set(places) for mask in masks)),
        "boundary_f": f_measure(*shown, spacing, math.hypot(*original)) if places else 1.0,
        "nsd": float(np.mean(both <= NSD_TOLERANCE)),
        "hd95": float(max(np.percentile(there, 95), np.percentile(back, 95))),
        "assd": float(np.mean(both)),
    }
    within = {schema.within_column(tolerance): float(np.mean(both <= tolerance)) for tolerance in schema.TOLERANCES}
    return values | within


def test_every_column_of_the_frame_table_is_that_of_the_pixels_that_count() -> None:
    known, chances = frames(), probabilities()
    table = frame_table(chances, known, EVERY)
    truth = known.masks >= 128
    for index in EVERY:
        original = tuple(ORIGINALS[index].tolist())
        values = expected(chances[index].astype(np.float32), truth[index], holes()[index], original)
        assert table.columns.symmetric_difference(list(values)).empty
        assert table.loc[index].to_dict() == pytest.approx(values, rel=1e-5), STEMS[index]


def test_without_the_holes_every_metric_is_another_one() -> None:
    """Otherwise the comparisons here would tell nothing."""
    table, whole = (frame_table(probabilities(), of, EVERY) for of in (frames(), frames()._replace(ignored=None)))
    for metric in schema.TEST_METRICS:
        assert (table[metric.column] != whole[metric.column]).sum() > 1, metric.name


def test_nothing_that_is_said_in_a_hole_changes_a_metric() -> None:
    table = frame_table(probabilities(), frames(), EVERY)
    pd.testing.assert_frame_equal(frame_table(probabilities(seed=5), frames(), EVERY), table)
    pd.testing.assert_frame_equal(frame_table(probabilities(), frames(seed=6), EVERY), table)
    split = Split(np.array([0, 1]), np.array([3]), np.array([2]))
    pd.testing.assert_frame_equal(baseline_table(frames(seed=6), split), baseline_table(frames(), split))
    agreements = {label_agreement(frames(seed).masks, STEMS, holes()) for seed in range(3)}
    assert len(agreements) == 1


def test_a_prediction_that_is_right_where_pixels_count_is_perfect() -> None:
    known = frames()
    noise = np.random.default_rng(7).random(known.masks.shape)
    table = frame_table(np.where(holes(), noise, known.masks >= 128), known, EVERY)
    for metric in schema.TEST_METRICS:
        assert (table[metric.column] == (1 if metric.better == "higher" else 0)).all(), metric.name


def test_along_a_ring_of_undecided_pixels_errors_are_measured_from_its_middle() -> None:
    """The object's rows 5 to 12 are known, two rows about them are not: it may end in row 4, of which 7 is 3 off."""
    table = frame_table(probabilities(), frames(), EVERY)
    assert table.loc[RING, "iou"] == pytest.approx(6 / 8)
    assert table.loc[RING, "hd95"] == 3


def test_what_lies_in_a_letterbox_is_beyond_the_frame() -> None:
    """An object that the frame cuts off ends there: one that is a row shorter is a row off, not the border's width."""
    ignored = np.zeros((1, *SIZE), bool)
    ignored[0, :4] = ignored[0, -4:] = True
    truth = np.zeros((1, *SIZE), bool)
    truth[0, 4:9, 3:10] = True
    shorter = truth.copy()
    shorter[0, 4] = False
    shorter[0, :4] = True
    known = frames()._replace(masks=truth * np.uint8(255), ignored=ignored, original_sizes=np.array([SIZE]))
    row = frame_table(shorter.astype(np.float32), known, np.array([0])).iloc[0]
    cropped = known._replace(masks=known.masks[:, 4:-4], ignored=None, original_sizes=np.array([[10, WIDTH]]))
    alone = frame_table(shorter[:, 4:-4].astype(np.float32), cropped, np.array([0])).iloc[0]
    assert row["hd95"] == 1
    assert row.to_dict() == pytest.approx(alone.to_dict())


@pytest.mark.parametrize("seed", range(5))
def test_holes_of_any_form_go_on_as_a_nearest_pixel_has_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ignored = rng.random((1, *SIZE)) < rng.uniform(0.1, 0.9)
    first, second = blobs(seed)[:1], blobs(seed + 10)[:1]
    agreeing = np.where(ignored, second, first)
    completed, same = close_holes(first, agreeing, ignored)
    np.testing.assert_array_equal(completed, same)
    np.testing.assert_array_equal(completed[~ignored], first[~ignored])
    beyond = margins(ignored)
    for at in np.ndindex(*SIZE):
        assert beyond[0][at] == is_beyond(ignored[0], at)
        least = min(math.dist(at, other) for other in counted(ignored[0]))
        near = {bool(first[0][other]) for other in counted(ignored[0]) if math.dist(at, other) == least}
        assert completed[0][at] in ({False} if beyond[0][at] else near)


def test_the_calibration_table_has_the_pixels_that_count() -> None:
    known, chances = frames(), probabilities().astype(np.float32)
    table = calibration_table(chances, known.masks >= 128, known.scenes, known.ignored)
    rows = [
        (scene, min(int(chances[frame][at] * BINS), BINS - 1), float(chances[frame][at]), known.masks[frame][at] >= 128)
        for frame, scene in enumerate(known.scenes)
        for at in counted(holes()[frame])
    ]
    pixels = pd.DataFrame(rows, columns=["scene", "bin", "probability", "foreground"])
    groups = pixels.groupby(["scene", "bin"], as_index=False)
    means = groups[["probability", "foreground"]].mean()
    assert table["pixels"].dtype == np.int64
    assert table["pixels"].tolist() == groups.size()["size"].tolist()
    assert "c" not in set(table["scene"])
    for column in means:
        assert table[column].tolist() == pytest.approx(means[column].tolist()) or column == "scene"


def test_label_agreement_is_that_of_the_pixels_that_count() -> None:
    known = frames()
    values = []
    for frame in range(4):
        low, high = (
            {at for at in counted(holes()[frame]) if known.masks[frame][at] >= threshold} for threshold in (64, 192)
        )
        values.append(share(low, high))
    assert not all(values[0] == value for value in values)
    assert label_agreement(known.masks, STEMS, known.ignored) == pytest.approx(np.mean(values))


def test_baselines_are_made_of_and_judged_by_the_pixels_that_count() -> None:
    known = frames()
    split = Split(np.array([STRIP, LETTERBOX]), np.array([NOTHING]), np.array([RING]))
    truth = [{at for at in counted(holes()[frame]) if known.masks[frame][at] >= 128} for frame in range(4)]
    of_training = {frame: counted(holes()[frame]) for frame in (STRIP, LETTERBOX)}
    rate = sum(len(truth[frame]) for frame in of_training) / sum(map(len, of_training.values()))
    mean = np.zeros(SIZE)
    for at in np.ndindex(*SIZE):
        labels = [at in truth[frame] for frame, places in of_training.items() if at in places]
        mean[at] = sum(labels) / len(labels) if labels else 0
    assert (mean[:3, 5:7] == 0).all()  # known of no training frame
    copied = next(frame for frame in of_training if (RULES["copy"](known, split)[0] == as_mask(truth[frame])).all())
    probability = {
        "all_foreground": np.ones(SIZE),
        "base_rate": np.full(SIZE, rate),
        "mean_mask": mean,
        "copy": as_mask(truth[copied]).astype(float),
    }
    (values,) = baseline_table(known, split).to_dict("records")
    for name, chance in probability.items():
        np.testing.assert_allclose(np.broadcast_to(RULES[name](known, split)[0], SIZE), chance, rtol=1e-6)
        places = counted(holes()[RING])
        scores = {
            "iou": share({at for at in places if chance[at] > 0.5}, truth[RING]),
            "brier": np.mean([(chance[at] - (at in truth[RING])) ** 2 for at in places]),
        }
        if name in ("all_foreground", "base_rate"):
            masks = closed(chance > 0.5, holes()[RING]), closed(as_mask(truth[RING]), holes()[RING])
            scores["boundary_iou"] = share(*(band(mask) & set(places) for mask in masks))
        for column, score in scores.items():
            assert values[schema.baseline_metric(name, column).name] == pytest.approx(score, rel=1e-5), name


def as_mask(places: set[Pixel]) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    for at in places:
        mask[at] = True
    return mask


def test_iou_of_a_baseline_on_every_frame_is_that_of_the_pixels_that_count() -> None:
    """Among them a frame without foreground, of which a baseline that finds none is right, and one without truth."""
    known = frames()
    known.masks[STRIP][~holes()[STRIP]] = 0
    split = Split(np.array([LETTERBOX]), np.array([], int), np.array([STRIP, RING, NOTHING]))
    columns = iou_columns(baseline_table(known, split))
    for name, rule in RULES.items():
        chances = np.broadcast_to(rule(known, split), (3, *SIZE))
        ious = [
            share(
                {at for at in counted(holes()[frame]) if chance[at] > 0.5},
                {at for at in counted(holes()[frame]) if known.masks[frame][at] >= 128},
            )
            for frame, chance in zip(split.test, chances, strict=True)
        ]
        assert columns[schema.baseline_column(name)].tolist() == pytest.approx(ious), name
    assert columns["base_rate_iou"].tolist() == [1, 0, 1]
    assert columns["all_foreground_iou"].tolist() == [0, pytest.approx(40 / 184), 1]
    assert columns["copy_iou"].between(0, 1, inclusive="neither").any()

"""A run on frames with ignored pixels, from its training to the files that it leaves."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import folds
from hourglass_bench.bench.commands.train import train_one
from hourglass_bench.bench.config import RunConfig, TrainingConfig
from hourglass_bench.bench.data import panel
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.data.split import split_frames
from tests.bench.conftest import MakeConfig


def with_holes(dataset: Dataset, flip: bool) -> Dataset:
    """A letterbox about every frame and a hole in it; where pixels are ignored, the labels may be flipped."""
    frames = dataset.frames
    ignored = np.zeros(frames.masks.shape, bool)
    ignored[:, :2] = ignored[:, -3:] = ignored[:, 6:9, 5:11] = True
    masks = np.where(ignored, 255 - frames.masks, frames.masks) if flip else frames.masks
    return dataset._replace(frames=frames._replace(ignored=ignored, masks=masks))


class Ran:
    """A run with holes in its frames."""

    def __init__(self, config: RunConfig, runs: Path, *, flip: bool = False) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folds, "load", lambda *of: with_holes(load(*of), flip))
            self.answer: dict[str, Any] = train_one(config, runs=runs, device="cpu")
        assert self.answer["state"] == "complete"
        self.folder = Path(self.answer["checkpoint"]).parent.parent
        self.frames = with_holes(load(config.data, runs / schema.CACHE_DIR), flip=False).frames
        self.split = split_frames(self.frames.scenes, config.data, config.repeat)

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / name)


@pytest.fixture(scope="module")
def config(tiny_config: MakeConfig) -> RunConfig:
    return tiny_config(training=TrainingConfig(epochs=3, pretrain_epochs=1, batch_size=4))


@pytest.fixture(scope="module")
def ran(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(config, tmp_path_factory.mktemp("runs"))


def test_labels_in_the_holes_change_nothing_that_a_run_finds(ran: Ran, config: RunConfig, tmp_path: Path) -> None:
    other = Ran(config, tmp_path, flip=True)
    for name in (schema.FRAME_TABLE, schema.CALIBRATION_TABLE):
        pd.testing.assert_frame_equal(other.table(name), ran.table(name))
    found, expected = (np.load(of.folder / schema.PANEL_DATA) for of in (other, ran))
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    pictures = [[file.read_bytes() for file in sorted((of.folder / "images").glob("*.png"))] for of in (other, ran)]
    assert pictures[0] == pictures[1] != []


def test_tables_and_panel_are_of_the_pixels_that_count(ran: Ran) -> None:
    frames, test = ran.frames, ran.split.test
    ignored = frames.ignored[test]
    pixels = (~ignored).sum(axis=(1, 2))
    table, reliability = ran.table(schema.FRAME_TABLE), ran.table(schema.CALIBRATION_TABLE)
    labels = (frames.masks[test] >= 128) & ~ignored
    assert table[schema.FRAME_FOREGROUND].tolist() == pytest.approx((labels.sum(axis=(1, 2)) / pixels).tolist())
    shares = [label[~hole].mean() for label, hole in zip(labels, ignored, strict=True)]
    assert table[schema.baseline_column("all_foreground")].tolist() == pytest.approx(shares)
    assert reliability["pixels"].sum() == pixels.sum()
    kept = np.load(ran.folder / schema.PANEL_DATA)
    shown = [frames.stems.index(stem) for stem in kept["stems"]]
    assert np.array_equal(kept["ignored"], frames.ignored[shown])
    assert not (kept["truth"] & kept["ignored"]).any()
    rows = table.set_index("stem").loc[kept["stems"], "iou"]
    for iou, truth, chance, hole in zip(rows, kept["truth"], kept["probability"], kept["ignored"], strict=True):
        ours, theirs = (chance > 0.5)[~hole], truth[~hole]
        assert iou == pytest.approx((ours & theirs).sum() / (ours | theirs).sum())
    json.dumps(ran.answer)


def test_ignored_pixels_are_grey_in_the_panel_but_for_the_image(ran: Ran) -> None:
    kept = np.load(ran.folder / schema.PANEL_DATA)
    arrays: list[NDArray[Any]] = [kept[name] for name in ("images", "truth", "ignored", "probability")]
    drawn = np.asarray(panel.draw_rows(*arrays)[0])[::8, ::8]  # enlarged eight times
    image, truth, probability, errors = np.split(drawn, 4, axis=1)
    hole = kept["ignored"][0]
    assert np.array_equal(image, kept["images"][0])
    for picture in (truth, probability, errors):
        assert (picture[hole] == panel.IGNORED).all()
    assert np.array_equal(truth[~hole][:, 0] == 255, kept["truth"][0][~hole])

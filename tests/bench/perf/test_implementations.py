"""The implementations train the same thing: files read back equal, weights and scores agree after an epoch."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench.config import AUGMENTATION, DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import load, read
from hourglass_bench.bench.data.frames import is_foreground
from hourglass_bench.bench.perf import harness as perf_harness
from hourglass_bench.bench.perf.config import HARNESS, IMPLEMENTATIONS, PLAIN, PerfConfig
from hourglass_bench.bench.perf.harness import NOMINAL_STEPS
from hourglass_bench.bench.perf.implementations import load_implementation
from hourglass_bench.bench.perf.measure import Comparison
from hourglass_bench.bench.perf.pngs import PngDataset, make_loaders, split_pngs, write_pngs
from hourglass_bench.bench.perf.records import EpochTiming
from hourglass_bench.bench.perf.task import Task
from hourglass_bench.bench.perf.timer import EpochTimer
from hourglass_bench.bench.training.autotune import Tuned
from hourglass_bench.bench.training.setup import Setup, planned_steps
from hourglass_bench.bench.training.trainer import Trainer

CPU = torch.device("cpu")
TOLERANCE = 1e-5
"""Of a weight: rounding makes differences of 1e-7."""
# One batch holds all training frames, so that the order, in which implementations differ, says nothing.
CONFIG = RunConfig(
    architecture=configure("unet", (4, 8)),
    data=DataConfig(size=(16, 24), synthetic_scenes=6, synthetic_frames=2, folds=3),
    training=TrainingConfig(
        epochs=4, batch_size=4, lr=1e-2, clip_norm=0.1, precision="fp32", **dict.fromkeys(AUGMENTATION, 0)
    ),
    repeat=1,
)


class Trained(NamedTuple):
    weights: dict[str, torch.Tensor]
    timings: list[EpochTiming]

    def images(self) -> list[tuple[int, int]]:
        return [(epoch.train_images, epoch.val_images) for epoch in self.timings]


def comparison_of(dataset: Dataset, root: Path) -> Comparison:
    """All implementations on these frames, which lie in the cache of `root`."""
    write_pngs(dataset.frames, root / "pngs")
    return Comparison(
        implementations=list(IMPLEMENTATIONS),
        perf=PerfConfig(),
        dataset=dataset,
        pngs=root / "pngs",
        cache=root / "cache",
        device=CPU,
        workers=0,
    )


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    root = tmp_path_factory.mktemp("perf")
    dataset = load(CONFIG.data, root / "cache")
    return comparison_of(dataset, root)


def train(task: Task) -> Trained:
    timings: list[EpochTiming] = []
    network = load_implementation(task.implementation)(task, EpochTimer(CPU, task.lap_seconds, timings.append))
    return Trained(network.state_dict(), timings)


@pytest.fixture(scope="module")
def harness(comparison: Comparison) -> Trained:
    return train(comparison.task(HARNESS, CONFIG))


@pytest.fixture(scope="module")
def plain(comparison: Comparison) -> Trained:
    return train(comparison.task(PLAIN, CONFIG))


def test_png_files_read_back_equal(comparison: Comparison) -> None:
    frames = comparison.dataset.frames
    stored = read(replace(CONFIG.data, path=str(comparison.pngs))).frames
    assert stored.stems == frames.stems
    assert stored.scenes == frames.scenes
    np.testing.assert_array_equal(stored.images, frames.images)
    np.testing.assert_array_equal(stored.masks, frames.masks)


def test_stems_with_the_folder_of_a_scene_are_written_and_read(tmp_path: Path) -> None:
    frames = read(CONFIG.data).frames
    nested = frames._replace(stems=tuple(stem.replace("_", "/") for stem in frames.stems))
    write_pngs(nested, tmp_path)
    stored = read(replace(CONFIG.data, path=str(tmp_path))).frames
    assert (stored.stems, stored.scenes) == (nested.stems, frames.scenes)
    image, _ = PngDataset(tmp_path, nested.stems)[3]
    assert image.shape == (3, 16, 24)


def test_items_are_the_frames_of_their_stems(comparison: Comparison) -> None:
    frames = comparison.dataset.frames
    image, mask = PngDataset(comparison.pngs, frames.stems)[3]
    pixels = (image * 0.25 + 0.5).mul(255).round().permute(1, 2, 0).byte()
    np.testing.assert_array_equal(pixels.numpy(), frames.images[3])
    np.testing.assert_array_equal(mask[0].numpy() == 1, is_foreground(frames.masks[3]))


def test_loaders_give_full_batches_of_the_training_frames_in_the_seeds_order(comparison: Comparison) -> None:
    pngs = split_pngs(comparison.dataset.frames, comparison.split(CONFIG), comparison.pngs, passes=2)
    assert len(pngs.train) == 8
    assert pngs.train[:4] == pngs.train[4:]
    first, again, other = ([images for images, _ in make_loaders(pngs, 3, seed).train] for seed in (1, 1, 2))
    assert [len(images) for images in first] == [3, 3]
    assert torch.equal(torch.cat(first), torch.cat(again))
    assert not torch.equal(torch.cat(first), torch.cat(other))


def largest_difference(trained: Trained, expected: Trained) -> float:
    assert trained.weights.keys() == expected.weights.keys()
    return max((values - expected.weights[name]).abs().max().item() for name, values in trained.weights.items())


@pytest.mark.parametrize("implementation", [name for name in IMPLEMENTATIONS if name != HARNESS])
def test_all_train_the_same(implementation: str, comparison: Comparison, harness: Trained) -> None:
    trained = train(comparison.task(implementation, CONFIG))
    assert largest_difference(trained, harness) < TOLERANCE
    assert [epoch.val_iou for epoch in trained.timings] == pytest.approx([epoch.val_iou for epoch in harness.timings])
    assert trained.images() == harness.images() == [(4, 4)] * 4


def test_the_harness_chooses_its_execution_as_for_a_training_in_earnest(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for the few steps that are timed, in which what takes long to start would not pay."""
    planned = []

    def record(config: RunConfig, setup: Setup, cache: Path, device: torch.device) -> Tuned:
        planned.append(planned_steps(config.training, setup.split))
        return Tuned(setup, {})

    monkeypatch.setattr(perf_harness, "is_worth_tuning", lambda _, steps: steps == NOMINAL_STEPS)
    monkeypatch.setattr(perf_harness, "tune", record)
    task = comparison.task(HARNESS, CONFIG)
    train(task)
    assert planned == [NOMINAL_STEPS]
    assert task.steps == 4


def test_the_harness_says_once_that_its_graph_was_given_up(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Trainer, "graph_failure", "training: the capture failed")
    train(comparison.task(HARNESS, CONFIG))
    assert capsys.readouterr().err.count("harness: without a graph in training: the capture failed\n") == 1


@pytest.fixture(scope="module")
def undecided(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A folder of hard masks with a margin of 255, which counts nowhere."""
    root = tmp_path_factory.mktemp("undecided")
    frames = read(CONFIG.data).frames
    ignored = np.zeros(frames.masks.shape, np.bool_)
    ignored[:, :, :8] = True
    write_pngs(frames._replace(ignored=ignored), root / "data")
    dataset = load(replace(CONFIG.data, path=str(root / "data")), root / "cache")
    assert dataset.frames.ignored is not None
    np.testing.assert_array_equal(dataset.frames.ignored, ignored)
    return comparison_of(dataset, root)


@pytest.mark.parametrize("implementation", [name for name in IMPLEMENTATIONS if name != HARNESS])
def test_what_is_ignored_counts_for_none_of_them(implementation: str, undecided: Comparison) -> None:
    config = replace(CONFIG, data=replace(CONFIG.data, path=str(undecided.pngs.parent / "data")))
    expected = train(undecided.task(HARNESS, config))
    trained = train(undecided.task(implementation, config))
    assert largest_difference(trained, expected) < TOLERANCE
    assert [epoch.val_iou for epoch in trained.timings] == pytest.approx([epoch.val_iou for epoch in expected.timings])


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 1.1e-2},
        {"clip_norm": 0},
        {"weight_decay": 0.02},
        {"schedule": "constant"},
        {"loss": (("bce", 1.0), ("dice", 0.9))},
    ],
)
def test_the_comparison_would_notice(change: dict[str, Any], comparison: Comparison, plain: Trained) -> None:
    changed = train(comparison.task(PLAIN, replace(CONFIG, training=replace(CONFIG.training, **change))))
    assert largest_difference(changed, plain) > 5 * TOLERANCE


@pytest.mark.parametrize("implementation", [HARNESS, PLAIN])
def test_an_epoch_passes_the_frames_as_often_as_told(implementation: str, comparison: Comparison) -> None:
    assert train(comparison.task(implementation, CONFIG, passes=3)).images() == [(12, 12)] * 4

"""The contenders train the same thing: files read back equal, weights and scores agree after an epoch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from architectures.registry import configure
from bench.config import DataConfig, RunConfig, TrainingConfig
from bench.data.dataset import load
from bench.data.folder import find_pairs, read_frames
from bench.data.frames import is_foreground
from bench.data.split import split_frames
from bench.perf.config import CONTENDERS, HARNESS, PLAIN, PerfConfig
from bench.perf.contenders import Task, load_contender
from bench.perf.laps import Laps
from bench.perf.measure import Bench
from bench.perf.pngs import PngDataset, make_loaders, split_pngs, write_pngs
from bench.perf.records import Lap

CPU = torch.device("cpu")
TOLERANCE = 1e-5
"""Of a weight: rounding makes differences of 1e-7."""
# One batch holds all training frames, so that the order, in which contenders differ, says nothing.
CONFIG = RunConfig(
    architecture=configure("unet", (4, 8)),
    data=DataConfig(size=(16, 24), synthetic_scenes=6, synthetic_frames=2, folds=3),
    training=TrainingConfig(
        epochs=4,
        batch_size=4,
        lr=1e-2,
        clip_norm=0.1,
        precision="fp32",
        flip=0,
        rotate=0,
        scale=0,
        shift=0,
        color_jitter=0,
    ),
    repeat=1,
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = tmp_path_factory.mktemp("perf")
    dataset = load(CONFIG.data, root / "cache")
    write_pngs(dataset.frames, root / "pngs")
    return Bench(
        contenders=list(CONTENDERS),
        perf=PerfConfig(),
        dataset=dataset,
        pngs=root / "pngs",
        cache=root / "cache",
        device="cpu",
        workers=0,
    )


def train(task: Task) -> tuple[dict[str, torch.Tensor], list[Lap]]:
    laps: list[Lap] = []
    network = load_contender(task.contender)(task, Laps(CPU, laps.append))
    return network.state_dict(), laps


def test_png_files_read_back_equal(bench: Bench) -> None:
    frames = bench.dataset.frames
    read = read_frames(find_pairs(bench.pngs, ""), CONFIG.data.size)
    assert read.stems == frames.stems
    assert read.scenes == frames.scenes
    np.testing.assert_array_equal(read.images, frames.images)
    np.testing.assert_array_equal(read.masks, frames.masks)


def test_items_are_the_frames_of_their_stems(bench: Bench) -> None:
    frames = bench.dataset.frames
    image, mask = PngDataset(bench.pngs, frames.stems)[3]
    pixels = (image * 0.25 + 0.5).mul(255).round().permute(1, 2, 0).byte()
    np.testing.assert_array_equal(pixels.numpy(), frames.images[3])
    np.testing.assert_array_equal(mask[0].numpy() == 1, is_foreground(frames.masks[3]))


def test_loaders_give_full_batches_of_the_training_frames_in_the_seeds_order(bench: Bench) -> None:
    frames = bench.dataset.frames
    pngs = split_pngs(frames, split_frames(frames.scenes, CONFIG.data, 1), bench.pngs, repeats=2)
    assert len(pngs.train) == 8
    assert pngs.train[:4] == pngs.train[4:]
    first, again, other = ([images for images, _ in make_loaders(pngs, 3, seed).train] for seed in (1, 1, 2))
    assert [len(images) for images in first] == [3, 3]
    assert torch.equal(torch.cat(first), torch.cat(again))
    assert not torch.equal(torch.cat(first), torch.cat(other))


def largest_difference(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> float:
    assert weights.keys() == others.keys()
    return max((values - others[name]).abs().max().item() for name, values in weights.items())


@pytest.mark.parametrize("contender", [name for name in CONTENDERS if name != HARNESS])
def test_all_train_the_same(contender: str, bench: Bench) -> None:
    expected, harness_laps = train(bench.task(HARNESS, CONFIG))
    weights, laps = train(bench.task(contender, CONFIG))
    assert largest_difference(weights, expected) < TOLERANCE
    assert [lap.val_iou for lap in laps] == pytest.approx([lap.val_iou for lap in harness_laps])
    assert [(lap.train_images, lap.val_images) for lap in laps] == [(4, 4)] * 4
    assert [(lap.train_images, lap.val_images) for lap in harness_laps] == [(4, 4)] * 4


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
def test_the_comparison_would_notice(change: dict[str, Any], bench: Bench) -> None:
    expected, _ = train(bench.task(PLAIN, CONFIG))
    weights, _ = train(bench.task(PLAIN, replace(CONFIG, training=replace(CONFIG.training, **change))))
    assert largest_difference(weights, expected) > 5 * TOLERANCE


@pytest.mark.parametrize("contender", [HARNESS, PLAIN])
def test_an_epoch_passes_the_frames_as_often_as_told(contender: str, bench: Bench) -> None:
    _, laps = train(bench.task(contender, CONFIG, repeats=3))
    assert [(lap.train_images, lap.val_images) for lap in laps] == [(12, 12)] * 4

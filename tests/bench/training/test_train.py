"""Training: it learns, it repeats to the bit, every seed counts, and the schedule is the one it claims to be."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from hourglass_bench.architectures.registry import ARCHITECTURES, configure
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.data.synthetic import generate
from hourglass_bench.bench.metrics.base_rate import STUCK_EPOCHS, BaseRate
from hourglass_bench.bench.training.augment import (
    Transform,
    apply_color_jitter,
    augment,
    sample_affine,
    sample_color_jitter,
    sample_transform,
)
from hourglass_bench.bench.training.device_frames import DeviceFrames, to_device
from hourglass_bench.bench.training.schedule import lr_factor
from hourglass_bench.bench.training.setup import make_trainer, prepare
from hourglass_bench.bench.training.train import EpochRecord, TrainingResult, base_rate_of, train
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")
PLAIN = TrainingConfig(flip=0, rotate=0, scale=0, shift=0, color_jitter=0, epochs=2, batch_size=4, lr=1e-2)
DATA = to_device(generate(scenes=4, frames_per_scene=3, size=(32, 32), seed=0), CPU)
SPLIT = Split(np.arange(6), np.arange(6, 9), np.arange(9, 12))


def make_config(name: str = "unet", training: TrainingConfig = PLAIN, seed: int = 0) -> RunConfig:
    return RunConfig(
        architecture=configure(name, (8, 16), norm="batch"),
        data=DataConfig(size=(32, 32)),
        training=training,
        repeat=seed,
    )


def run_training(config: RunConfig, stop_after: int = 10**6) -> tuple[TrainingResult, list[EpochRecord]]:
    records: list[EpochRecord] = []

    def on_epoch(record: EpochRecord) -> str | None:
        records.append(record)
        return "enough" if record.epoch >= stop_after else None

    trainer = make_trainer(config, 10, CPU)
    return train(trainer, DATA, SPLIT, on_epoch), records


@pytest.mark.parametrize(
    "name", [name for name, spec in ARCHITECTURES.items() if not spec.reconstructs and name != "unet_twin"]
)
def test_one_batch_is_learnt(name: str) -> None:
    trainer = make_trainer(make_config(name, replace(PLAIN, schedule="constant")), 100, CPU)
    losses = [trainer.step(DATA.images[:4], DATA.masks[:4], trainer.sample(4)).item() for _ in range(200)]
    assert losses[-1] < 0.15 * losses[0]


@pytest.mark.parametrize("name", ["unet", "autoencoder", "vae"])
def test_same_seed_is_bit_identical_and_another_is_not(name: str) -> None:
    (first, _), (again, _), (other, _) = (
        run_training(make_config(name, TrainingConfig(epochs=2, batch_size=4), seed)) for seed in (0, 0, 1)
    )
    assert first.best._replace(epoch_seconds=0) == again.best._replace(epoch_seconds=0)
    assert all(torch.equal(first.best_state[key], again.best_state[key]) for key in first.best_state)
    assert any(not torch.equal(first.best_state[key], other.best_state[key]) for key in first.best_state)


def batches(name: str, seed: int) -> torch.Tensor:
    """What the network is fed in its first epochs, augmented."""
    config = make_config(name, replace(PLAIN, flip=0.5, rotate=15.0, color_jitter=0.4), seed)
    trainer = make_trainer(config, 10, CPU)
    fed: list[torch.Tensor] = []
    first = trainer.network.get_submodule("encoder.0")
    first.register_forward_pre_hook(lambda _, inputs: fed.append(inputs[0].detach().clone()))
    for _ in range(2):
        trainer.train_epoch(DATA, torch.arange(8))
    return torch.cat(fed)


def test_every_architecture_is_fed_the_same_batches_by_one_seed() -> None:
    expected = batches("unet", 3)
    assert all(torch.equal(batches(name, 3), expected) for name in ARCHITECTURES)
    assert not torch.equal(batches("unet", 4), expected)


def test_best_epoch_is_the_one_with_the_highest_validation_iou() -> None:
    result, records = run_training(make_config(training=replace(PLAIN, epochs=6)))
    assert result.best.val_iou == max(record.scores[schema.VAL_IOU.name] for record in records)
    assert (result.state, result.epochs, len(records)) == ("complete", 6, 6)
    trainer = make_trainer(make_config(seed=9), 1, CPU)
    trainer.network.load_state_dict(result.best_state)
    evaluation = trainer.evaluate(DATA, torch.arange(6, 9))
    assert evaluation == pytest.approx(result.best.scores)


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_best_epoch_of_a_reconstruction_is_the_one_with_the_lowest_validation_loss(name: str) -> None:
    result, records = run_training(make_config(name, replace(PLAIN, epochs=6)))
    assert result.best.val_loss == min(record.val_loss for record in records)
    assert result.best.val_iou is None
    assert result.best.metrics().keys() == result.best.scores.keys() | {"loss/train", "lr", "time/epoch_seconds"}


@pytest.mark.parametrize(
    ("by", "values", "better"),
    [
        (schema.VAL_IOU, (0.4, 0.5), True),
        (schema.VAL_IOU, (0.5, 0.4), False),
        (schema.VAL_IOU, (0.5, 0.5), False),
        (schema.VAL_LOSS, (0.4, 0.5), False),
        (schema.VAL_LOSS, (0.5, 0.4), True),
        (schema.VAL_LOSS, (-1.0, -1.0), False),
    ],
)
def test_the_metric_says_in_which_direction_an_epoch_is_better(
    by: schema.Metric, values: tuple[float, float], better: bool
) -> None:
    before, after = (EpochRecord(1, 1.0, {by.name: value}, 1e-3, 0.1) for value in values)
    assert after.is_better(before, by) == better
    assert after.is_better(None, by)


def test_stop_rule_ends_the_run_with_its_reason() -> None:
    result, records = run_training(make_config(training=replace(PLAIN, epochs=6)), stop_after=2)
    assert (result.state, result.reason, len(records)) == ("pruned", "enough", 2)


def test_divergence_is_a_state_with_a_reason() -> None:
    result, records = run_training(make_config(training=replace(PLAIN, lr=1e30, clip_norm=0.0, epochs=5)))
    assert result.state == "diverged"
    assert "loss was nan in epoch 1" in result.reason
    assert len(records) < 5


def test_one_cycle_is_torchs() -> None:
    config = TrainingConfig(lr=0.3, warmup_share=0.25)
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    reference = OneCycleLR(optimizer, 0.3, total_steps=40, pct_start=0.25)
    for step in range(40):
        assert 0.3 * lr_factor(step, 40, config) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        if step < 39:
            reference.step()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_is_finite_for_tiny_runs(steps: int) -> None:
    factors = [lr_factor(step, steps, TrainingConfig()) for step in range(steps)]
    assert all(0 < factor <= 1 for factor in factors)


def transform_of(config: TrainingConfig, seed: int, batch: int) -> Transform:
    return sample_transform(batch, 16 / 24, config, torch.Generator().manual_seed(seed))


def test_augmentation_is_decided_by_the_seed_and_keeps_masks_binary() -> None:
    images, masks = torch.rand(4, 3, 16, 24), (torch.rand(4, 1, 16, 24) > 0.5).float()
    drawn = [augment(images, masks, transform_of(TrainingConfig(), seed, 4)) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert not torch.equal(drawn[0][0], drawn[2][0])
    assert drawn[0][1].unique().tolist() == [0, 1]
    assert drawn[0][0].min() >= 0
    assert drawn[0][0].max() <= 1


def test_without_strength_augmentation_is_the_identity() -> None:
    images, masks = torch.rand(4, 3, 16, 24), (torch.rand(4, 1, 16, 24) > 0.5).float()
    assert sample_transform(4, 16 / 24, PLAIN, torch.Generator()) is None
    same = augment(images, masks, transform_of(replace(PLAIN, rotate=1e-9), 0, 4))
    torch.testing.assert_close(same[0], images, atol=1e-5, rtol=0)
    assert torch.equal(same[1], masks)


def test_certain_flip_mirrors_image_and_mask_alike() -> None:
    images = torch.rand(2, 3, 16, 24)
    masks = (images[:, :1] > 0.5).float()
    flipped = augment(images, masks, transform_of(replace(PLAIN, flip=1), 0, 2))
    torch.testing.assert_close(flipped[0], images.flip(-1), atol=1e-5, rtol=0)
    assert torch.equal(flipped[1], masks.flip(-1))


def test_rotation_is_rigid_in_pixels() -> None:
    theta = sample_affine(64, 0.5, replace(PLAIN, rotate=30), torch.Generator().manual_seed(0))
    to_pixels = torch.diag(torch.tensor([1 / 0.5, 1.0]))  # x spans twice as many pixels as y
    pixels = to_pixels @ theta[:, :, :2] @ to_pixels.inverse()
    torch.testing.assert_close(pixels @ pixels.transpose(1, 2), torch.eye(2).expand(64, 2, 2), atol=1e-5, rtol=0)
    assert theta[:, 0, 1].abs().max() > 0.1


def test_colour_map_is_applied_per_frame() -> None:
    images = torch.rand(2, 3, 4, 5)
    gain, shift = sample_color_jitter(2, 0.5, torch.Generator().manual_seed(0))
    expected = torch.einsum("bij,bjhw->bihw", gain, images) + shift[:, :, None, None]
    torch.testing.assert_close(apply_color_jitter(images, gain, shift), expected.clamp(0, 1))


def rate_of(*shares: float) -> BaseRate:
    """Of frames of one scene each, with such shares of foreground."""
    masks = torch.zeros(len(shares), 1, 10, 10, dtype=torch.bool)
    for mask, share in zip(masks, shares, strict=True):
        mask.flatten()[: round(100 * share)] = True
    images = torch.zeros(len(shares), 3, 10, 10, dtype=torch.uint8)
    data = DeviceFrames(images, masks, tuple(str(number) for number in range(len(shares))))
    return base_rate_of(data, torch.arange(len(shares)))


def test_base_rate_is_the_entropy_of_the_share_and_the_iou_of_all_pixels() -> None:
    rate = rate_of(0.2, 0.4)
    assert rate.entropy == pytest.approx(-0.3 * math.log(0.3) - 0.7 * math.log(0.7))
    assert rate.all_foreground_iou == pytest.approx(0.3)
    assert rate_of(0.0).entropy == 0


@pytest.mark.parametrize(
    ("bce", "iou", "better"),
    [(0.61, 0.3, False), (0.61, 0.0, False), (0.58, 0.0, True), (0.7, 0.31, True)],
)
def test_an_epoch_is_better_than_the_base_rate_in_entropy_or_in_overlap(bce: float, iou: float, better: bool) -> None:
    assert rate_of(0.2, 0.4).is_better(bce, iou) == better


@pytest.mark.parametrize(("epochs", "state"), [(STUCK_EPOCHS - 1, "complete"), (STUCK_EPOCHS, "diverged")])
def test_a_training_that_never_beats_the_base_rate_is_stuck(
    epochs: int, state: str, tiny_config: MakeConfig, tmp_path: Path
) -> None:
    """A rate of next to nothing leaves the network where it began."""
    config = tiny_config(training=TrainingConfig(epochs=epochs, batch_size=4, lr=1e-30))
    setup = prepare(config, tmp_path, torch.device("cpu"))
    for parameter in setup.trainer.network.parameters():
        parameter.data.zero_()
    result = train(setup.trainer, setup.data, setup.split, lambda _: None)
    assert result.state == state
    if state == "diverged":
        assert result.reason.startswith("stuck at the base-rate entropy, 0.")
        assert result.reason.endswith(f"nats, to epoch {STUCK_EPOCHS}")

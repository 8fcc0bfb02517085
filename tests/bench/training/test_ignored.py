"""Pixels that count nowhere: in no loss, no gradient, no score, by every way a step is carried out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal

from hourglass_bench.architectures.config import Target
from hourglass_bench.architectures.registry import ARCHITECTURES, configure
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, Precision, RunConfig, TrainingConfig
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.data.synthetic import generate
from hourglass_bench.bench.machine.memory import measure_step
from hourglass_bench.bench.training.agreement import TOLERANCE, agrees
from hourglass_bench.bench.training.augment import augment, sample_transform
from hourglass_bench.bench.training.device_frames import DeviceFrames, to_device
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.losses import LOSSES, segmentation_loss
from hourglass_bench.bench.training.objective import Output, Targets
from hourglass_bench.bench.training.pixels import IGNORED, known
from hourglass_bench.bench.training.pretrain import kinds_of_steps, pretrain
from hourglass_bench.bench.training.setup import Setup, make_trainer, prepare
from hourglass_bench.bench.training.train import base_rate_of, train
from tests.bench.conftest import MakeConfig
from tests.bench.training.stand import Stand
from tests.bench.training.test_losses import LOGITS, TARGETS, _of_frame

CPU = torch.device("cpu")
SIDE, FRAMES = 16, 12
NETWORKS: list[tuple[str, Target | None]] = [
    ("unet", None),
    *((name, target) for name in ("autoencoder", "vae") for target in ("mask", "image")),
]
HOLES = torch.rand(LOGITS.shape, generator=torch.Generator().manual_seed(5)) < 0.4
FRAMES_OF = generate(scenes=6, frames_per_scene=2, size=(SIDE, SIDE), seed=0)

every_network = pytest.mark.parametrize(("name", "target"), NETWORKS)
every_loss = pytest.mark.parametrize("name", LOSSES)


def ignored_pixels() -> np.ndarray:
    """A hole in every frame, and nothing but a hole in one that trains and in one that validates."""
    ignored = np.zeros((FRAMES, SIDE, SIDE), bool)
    ignored[:, 4:9, 6:12] = ignored[::2, :3] = True
    ignored[[1, 9]] = True
    return ignored


def data_of(ignored: np.ndarray | None, flipped: np.ndarray | bool = False) -> DeviceFrames:
    """Drawn frames, of which some labels are flipped."""
    masks = np.where(flipped, 255 - FRAMES_OF.masks, FRAMES_OF.masks)
    data = to_device(FRAMES_OF._replace(masks=masks, ignored=ignored), CPU)
    return data._replace(masks=data.masks[:])


def make_config(name: str, target: Target | None = None, **training: object) -> RunConfig:
    fields = {"batch_size": 4, "epochs": 2, "precision": "fp32", **training}
    return RunConfig(
        architecture=configure(name, (4, 8), norm="group", target=target, image_size=(SIDE, SIDE)),
        data=DataConfig(size=(SIDE, SIDE)),
        training=TrainingConfig(**fields),  # type: ignore[arg-type]
    )


@every_loss
def test_each_loss_is_its_formula_over_the_pixels_that_count(name: str) -> None:
    values = LOSSES[name](LOGITS, TARGETS, HOLES)
    counted = [~hole for hole in HOLES.numpy()]
    arrays = zip(LOGITS.double().numpy(), TARGETS.numpy(), counted, strict=True)
    assert values.tolist() == pytest.approx([_of_frame(name, x[at], y[at]) for x, y, at in arrays], rel=1e-5)
    assert not torch.isclose(values, LOSSES[name](LOGITS, TARGETS, None)).any()


@every_loss
def test_without_holes_each_loss_is_the_same_either_way(name: str) -> None:
    values = LOSSES[name](LOGITS, TARGETS, torch.zeros_like(HOLES))
    torch.testing.assert_close(values, LOSSES[name](LOGITS, TARGETS, None))


@every_loss
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_logits_in_a_hole_have_no_gradient_and_change_nothing(name: str, scale: float) -> None:
    logits = torch.where(HOLES, scale * LOGITS.flip(0), LOGITS).requires_grad_()
    loss = LOSSES[name](logits, torch.where(HOLES, 0.0, TARGETS), HOLES)
    assert torch.equal(loss, LOSSES[name](LOGITS, TARGETS, HOLES))
    loss.sum().backward()
    assert (logits.grad[HOLES] == 0).all()
    assert (logits.grad[~HOLES] != 0).all()


@every_loss
def test_a_frame_without_a_pixel_that_counts_costs_nothing(name: str) -> None:
    holes = HOLES.clone()
    holes[1] = True
    logits = LOGITS.clone().requires_grad_()
    loss = LOSSES[name](logits, TARGETS, holes)
    loss.sum().backward()
    assert loss[1] == 0
    assert (logits.grad[1] == 0).all()
    assert torch.equal(loss[[0, 2]], LOSSES[name](LOGITS, TARGETS, HOLES)[[0, 2]])


def test_labels_on_the_device_are_as_large_as_a_mask_and_say_what_is_ignored() -> None:
    masks, ignored = data_of(None).masks, torch.from_numpy(ignored_pixels()).unsqueeze(1)
    labels = data_of(ignored_pixels()).masks
    assert (masks.dtype, labels.dtype) == (torch.bool, torch.int8)
    assert torch.equal(labels == IGNORED, ignored)
    assert torch.equal((labels == 1)[~ignored], masks[~ignored])
    assert labels.unique().tolist() == [IGNORED, 0, 1]
    truth, left_out = known(labels.float(), labels)
    assert torch.equal(left_out, ignored)
    assert torch.equal(truth, (masks & ~ignored).float())
    assert known(masks.float(), masks)[1] is None


def test_holes_follow_the_geometry_of_their_frames() -> None:
    generator = torch.Generator().manual_seed(0)
    transform = sample_transform(FRAMES, 1.0, TrainingConfig(), generator)
    assert transform is not None
    images = torch.rand(FRAMES, 3, SIDE, SIDE, generator=generator)
    labels = data_of(ignored_pixels()).masks.float()
    moved = augment(images, labels, transform)[1]
    for value in (IGNORED, 0, 1):
        assert torch.equal((moved == value).float(), augment(images, (labels == value).float(), transform)[1])
    assert not torch.equal(moved, labels)


class Judged:
    """Frames with holes as one of the networks sees them, and what it says of them."""

    def __init__(self, name: str, target: Target | None) -> None:
        self.trainer = make_trainer(make_config(name, target, beta_warmup=0), 20, CPU)
        ((inputs, self.targets),) = self.trainer.pairs(data_of(ignored_pixels()), torch.arange(FRAMES))
        self.latent = self.trainer.sample(FRAMES, augment=False).latent
        with torch.no_grad():
            self.output = self.trainer.objective.forward(self.trainer.network, inputs, self.latent)
        self.inputs = inputs

    def loss(self, logits: Tensor, targets: Targets | None = None) -> Tensor:
        return self.trainer.objective.loss(Output(logits, self.output.posterior), targets or self.targets, self.latent)

    def scores(self, logits: Tensor) -> dict[schema.Metric, Tensor]:
        return self.trainer.objective.scores(Output(logits, self.output.posterior), self.targets, self.latent)


@every_network
def test_what_is_decoded_in_a_hole_changes_no_loss_no_score_and_has_no_gradient(
    name: str, target: Target | None
) -> None:
    judged = Judged(name, target)
    logits, ignored = judged.output.logits, judged.targets.ignored
    noise = torch.where(ignored, 5 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0)), logits)
    noise.requires_grad_()
    loss = judged.loss(noise)
    assert torch.equal(loss, judged.loss(logits))
    assert loss.isfinite().all()
    loss.sum().backward()
    holes = ignored.expand_as(logits)
    assert (noise.grad[holes] == 0).all()
    assert (noise.grad[~holes] != 0).all()
    before, after = judged.scores(logits), judged.scores(noise.detach())
    assert all(torch.equal(before[metric], after[metric]) for metric in before)
    values = judged.targets.values
    other = Targets(torch.where(ignored, 1 - values, values), ignored)
    torch.testing.assert_close(judged.loss(logits, other), judged.loss(logits))


@every_network
def test_scores_are_those_of_the_pixels_that_count(name: str, target: Target | None) -> None:
    judged = Judged(name, target)
    scores = judged.scores(judged.output.logits)
    for frame in range(FRAMES):
        counted = ~judged.targets.ignored[frame].expand_as(judged.output.logits[frame])
        logits, truth = judged.output.logits[frame][counted], judged.targets.values[frame][counted]
        chance, expected = logits.double().sigmoid(), {}
        if len(truth):
            expected[schema.VAL_MSE] = (chance - truth).square().mean().item()
            expected[schema.VAL_BCE] = -Bernoulli(chance).log_prob(truth.round()).mean().item()
        else:
            expected |= dict.fromkeys((schema.VAL_MSE, schema.VAL_BCE), 0.0)
        both, either = ((logits > 0) & (truth > 0.5)).sum().item(), ((logits > 0) | (truth > 0.5)).sum().item()
        expected[schema.VAL_IOU] = both / either if either else 1.0
        expected[schema.VAL_DICE] = 2 * both / (both + either) if either else 1.0
        for metric in expected.keys() & scores.keys():
            assert scores[metric][frame].item() == pytest.approx(expected[metric], rel=1e-4), metric.name


@pytest.mark.parametrize("target", ["mask", "image"])
def test_the_bound_of_a_vae_is_that_of_the_pixels_that_count(target: Target) -> None:
    judged = Judged("vae", target)
    network = judged.trainer.network
    for frame in range(FRAMES):
        counted = ~judged.targets.ignored[frame].expand_as(judged.output.logits[frame])
        logits, truth = judged.output.logits[frame][counted], judged.targets.values[frame][counted]
        decoder = Bernoulli(logits=logits) if target == "mask" else Normal(logits.sigmoid(), network.sigma())
        mean, log_variance = (part[frame] for part in judged.output.posterior)
        rate = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        expected = (rate - decoder.log_prob(truth).sum()) / judged.targets.values[frame].numel()
        assert judged.loss(judged.output.logits)[frame].item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_a_network_of_masks_is_shown_background_where_they_are_unknown(name: str) -> None:
    judged = Judged(name, "mask")
    assert (judged.inputs[judged.targets.ignored] == -2).all()


def test_labels_in_a_hole_change_nothing_of_a_training() -> None:
    """The same weights to the bit, and the same epochs."""
    ignored, config = ignored_pixels(), make_config("unet", loss=(("bce", 1.0), ("dice", 1.0)))
    split = Split(np.arange(8), np.array([8, 9]), np.array([10, 11]))
    found = []
    for data in (data_of(ignored), data_of(ignored, flipped=ignored), data_of(None), data_of(None, flipped=ignored)):
        trainer = make_trainer(config, 4, CPU)
        records: list[dict[str, float]] = []
        train(trainer, data, split, lambda record, to=records: to.append(record.scores))  # type: ignore[misc]
        found.append((torch.cat([weight.flatten() for weight in trainer.network.parameters()]), records))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    assert np.isfinite([list(scores.values()) for scores in found[0][1]]).all()
    assert not torch.equal(found[0][0], found[2][0])
    assert not torch.equal(found[2][0], found[3][0])


def test_a_set_that_ignores_nothing_trains_alike_whatever_its_labels_are_stored_as() -> None:
    config, bools = make_config("unet"), data_of(None)
    bytes_ = bools._replace(masks=bools.masks.to(torch.int8))
    losses = [make_trainer(config, 6, CPU).train_epoch(data, torch.arange(FRAMES))[0] for data in (bools, bytes_)]
    torch.testing.assert_close(*losses)


@every_network
@pytest.mark.parametrize("execution", [Execution(micro_batch=3), Execution(memory_format="contiguous")], ids=str)
def test_every_execution_has_the_references_gradient(
    name: str, target: Target | None, execution: Execution, precision: Precision
) -> None:
    """Frames count the same, however much of each is ignored: parts of a batch add up to it."""
    config, data = make_config(name, target, precision=precision), data_of(ignored_pixels())
    gradients = [make_trainer(config, 2, CPU, of).gradient(data.images, data.masks) for of in (REFERENCE, execution)]
    assert gradients[0].norm() > 0
    assert agrees(gradients[1:], gradients[:1], TOLERANCE[precision])


@every_network
def test_a_graphed_training_is_the_eager_one(name: str, target: Target | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.cuda_graphs", lambda device: Stand())
    config, data = make_config(name, target), data_of(ignored_pixels())
    trainer = make_trainer(config, 20, CPU, replace(REFERENCE, graph=True))
    eager = make_trainer(config, 20, CPU)
    losses = [[float(each.train_epoch(data, torch.arange(FRAMES))[0]) for _ in range(2)] for each in (trainer, eager)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "unet_twin"])
@pytest.mark.parametrize("loss", [(("bce", 1.0),), tuple((name, 1.0) for name in LOSSES)])
def test_memory_is_predicted_to_the_byte(name: str, loss: tuple[tuple[str, float], ...], precision: Precision) -> None:
    config = make_config(name, loss=loss, precision=precision)
    data, trainer = data_of(ignored_pixels()), make_trainer(config, 2, CPU)
    trainer.network.train()
    images, masks = data.images[:4].contiguous(memory_format=torch.channels_last), data.masks[:4]
    images, masks = images.clone(), masks.clone()
    step = measure_step(
        lambda: trainer.step(images, masks, trainer.sample(4)), lambda: [images, masks, *trainer.resident()], CPU
    )
    assert predict_peak_bytes(config, CPU, ignores=True) == step.tensor_peak
    assert predict_peak_bytes(config, CPU) < step.tensor_peak


def test_the_base_rate_is_that_of_the_pixels_that_count() -> None:
    rate, shares = base_rate_of(data_of(ignored_pixels()), torch.arange(FRAMES)), []
    for mask, ignored in zip(FRAMES_OF.masks, ignored_pixels(), strict=True):
        counted = [value >= 128 for value, hole in zip(mask.flat, ignored.flat, strict=True) if not hole]
        shares.append(sum(counted) / len(counted) if counted else 0)
    assert rate.share == pytest.approx(np.mean(shares))
    assert rate.all_foreground_iou == pytest.approx(np.mean(np.reshape(shares, (6, 2)).mean(axis=1)))


def prepared(tiny_config: MakeConfig, cache: Path, **training: object) -> tuple[RunConfig, Setup]:
    fields = {"batch_size": 4, "epochs": 2, "precision": "fp32", **training}
    config = tiny_config(training=TrainingConfig(**fields))
    setup = prepare(config, cache, CPU)
    frames = setup.dataset.frames._replace(ignored=ignored_pixels())
    return config, setup._replace(dataset=setup.dataset._replace(frames=frames), data=to_device(frames, CPU))


def test_pretraining_ignores_the_same_pixels_of_the_images(tiny_config: MakeConfig, cache: Path) -> None:
    """A network that learns to decode images of which nothing counts learns nothing but decay."""
    config, setup = prepared(tiny_config, cache, epochs=2, pretrain_epochs=1)
    assert len(kinds_of_steps(config)) == 2
    all_ignored = setup.data._replace(masks=torch.full_like(setup.data.masks[:], IGNORED))
    encoders = []
    for data in (setup.data, all_ignored):
        trainer = make_trainer(config, 4, CPU)
        assert pretrain(config, setup._replace(data=data, trainer=trainer), lambda: None).broken == ""
        encoders.append(trainer.network.get_parameter("encoder.0.conv1.weight").detach())
    untouched = make_trainer(config, 4, CPU).network.get_parameter("encoder.0.conv1.weight").detach()
    torch.testing.assert_close(encoders[1], untouched, rtol=1e-2, atol=1e-4)
    assert (encoders[0] - untouched).abs().max() > 10 * (encoders[1] - untouched).abs().max()


def test_the_loss_of_a_step_is_the_mean_over_frames_of_what_counts() -> None:
    config, data = make_config("unet", flip=0, rotate=0, scale=0, shift=0, color_jitter=0), data_of(ignored_pixels())
    trainer = make_trainer(config, 20, CPU)
    ((inputs, targets),) = trainer.pairs(data, torch.arange(4))
    with torch.no_grad():
        logits = trainer.network(inputs)
    expected = segmentation_loss(logits, targets.values, config.training.loss, targets.ignored).mean()
    trainer.network.train()
    loss = trainer.step(data.images[:4], data.masks[:4], trainer.sample(4))
    torch.testing.assert_close(loss, expected)

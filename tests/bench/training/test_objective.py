"""What networks learn: each objective's pairs, losses and scores, and that reconstruction is learnt."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from hourglass_bench.architectures.config import Target
from hourglass_bench.architectures.registry import configure
from hourglass_bench.architectures.vae import SIGMA_SPEED
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.training import setup
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.losses import segmentation_loss
from hourglass_bench.bench.training.trainer import StepSample, Trainer

CPU = torch.device("cpu")
SIDE, FRAMES, LATENT = 16, 4, 8
PLAIN = TrainingConfig(
    flip=0, rotate=0, scale=0, shift=0, color_jitter=0, batch_size=FRAMES, lr=1e-2, precision="fp32", beta_warmup=0
)

every_target = pytest.mark.parametrize("target", ["mask", "image"])


def discs(count: int = FRAMES) -> DeviceFrames:
    """Bright discs on smooth waves of colour, which few numbers can tell."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    images, masks = np.empty((count, 3, SIDE, SIDE)), np.empty((count, 1, SIDE, SIDE), dtype=bool)
    for index in range(count):
        y, x, radius, angle = rng.uniform((0.3, 0.3, 0.15, 0), (0.7, 0.7, 0.3, 6))
        masks[index] = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        slope = 3 * (np.cos(angle) * rows + np.sin(angle) * columns)
        images[index] = [np.where(masks[index, 0], 0.8, 0.5 + 0.3 * np.sin(slope + phase)) for phase in (0, 2, 4)]
    scenes = tuple("abbb"[index % 4] for index in range(count))
    return DeviceFrames(torch.from_numpy((255 * images).astype(np.uint8)), torch.from_numpy(masks), scenes)


def make_config(name: str, target: Target | None = None, latent: int = LATENT, **training: Any) -> RunConfig:
    architecture = configure(name, (8, 16), target=target, latent=latent, image_size=(SIDE, SIDE))
    return RunConfig(architecture=architecture, data=DataConfig(size=(SIDE, SIDE)), training=replace(PLAIN, **training))


def make_trainer(config: RunConfig, steps: int = 20, execution: Execution = REFERENCE) -> Trainer:
    return setup.make_trainer(config, steps, CPU, execution)


def pixels_of(data: DeviceFrames, target: Target) -> Tensor:
    return data.images / 255 if target == "image" else data.masks.float()


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
@pytest.mark.parametrize("latent", [0, LATENT])
@pytest.mark.parametrize(("target", "limit"), [("mask", 0.02), ("image", 0.1)])
def test_a_batch_is_reconstructed(name: str, latent: int, target: Target, limit: float) -> None:
    """Up to a share of the variance, which is what is left where the network gives the mean of all."""
    config, data = make_config(name, target, latent, beta=0.1, lr=1e-2, batch_size=2), discs(2)
    trainer = make_trainer(config, steps=300)
    trainer.network.train()
    for _ in range(300):
        trainer.step(data.images, data.masks, trainer.sample(2, augment=False))
    truth = pixels_of(data, target)
    error = (trainer.predict(data, torch.arange(2)).float() - truth).square().mean()
    assert error < limit * truth.var()
    if target == "mask":
        assert trainer.evaluate(data, torch.arange(2))[schema.VAL_IOU.name] > 0.95


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("unet", None, {schema.VAL_BCE, schema.VAL_IOU, schema.VAL_DICE}),
        ("autoencoder", "mask", {schema.VAL_MSE, schema.VAL_BCE, schema.VAL_IOU, schema.VAL_DICE}),
        ("autoencoder", "image", {schema.VAL_MSE}),
        ("vae", "mask", {schema.VAL_MSE, schema.VAL_BCE, schema.VAL_IOU, schema.VAL_DICE, schema.VAL_KL}),
        ("vae", "image", {schema.VAL_MSE, schema.VAL_KL, schema.VAL_SIGMA}),
    ],
)
def test_each_objective_knows_its_scores(name: str, target: Target | None, expected: set[schema.Metric]) -> None:
    trainer = make_trainer(make_config(name, target))
    scores = trainer.evaluate(discs(), torch.arange(FRAMES))
    assert scores.keys() == {metric.name for metric in expected | {schema.VAL_LOSS}}
    assert trainer.objective.best == (schema.VAL_IOU if name == "unet" else schema.VAL_LOSS)


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
@every_target
def test_what_enters_is_what_is_to_leave_but_for_its_scale(name: str, target: Target) -> None:
    data = discs()
    inputs, targets = next(make_trainer(make_config(name, target)).pairs(data, torch.arange(FRAMES)))
    assert torch.equal(targets.values, pixels_of(data, target))
    torch.testing.assert_close(inputs / 4 + 0.5, targets.values)


def test_segmentation_goes_from_images_to_masks_by_the_segmentation_loss() -> None:
    trainer, data = make_trainer(make_config("unet", loss=(("bce", 1.0), ("dice", 0.5)))), discs()
    inputs, targets = next(trainer.pairs(data, torch.arange(FRAMES)))
    torch.testing.assert_close(inputs / 4 + 0.5, data.images / 255)
    assert torch.equal(targets.values, data.masks.float())
    expected = segmentation_loss(trainer.network(inputs), targets.values, trainer.config.loss).mean().item()
    assert trainer.evaluate(data, torch.arange(FRAMES))[schema.VAL_LOSS.name] == pytest.approx(expected)


@every_target
def test_the_auto_encoders_loss_is_the_mean_over_pixels(target: Target) -> None:
    trainer, data = make_trainer(make_config("autoencoder", target)), discs()
    found = trainer.evaluate(data, torch.arange(FRAMES))
    truth = pixels_of(data, target).numpy()
    with torch.no_grad():
        given = trainer.network((pixels_of(data, target) - 0.5) * 4).sigmoid().numpy()
    squared_error = np.mean((given - truth) ** 2)
    entropy = -np.mean(truth * np.log(given) + (1 - truth) * np.log(1 - given))
    assert found[schema.VAL_MSE.name] == pytest.approx(squared_error, rel=1e-4)
    expected = squared_error if target == "image" else entropy
    assert found[schema.VAL_LOSS.name] == pytest.approx(expected, rel=1e-4)


def test_overlap_is_averaged_over_scenes_and_losses_over_frames() -> None:
    trainer, data = make_trainer(make_config("autoencoder", "mask", batch_size=3)), discs()  # a batch of 3, one of 1
    frames = [trainer.evaluate(data, torch.tensor([index])) for index in range(FRAMES)]
    found = trainer.evaluate(data, torch.arange(FRAMES))
    for metric in (schema.VAL_IOU, schema.VAL_DICE):
        first, *rest = (frame[metric.name] for frame in frames)
        assert found[metric.name] == pytest.approx((first + np.mean(rest)) / 2)
        assert found[metric.name] != pytest.approx((first + sum(rest)) / FRAMES)
    for metric in (schema.VAL_LOSS, schema.VAL_MSE, schema.VAL_BCE):
        assert found[metric.name] == pytest.approx(np.mean([frame[metric.name] for frame in frames]), rel=1e-5)


class Given:
    """A VAE's step, taken apart."""

    def __init__(self, target: Target, **training: Any) -> None:
        self.trainer = make_trainer(make_config("vae", target, **training))
        self.network, self.objective = self.trainer.network, self.trainer.objective
        self.inputs, self.targets = next(self.trainer.pairs(discs(), torch.arange(FRAMES)))
        self.latent = self.trainer.sample(FRAMES, augment=False).latent
        self.output = self.objective.forward(self.network, self.inputs, self.latent)
        self.loss = self.objective.loss(self.output, self.targets, self.latent)


@every_target
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_vaes_loss_is_the_negative_bound_per_pixel_and_channel(target: Target, beta: float) -> None:
    given = Given(target, beta=beta)
    logits, posterior = given.output
    decoder = Bernoulli(logits=logits) if target == "mask" else Normal(logits.sigmoid(), given.network.sigma())
    distortion = -Independent(decoder, 3).log_prob(given.targets.values)
    encoder = Normal(posterior.mean, posterior.log_variance.mul(0.5).exp())
    rate = kl_divergence(encoder, Normal(0.0, 1.0)).sum((1, 2, 3))
    torch.testing.assert_close(given.loss, (distortion + beta * rate) / given.targets.values[0].numel())


@every_target
@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_gradients_reach_every_parameter(target: Target, beta: float) -> None:
    given = Given(target, beta=beta)
    given.loss.sum().backward()
    names = [name for name, of in given.network.named_parameters() if of.grad is None or not of.grad.abs().sum() > 0]
    assert names == []


def test_the_gradient_of_sigma_balances_it_with_the_error() -> None:
    """Of log sigma: 1 - error / sigma^2, with the mean squared error of the frame; times what the exponent counts."""
    given = Given("image")
    given.loss.sum().backward()
    errors = (given.targets.values - given.output.logits.sigmoid()).square().flatten(1).mean(1)
    expected = (1 - errors / given.network.sigma().square()).sum().item()
    assert given.network.sigma_exponent.grad.item() == pytest.approx(SIGMA_SPEED * expected, rel=1e-4)


def test_sigma_is_learnt_unless_it_is_given() -> None:
    data = discs()
    for sigma, learnt in ((0.0, True), (0.1, False)):
        trainer = make_trainer(make_config("vae", "image", sigma=sigma))
        before = trainer.evaluate(data, torch.arange(FRAMES))[schema.VAL_SIGMA.name]
        for _ in range(5):
            trainer.step(data.images, data.masks, trainer.sample(FRAMES))
        after = trainer.evaluate(data, torch.arange(FRAMES))[schema.VAL_SIGMA.name]
        assert (after != before) == learnt
        assert learnt or after == pytest.approx(0.1)


@pytest.mark.parametrize(("share", "rises"), [(0.5, [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6] + 6 * [1]), (0, 12 * [1])])
def test_beta_rises_linearly_over_its_share_of_the_steps(
    share: float, rises: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(make_config("vae", "mask", beta=2.0, beta_warmup=share, batch_size=3, flip=0.5), steps=12)
    used: list[list[float]] = []
    step = trainer.step

    def noted(images: Tensor, masks: Tensor, sample: StepSample) -> Tensor:
        used.append(sample.latent.beta.tolist())
        return step(images, masks, sample)

    monkeypatch.setattr(trainer, "step", noted)
    for _ in range(4):
        trainer.train_epoch(discs(9), torch.arange(9))
    np.testing.assert_allclose(used, [3 * [2 * beta] for beta in rises])


def test_validation_uses_all_of_beta_from_the_first_epoch_on() -> None:
    found = [
        make_trainer(make_config("vae", "mask", beta=2.0, beta_warmup=share)).evaluate(discs(), torch.arange(FRAMES))
        for share in (0.5, 0)
    ]
    assert found[0] == found[1]


def test_the_repeat_decides_the_noise() -> None:
    trainers = [make_trainer(replace(make_config("vae", "mask"), repeat=repeat)) for repeat in (0, 0, 1)]
    first, again, other = (trainer.sample(FRAMES).latent.noise for trainer in trainers)
    assert first.shape == (FRAMES, LATENT, 1, 1)
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).any()
    assert not torch.isclose(first[0], first[1]).any()
    many = [trainers[0].sample(500).latent.noise for _ in range(2)]
    assert not torch.isclose(many[0], many[1], rtol=0, atol=1e-7).any()
    assert torch.cat(many).mean().item() == pytest.approx(0, abs=0.05)
    assert torch.cat(many).std().item() == pytest.approx(1, abs=0.05)


def test_validation_of_a_vae_repeats_and_leaves_training_as_it_was() -> None:
    data, indices = discs(), torch.arange(FRAMES)
    validated, alone = (make_trainer(make_config("vae", "image", flip=0.5)) for _ in range(2))
    first = validated.evaluate(data, indices)
    for trainer in (validated, alone):
        trainer.sample(FRAMES)
    assert validated.evaluate(data, indices) == first
    losses = [trainer.train_epoch(data, indices)[0].item() for trainer in (validated, alone)]
    assert losses[0] == losses[1]
    other = make_trainer(replace(make_config("vae", "image"), repeat=1))
    other.network.load_state_dict(validated.network.state_dict())
    assert other.evaluate(data, indices) != validated.evaluate(data, indices)


def test_the_loss_of_perfect_images_is_that_of_the_density_and_negative() -> None:
    given = Given("image", sigma=1 / 255)
    given.output.logits.data.copy_(torch.logit(given.targets.values))
    no_rate = given.latent._replace(beta=torch.zeros(FRAMES))
    perfect = given.objective.loss(given.output, given.targets, no_rate)
    assert perfect.tolist() == pytest.approx([math.log(math.sqrt(2 * math.pi) / 255)] * FRAMES, abs=1e-4)

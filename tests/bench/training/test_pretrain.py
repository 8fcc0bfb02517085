"""Pre-training: an encoder as an auto-encoder would have it, at no cost beyond the run's, without a forbidden frame."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import AdamW

from hourglass_bench.architectures.registry import build, configure
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.training.pretrain import autoencoder_of, pretrain
from hourglass_bench.bench.training.schedule import lr_factor
from hourglass_bench.bench.training.setup import Setup, epoch_steps, planned_steps, prepare
from hourglass_bench.bench.training.trainer import StepSample, Trainer

CPU = torch.device("cpu")
DATA = DataConfig(size=(16, 16), synthetic_scenes=15, synthetic_frames=2, folds=3)
"""Ten frames of five scenes train."""
PLAIN = TrainingConfig(
    epochs=5, pretrain_epochs=3, batch_size=4, precision="fp32", flip=0, rotate=0, scale=0, shift=0, color_jitter=0
)


def make_config(
    name: str = "unet", data: DataConfig = DATA, repeat: int = 0, latent: int = 0, **training: Any
) -> RunConfig:
    architecture = configure(name, (4, 8), norm="group", latent=latent, image_size=data.size)
    return RunConfig(architecture=architecture, data=data, training=replace(PLAIN, **training), repeat=repeat)


def weights_after(config: RunConfig, setup: Setup) -> dict[str, Tensor]:
    """Of the network, once its encoder was pre-trained."""
    pretrain(config, setup, lambda: None)
    return {name: tensor.clone() for name, tensor in setup.trainer.network.state_dict().items()}


def encoder_after(config: RunConfig, setup: Setup) -> Tensor:
    weights = weights_after(config, setup)
    return torch.cat([tensor.flatten().double() for name, tensor in weights.items() if name.startswith("encoder.")])


def train_autoencoder(network: nn.Module, images: Tensor, config: RunConfig, steps: int) -> None:
    """Plain torch, all images in each step."""
    optimizer = AdamW(network.parameters(), weight_decay=config.training.weight_decay)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = config.training.lr * lr_factor(step, steps, config.training)
        loss = nn.functional.mse_loss(network((images - 0.5) / 0.25).sigmoid(), images)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), config.training.clip_norm)
        optimizer.step()


@pytest.mark.parametrize("name", ["unet", "hourglass"])
@pytest.mark.parametrize("latent", [0, 5])
def test_the_encoder_is_that_of_an_auto_encoder_trained_apart(name: str, latent: int, cache: Path) -> None:
    """One batch holds all training frames, so that their order says nothing."""
    setup = prepare(make_config(name, latent=latent), cache, CPU)
    count = len(setup.split.train)
    config = make_config(name, latent=latent, batch_size=count)
    before = {key: tensor.clone() for key, tensor in setup.trainer.network.state_dict().items()}
    after = weights_after(config, setup)
    expected = build(
        configure("autoencoder", (4, 8), norm="group", latent=latent, image_size=DATA.size), seed=config.repeat
    )
    images = setup.data.images[torch.from_numpy(setup.split.train)] / 255
    train_autoencoder(expected, images, config, steps=3)
    taken = {key for key in after if key.startswith(("encoder.", "to_latent."))}
    assert any("to_latent" in key for key in taken) == (latent > 0)
    for key, tensor in after.items():
        if key in taken:
            torch.testing.assert_close(tensor, expected.state_dict()[key], rtol=1e-4, atol=1e-5)
            assert not torch.equal(tensor, before[key]), key
        else:
            assert torch.equal(tensor, before[key]), key


def test_the_statistics_of_batch_norm_are_taken_over(cache: Path) -> None:
    config = make_config()
    config = replace(config, architecture=replace(config.architecture, norm="batch"))
    weights = weights_after(config, prepare(config, cache, CPU))
    assert weights["encoder.0.norm.running_mean"].abs().min() > 0
    assert weights["encoder.0.norm.num_batches_tracked"] == 3 * 2
    assert weights["decoder.0.norm.num_batches_tracked"] == 0


def test_the_auto_encoder_has_the_sizes_of_the_network() -> None:
    config = make_config(latent=5)
    teacher = autoencoder_of(config)
    assert teacher.architecture == configure(
        "autoencoder", (4, 8), target="image", norm="group", latent=5, image_size=(16, 16)
    )
    assert (teacher.training.epochs, teacher.training.pretrain_epochs) == (3, 0)
    assert (teacher.data, teacher.repeat) == (config.data, config.repeat)


FEW = replace(DATA, labelled_scenes=2)


def test_it_sees_the_images_of_training_scenes_alone_and_no_label(cache: Path) -> None:
    config = make_config(data=FEW, epochs=9, pretrain_epochs=8)
    split = prepare(config, cache, CPU).split
    assert len(split.unlabelled) == 3 * 2

    def encoder(frames: Any = (), masks: Any = ()) -> Tensor:
        """With other images, and other masks, of some frames."""
        setup = prepare(config, cache, CPU)
        data = setup.data._replace(images=setup.data.images.clone(), masks=setup.data.masks[:].clone())
        data.images[torch.as_tensor(frames, dtype=torch.int64)] ^= 255
        data.masks[torch.as_tensor(masks, dtype=torch.int64)] ^= True
        return encoder_after(config, setup._replace(data=data))

    expected = encoder()
    assert torch.equal(encoder([*split.val, *split.test]), expected)
    assert torch.equal(encoder(masks=range(30)), expected)
    assert not torch.equal(encoder(split.train), expected)
    assert not torch.equal(encoder(split.unlabelled), expected)


class Steps:
    """Notes the frames of each of an epoch's steps, which trainers take."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: list[list[int]] = []
        step = Trainer.step

        def noted(trainer: Trainer, images: Tensor, masks: Tensor, sample: StepSample) -> Tensor:
            self.frames.append(images.flatten(1).sum(1).tolist())
            return step(trainer, images, masks, sample)

        monkeypatch.setattr(Trainer, "step", noted)


def sums(setup: Setup, *roles: str) -> set[int]:
    """What tells the frames of some roles from one another."""
    images = setup.data.images.flatten(1).sum(1).tolist()
    return {images[index] for role in roles for index in getattr(setup.split, role)}


@pytest.mark.parametrize(("labelled", "batch"), [(0, 4), (0, 3), (2, 4), (2, 2), (1, 16)])
def test_it_takes_as_many_steps_as_its_epochs_would_have_taken_to_segment(
    labelled: int, batch: int, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(data=replace(DATA, labelled_scenes=labelled), batch_size=batch)
    setup, told, steps = prepare(config, cache, CPU), [], Steps(monkeypatch)
    pretrain(config, setup, lambda: told.append(1))
    per_epoch = max(1, len(setup.split.train) // batch)
    assert epoch_steps(config.training, setup.split) == per_epoch
    assert len(told) == 3 * per_epoch
    assert {len(frames) for frames in steps.frames} == {min(batch, len(setup.split.train))}
    assert len(steps.frames) == 3 * per_epoch
    whole = replace(config, training=replace(config.training, pretrain_epochs=0))
    assert len(told) + planned_steps(config.training, setup.split) == planned_steps(whole.training, setup.split)


def test_all_training_images_have_their_turn_and_none_twice_in_an_epoch(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(data=FEW, epochs=21, pretrain_epochs=20)
    setup, steps = prepare(config, cache, CPU), Steps(monkeypatch)
    pretrain(config, setup, lambda: None)
    assert {frame for frames in steps.frames for frame in frames} == sums(setup, "train", "unlabelled")
    assert all(len(set(frames)) == 4 for frames in steps.frames)
    first, second = ({frame for step in steps.frames[:4] for frame in step}, sums(setup, "train"))
    assert first - second


def test_after_it_the_network_is_fed_as_it_would_have_been(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config(data=FEW)
    fed = []
    for pretrained in (True, False):
        setup = prepare(config, cache, CPU)
        if pretrained:
            pretrain(config, setup, lambda: None)
        with monkeypatch.context() as patch:
            steps = Steps(patch)
            setup.trainer.train_epoch(setup.data, torch.from_numpy(setup.split.train))
        fed.append(steps.frames)
    assert fed[0] == fed[1]


def test_the_repeat_decides_the_encoder(cache: Path) -> None:
    # Of the same test and validation scenes.
    configs = [make_config(repeat=repeat, flip=0.5, color_jitter=0.4) for repeat in (0, 0, 3)]
    encoders = [encoder_after(config, prepare(config, cache, CPU)) for config in configs]
    assert torch.equal(encoders[0], encoders[1])
    assert not torch.equal(encoders[0], encoders[2])


def test_the_repeat_decides_which_frames_an_epoch_leaves_out(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    for repeat in (0, 0, 3):
        config = make_config(repeat=repeat)
        setup = prepare(config, cache, CPU)
        with monkeypatch.context() as patch:
            steps = Steps(patch)
            pretrain(config, setup, lambda: None)
        used.append([{*steps.frames[first], *steps.frames[first + 1]} for first in (0, 2, 4)])
    assert used[0] == used[1] != used[2]


def test_equal_encoders_are_pretrained_equally_whatever_follows_them(cache: Path) -> None:
    configs = [make_config(name, flip=0.5) for name in ("hourglass", "unet")]
    assert torch.equal(*(encoder_after(config, prepare(config, cache, CPU)) for config in configs))

"""An encoder that is frozen at first, or learns more slowly than all else."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig, step_shape
from hourglass_bench.bench.data.split import Split
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.losses import segmentation_loss
from hourglass_bench.bench.training.measure import measure_memory
from hourglass_bench.bench.training.pretrain import autoencoder_of
from hourglass_bench.bench.training.schedule import lr_factor
from hourglass_bench.bench.training.setup import make_network, make_trainer, prepare
from hourglass_bench.bench.training.train import train
from hourglass_bench.bench.training.trainer import Trainer
from tests.bench.conftest import MakeConfig
from tests.bench.training.stand import Stand

CPU = torch.device("cpu")
FRAMES, BATCH = 24, 4
GRAPH = replace(REFERENCE, graph=True)
FOREIGN = """
import torch
from torch import nn

from hourglass_bench.architectures.foreign import ForeignConfig
from hourglass_bench.architectures.spec import ArchitectureSpec

class Net(nn.Module):
    def __init__(self, in_channels=3, out_channels=1, width=4, drop=0.5):
        super().__init__()
        self.body = nn.ModuleDict({
            "down": nn.Sequential(
                nn.Conv2d(in_channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.Dropout(drop)
            ),
        })
        self.body["down"][1].bias.requires_grad_(False)
        self.up = nn.Sequential(
            nn.Conv2d(width, 8, 3, bias=False, padding=1), nn.BatchNorm2d(8), nn.Dropout(drop), nn.Conv2d(8, 1, 1)
        )

    def forward(self, x):
        return self.up(self.body["down"](x).relu())

SPEC = ArchitectureSpec(config=ForeignConfig, network=lambda config: Net(drop=0.0), encoder=("body.down",))
ALL = ArchitectureSpec(config=ForeignConfig, network=lambda config: Net(), encoder=("body", "up"))
DROPS = ArchitectureSpec(config=ForeignConfig, network=lambda config: Net(), encoder=("body.down", "not_there"))
"""
"""A network with batch norm, dropout and a parameter that its author has frozen."""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunConfig]:
    """Function that makes a config of what a file of the working directory has under a name."""
    (tmp_path / "embodied.py").write_text(FOREIGN)
    monkeypatch.chdir(tmp_path)
    return lambda name, **training: make_config(configure(f"embodied.py:{name}"), **training)


def make_config(architecture: Any = None, **training: Any) -> RunConfig:
    return RunConfig(
        architecture=architecture or configure("unet", (4, 8), norm="batch"),
        data=DataConfig(size=(16, 16)),
        training=TrainingConfig(**{"epochs": 3, "batch_size": BATCH, "precision": "fp32"} | training),
    )


def frames() -> DeviceFrames:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (FRAMES, 3, 16, 16), dtype=torch.uint8, generator=generator)
    return DeviceFrames(images, images[:, :1] > 100, tuple("abcdef"[index % 6] for index in range(FRAMES)))


def split() -> Split:
    return Split(*(np.array(part) for part in (range(16), range(16, 20), range(20, 24), ())))


def state_of(trainer: Trainer) -> dict[str, Tensor]:
    return copy.deepcopy(trainer.network.state_dict())


def require_changes(before: dict[str, Tensor], after: dict[str, Tensor], same: Callable[[str], bool]) -> None:
    """All that learns or counts has changed, but for what is the same to the bit."""
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name]) == same(name), name


def train_by_epochs(config: RunConfig, execution: Execution = REFERENCE) -> tuple[Trainer, list[dict[str, Tensor]]]:
    """The trainer, and its network's state at first and after each epoch."""
    trainer = make_trainer(config, 4 * config.training.epochs, CPU, execution)
    states = [state_of(trainer)]
    train(trainer, frames(), split(), lambda _: states.append(state_of(trainer)))
    return trainer, states


@pytest.mark.parametrize("name", ["unet", "embodied.py:DROPS"])
def test_a_frozen_encoder_stays_to_the_bit_and_learns_afterwards(
    name: str, foreign: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, statistics and counters, whatever decays; what its author has frozen stays for good."""
    config = replace(foreign("DROPS"), training=TrainingConfig(epochs=4, freeze_epochs=2, batch_size=BATCH))
    if name == "unet":
        config = replace(config, architecture=configure("unet", (4, 8), norm="batch"))
    modes: list[tuple[bool, ...]] = []
    trainer = make_trainer(config, 16, CPU)
    encoder = trainer.network.get_submodule("encoder" if name == "unet" else "body.down")
    rest = trainer.network.get_submodule("decoder" if name == "unet" else "up")
    forward = trainer.objective.forward

    def watched(*inputs: Any) -> Any:
        if trainer.network.training:
            modes.append(tuple({module.training for module in part.modules()} == {True} for part in (encoder, rest)))
        return forward(*inputs)

    monkeypatch.setattr(trainer.objective, "forward", watched)
    states = [state_of(trainer)]
    train(trainer, frames(), split(), lambda _: states.append(state_of(trainer)))
    inside = ("encoder.", "body.")
    require_changes(states[0], states[2], lambda name: name.startswith(inside))
    require_changes(states[2], states[4], lambda name: name == "body.down.1.bias")
    assert modes == [(False, True)] * 8 + [(True, True)] * 8
    left = {name for name, parameter in trainer.network.named_parameters() if not parameter.requires_grad}
    assert left == (set() if name == "unet" else {"body.down.1.bias"})


def test_training_is_that_of_plain_torch(foreign: Callable[..., RunConfig]) -> None:
    """Two groups of torch's AdamW, frozen by hand, where no step counts for the encoder. One batch has all frames."""
    still = dict.fromkeys(("flip", "rotate", "scale", "shift", "color_jitter"), 0.0)
    config = foreign("SPEC", epochs=6, freeze_epochs=2, encoder_lr_factor=0.1, batch_size=16, lr=0.02, **still)
    trainer, data = make_trainer(config, 6, CPU), frames()
    network = copy.deepcopy(trainer.network)
    train(trainer, data, split(), lambda _: None)
    encoder, rest = network.get_submodule("body.down"), network.get_submodule("up")
    groups = [{"params": [*of.parameters()], "factor": factor} for of, factor in ((rest, 1.0), (encoder, 0.1))]
    optimizer = torch.optim.AdamW(groups, weight_decay=config.training.weight_decay)
    pixels, masks = (data.images[:16] / 255 - 0.5) / 0.25, data.masks[:16].float()
    for epoch in range(6):
        network.train()
        encoder.train(epoch >= 2)
        for name, parameter in encoder.named_parameters():
            parameter.requires_grad_(epoch >= 2 and name != "1.bias")
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * lr_factor(epoch, 6, config.training) * group["factor"]
        segmentation_loss(network(pixels), masks, config.training.loss, None).mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), config.training.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(trainer.network.state_dict()[name], tensor, rtol=1e-4, atol=1e-6, msg=name)


def test_a_slow_encoder_moves_less_and_the_logged_rate_is_the_others() -> None:
    """A single step of Adam moves each weight by its rate, whatever the gradient."""
    moved, rates = [], []
    for factor in (1.0, 0.1):
        config = make_config(encoder_lr_factor=factor, weight_decay=0.0, batch_size=16, epochs=1)
        trainer = make_trainer(config, 5, CPU)
        before = state_of(trainer)
        rates.append(trainer.lr)
        trainer.train_epoch(frames(), torch.arange(16))
        after = state_of(trainer)
        names = [name for name, _ in trainer.network.named_parameters()]
        moved.append({name: (after[name] - before[name]).abs().max().item() for name in names})
    assert rates[0] == rates[1] > 0
    for name in moved[0]:
        expected = 0.1 if name.startswith("encoder.") else 1.0
        assert moved[1][name] / moved[0][name] == pytest.approx(expected, rel=2e-2), name


@pytest.fixture
def stands(monkeypatch: pytest.MonkeyPatch) -> list[Stand]:
    """Every stand-in for CUDA graphs that a trainer was given."""
    given: list[Stand] = []
    monkeypatch.setattr(
        "hourglass_bench.bench.training.trainer.cuda_graphs", lambda device: given.append(Stand()) or given[-1]
    )
    monkeypatch.setattr("hourglass_bench.bench.training.trainer.CPU_EVALUATION_BATCH", 1)
    return given


def test_a_graph_of_the_frozen_steps_is_not_replayed_afterwards(stands: list[Stand]) -> None:
    """Nor is that of the evaluation kept, which shares its memory; the numbers are those of eager steps, to the bit."""
    training: dict[str, Any] = {"epochs": 6, "freeze_epochs": 3, "encoder_lr_factor": 0.1, "weight_decay": 0.5}
    graphed, states = train_by_epochs(make_config(**training), GRAPH)
    assert graphed.graph_failure == ""
    assert sum(stand.captures for stand in stands) == 4
    eager = make_trainer(make_config(**training), 24, CPU, GRAPH)
    eager.free_graph()
    train(eager, frames(), split(), lambda _: None)
    for name, tensor in state_of(eager).items():
        assert torch.equal(tensor, states[-1][name]), name
    require_changes(states[0], states[3], lambda name: name.startswith("encoder."))
    require_changes(states[3], states[6], lambda _: False)


def test_graphs_begin_anew_only_where_the_encoder_is_let_go(stands: list[Stand]) -> None:
    train_by_epochs(make_config(epochs=6), GRAPH)
    assert sum(stand.captures for stand in stands) == 2


@pytest.mark.parametrize("training", [{"freeze_epochs": 1}, {"encoder_lr_factor": 0.1}, {"pretrain_epochs": 1}])
def test_memory_is_that_of_a_step_in_which_everything_trains(
    training: dict[str, Any], tiny_config: MakeConfig, cache: Path
) -> None:
    plain = tiny_config(training=TrainingConfig(epochs=3, batch_size=4))
    config = tiny_config(training=TrainingConfig(epochs=3, batch_size=4, **{"freeze_epochs": 1} | training))
    setup = prepare(config, cache, CPU)
    assert predict_peak_bytes(config, CPU) == measure_memory(config, setup, CPU).tensor_peak
    if "pretrain_epochs" not in training:
        assert predict_peak_bytes(config, CPU) == predict_peak_bytes(plain, CPU)
        assert step_shape(config) == step_shape(plain)


def test_an_auto_encoder_that_pretrains_has_no_encoder_of_its_own_kind() -> None:
    teacher = autoencoder_of(make_config(epochs=4, pretrain_epochs=1, freeze_epochs=2, encoder_lr_factor=0.1))
    assert not teacher.training.singles_out_encoder
    assert teacher.training.epochs == 1


@pytest.mark.parametrize(
    ("name", "training", "message"),
    [
        (
            "Net",
            {"freeze_epochs": 2},
            r"training.freeze_epochs must be 0 for embodied.py:Net, got 2: it has no submodule enc",
        ),
        (
            "Net",
            {"encoder_lr_factor": 0.5},
            r"training.encoder_lr_factor must be 1 for embodied.py:Net, got 0.5: it has no ",
        ),
        (
            "Net",
            {"freeze_epochs": 1},
            r"no submodule encoder, but body, up; an ArchitectureSpec says by `encoder` which",
        ),
        (
            "ALL",
            {"freeze_epochs": 1},
            r"must be 0 for embodied.py:ALL, got 1: beside its encoder, body, up, nothing trains",
        ),
    ],
)
def test_a_network_without_an_encoder_is_refused(
    name: str, training: dict[str, Any], message: str, foreign: Callable[..., RunConfig]
) -> None:
    make_network(foreign(name))
    for refused in (make_network, lambda config: make_trainer(config, 2, CPU)):
        with pytest.raises(ValueError, match=message):
            refused(foreign(name, **training))


@pytest.mark.parametrize("name", ["simple_conv", "hourglass", "unet", "unet_twin", "autoencoder", "vae"])
@pytest.mark.parametrize("latent", [0, 4])
def test_each_of_our_networks_has_one(name: str, latent: int) -> None:
    if name == "simple_conv" and latent:
        return
    architecture = configure(name, (4, 8), latent=latent, image_size=(16, 16))
    trainer = make_trainer(make_config(architecture, freeze_epochs=1), 4, CPU)
    trainer.freeze_encoder(True)
    frozen = {name for name, parameter in trainer.network.named_parameters() if not parameter.requires_grad}
    assert frozen
    assert {name.partition(".")[0] for name in frozen} <= {"encoder", "to_latent"}
    trainer.freeze_encoder(False)
    assert all(parameter.requires_grad for parameter in trainer.network.parameters())

"""What cannot fit the memory is refused by both figures, before any of it is taken."""

from pathlib import Path

import pytest
import torch

from hourglass_bench.architectures.registry import configure, predict, traced
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.data import dataset, synthetic
from hourglass_bench.bench.machine import room
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.room import ACTIVATION, STATE, require_room_to_make, require_room_to_train

CPU = torch.device("cpu")


def config(*channels: int, batch: int = 4, size: int = 64) -> RunConfig:
    return RunConfig(
        architecture=configure("unet", channels),
        data=DataConfig(size=(size, size)),
        training=TrainingConfig(batch_size=batch, precision="fp32"),
    )


@pytest.mark.parametrize("channels", [(4, 8), (64, 128, 256)])
def test_the_least_is_less_than_what_a_step_takes(channels: tuple[int, ...]) -> None:
    """By no more than a few times, else it would refuse nothing."""
    run = config(*channels)
    found = predict(run.architecture, 64, 64)
    least = STATE * found.params + ACTIVATION * found.activations * run.training.batch_size
    assert least < predict_peak_bytes(run, CPU) < 6 * least


def test_activations_are_what_is_kept_of_an_image() -> None:
    network = configure("unet", (8, 16))
    assert predict(network, 64, 64).activations * 4 <= traced(network, 64, 64).activation_bytes


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (
            config(16, batch=2**20),
            r"1,048,576 images of 64x64 pixels, at least [\d,.]+ GiB, got 8 GiB free on cpu; take",
        ),
        (
            config(2**16, 2**16),
            r"unet, 296,355,102,721 parameters and 4 images of 64x64 pixels, at least [\d,.]+ GiB, g",
        ),
    ],
)
def test_a_step_that_cannot_fit_is_refused(run: RunConfig, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "memory_limit", lambda device: 8 * 2**30)
    require_room_to_train(config(16), CPU)
    with pytest.raises(ValueError, match=told):
        require_room_to_train(run, CPU)


def test_dancers_that_cannot_fit_are_not_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(room, "memory_limit", lambda device: 10**6)
    monkeypatch.setattr(synthetic, "generate", lambda **_: pytest.fail("drawn"))
    told = r"drawing 60 scenes of 8 frames of 128x128 pixels, at least 35\.2 MiB, got 977 KiB free on cpu; take fewer"
    for make in (dataset.read, lambda data: dataset.load(data, tmp_path / "cache")):
        with pytest.raises(ValueError, match=told):
            make(DataConfig())
    assert list(tmp_path.iterdir()) == []


def test_a_network_from_elsewhere_is_measured_before_it_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whose constructor would fill its parameters."""
    (tmp_path / "wide.py").write_text(
        "from torch import nn\n\n\n"
        "class Wide(nn.Sequential):\n"
        "    def __init__(self, width: int = 4):\n"
        "        super().__init__(nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 1, 1))\n"
    )
    monkeypatch.chdir(tmp_path)
    require_room_to_make(configure("wide.py:Wide", width=8))
    monkeypatch.setattr(room, "memory_limit", lambda device: 8 * 2**30)
    with pytest.raises(ValueError, match=r"the 29,000,000,001 parameters of wide.py:Wide, at least 108 GiB, got"):
        require_room_to_make(configure("wide.py:Wide", width=10**9))

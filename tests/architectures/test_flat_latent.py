"""A flat latent between encoder and decoder, of every architecture that can have one."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from architectures.config import ArchitectureConfig, Norm
from architectures.registry import ARCHITECTURES, build, configure, predict

LATENT = 8
SIZES = [(16, 16), (4, 4), (17, 23), (9, 64)]

every_architecture = pytest.mark.parametrize(
    "name", [name for name, spec in ARCHITECTURES.items() if name != "simple_conv" and not spec.stream]
)
every_size = pytest.mark.parametrize("size", SIZES)


def config(name: str, size: tuple[int, int] = (16, 16), norm: Norm = "none") -> ArchitectureConfig:
    return configure(name, (4, 6), norm=norm, latent=LATENT, image_size=size)


def images(size: tuple[int, int], batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(0))


@every_architecture
@every_size
def test_output_has_the_image_size_and_every_latent_number_a_map_of_its_own(name: str, size: tuple[int, int]) -> None:
    architecture = config(name, size)
    network = build(architecture, seed=0)
    assert network(images(size)).shape == (2, architecture.out_channels, *size)
    maps = network.get_submodule("from_latent")(torch.eye(LATENT)[:, :, None, None])
    assert maps.shape == (LATENT, 6, -(-size[0] // 4), -(-size[1] // 4))
    assert torch.linalg.matrix_rank(maps.flatten(1)) == min(LATENT, maps[0].numel())


@every_architecture
@every_size
def test_everything_that_passes_between_encoder_and_decoder_is_the_latent(name: str, size: tuple[int, int]) -> None:
    architecture = config(name, size)
    network = build(architecture, seed=0)
    seen: list[Tensor] = []
    network.get_submodule("bottleneck").register_forward_hook(lambda _m, _i, output: seen.append(output))
    network(images(size))
    assert [tuple(latent.shape) for latent in seen] == [(2, LATENT, 1, 1)]
    prediction = predict(architecture, *size)
    assert (prediction.shape, prediction.elements) == ((LATENT, 1, 1), LATENT)
    assert prediction.compression == pytest.approx(3 * size[0] * size[1] / LATENT)
    assert (seen[0][0] - seen[0][1]).abs().min() > 0


@every_architecture
def test_the_latent_sees_all_of_the_image(name: str) -> None:
    """Each latent number changes with each corner, which a convolution over a part of the map would not see."""
    network = build(config(name), seed=0)
    codes: list[Tensor] = []
    network.get_submodule("bottleneck").register_forward_hook(lambda _m, _i, output: codes.append(output))
    batch = images((16, 16), batch=1)
    network(batch)
    for row in (0, 15):
        for column in (0, 15):
            changed = batch.clone()
            changed[..., row, column] += 3
            network(changed)
    assert len(codes) == 5
    assert all(((code - codes[0]).abs() > 0).all() for code in codes[1:])


@every_architecture
@every_size
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_predicted_params_and_macs_are_the_counted_ones(name: str, size: tuple[int, int], norm: Norm) -> None:
    architecture = config(name, size, norm)
    network = build(architecture, seed=0).eval()
    prediction = predict(architecture, *size)
    assert prediction.params == sum(parameter.numel() for parameter in network.parameters())
    with FlopCounterMode(display=False) as counter:
        network(images(size, batch=1))
    assert 2 * prediction.macs == counter.get_total_flops()


@every_architecture
def test_seed_decides_the_weights_of_the_latent(name: str) -> None:
    networks = [build(config(name), seed=seed).state_dict() for seed in (0, 0, 1)]
    for key in ("to_latent.weight", "from_latent.weight"):
        first, again, other = (weights[key] for weights in networks)
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


@every_architecture
def test_images_keep_their_scale_through_the_latent(name: str) -> None:
    network = build(configure(name, (16, 32, 64), latent=64, image_size=(32, 32)), seed=0)
    assert 0.2 < network(images((32, 32), batch=8)).std() < 3


@every_architecture
def test_images_of_another_size_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"image_size must be the frames' size \(32, 16\), got \(16, 16\)"):
        predict(config(name), 32, 16)


def test_simple_conv_has_no_latent() -> None:
    with pytest.raises(ValueError, match=r"latent must be 0 for simple_conv, got 8; use hourglass"):
        build(config("simple_conv"), seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent": -1}, "architecture.latent must be at least 0, got -1"),
        ({"latent": 0}, r"must be height and width with a flat latent and empty without one, got \(16, 16\) with a"),
        ({"image_size": ()}, r"must be height and width .*, got \(\) with a latent of 8"),
        ({"image_size": (16,)}, r"must be height and width .*, got \(16,\) with a latent of 8"),
    ],
)
def test_a_bad_latent_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(config("hourglass"), **change)  # type: ignore[arg-type]


def test_without_a_latent_the_image_size_says_nothing() -> None:
    assert configure("unet", (4, 8), image_size=(16, 16)) == configure("unet", (4, 8))

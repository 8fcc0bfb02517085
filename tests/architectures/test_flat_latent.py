"""A flat latent between encoder and decoder, beyond what every network must do (test_contract.py)."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.registry import ARCHITECTURES, build, configure, predict

LATENT = 8

every_architecture = pytest.mark.parametrize(
    "name", [name for name in ARCHITECTURES if name not in ("simple_conv", "unet_twin")]
)


def config(name: str, size: tuple[int, int] = (16, 16)) -> ArchitectureConfig:
    return configure(name, (4, 6), latent=LATENT, image_size=size)


@every_architecture
@pytest.mark.parametrize("size", [(16, 16), (4, 4), (17, 23), (9, 64)])
def test_every_latent_number_has_a_map_of_its_own(name: str, size: tuple[int, int]) -> None:
    maps = build(config(name, size), seed=0).get_submodule("from_latent")(torch.eye(LATENT)[:, :, None, None])
    assert maps.shape == (LATENT, 6, -(-size[0] // 4), -(-size[1] // 4))
    assert torch.linalg.matrix_rank(maps.flatten(1)) == min(LATENT, maps[0].numel())


@every_architecture
def test_the_latent_sees_all_of_the_image(name: str) -> None:
    """Each latent number changes with each corner, which a convolution over a part of the map would not see."""
    network = build(config(name), seed=0)
    codes: list[Tensor] = []
    network.get_submodule("bottleneck").register_forward_hook(lambda _m, _i, output: codes.append(output))
    batch = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    network(batch)
    for row in (0, 15):
        for column in (0, 15):
            changed = batch.clone()
            changed[..., row, column] += 3
            network(changed)
    assert len(codes) == 5
    assert all(((code - codes[0]).abs() > 0).all() for code in codes[1:])


@every_architecture
def test_images_of_another_size_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"image_size must be the frames' size \(32, 16\), got \(16, 16\)"):
        predict(config(name), 32, 16)


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

"""Images enter a network from elsewhere as it expects them."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.registry import build, configure
from hourglass_bench.architectures.spec import ArchitectureSpec
from tests.architectures.conftest import SPEC, Write


def test_images_are_normalised_as_the_network_expects(write: Write) -> None:
    network = build(configure(f"{write(SPEC)}:SPEC"), seed=0, size=(16, 16))
    assert isinstance(network, nn.Sequential)
    pixels = torch.rand(2, 3, 16, 16)
    mean, std = (torch.tensor(of)[:, None, None] for of in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = (pixels - mean) / std
    for module in network:
        expected = module(expected)
    torch.testing.assert_close(network((pixels - 0.5) / 0.25), expected)


def test_what_images_are_normalised_by_moves_with_the_network_and_is_not_stored(write: Write) -> None:
    """Tensors on two devices would fail here, as they do in a graph's capture."""
    config = configure(f"{write(SPEC)}:SPEC")
    network = copy.deepcopy(build(config, seed=0, size=(16, 16)))
    assert set(network.state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    moved = network.to("meta")
    assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}
    assert moved(torch.empty(2, 3, 16, 16, device="meta")).device.type == "meta"
    with FakeTensorMode():
        fake = build(config, seed=0, size=(16, 16))
        assert fake(torch.empty(2, 3, 16, 16)).shape == (2, 1, 16, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": (0.5, 0.5, 0.5)}, r"mean and std must stand together, got \(\(0\.5, 0\.5, 0\.5\), None\)\."),
        ({"mean": [0.5, 0.5, 0.5], "std": (1.0, 1.0, 1.0)}, r"mean must be a tuple, got \[0\.5, 0\.5, 0\.5\]\."),
        ({"encoder": "encoder"}, r"encoder must be a tuple, got 'encoder'\."),
        ({"mean": (0.5, 0.5, 0.5), "std": (1.0, 0.0, 1.0)}, r"std must be above 0, got \(1\.0, 0\.0, 1\.0\)\."),
    ],
)
def test_a_spec_of_the_wrong_kind_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ArchitectureSpec(config=ArchitectureConfig, network=lambda _: nn.Conv2d(3, 1, 1), **options)

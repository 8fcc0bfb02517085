"""Images enter a network from elsewhere as it expects them."""

import torch
from torch import nn

from architectures.registry import build, configure
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

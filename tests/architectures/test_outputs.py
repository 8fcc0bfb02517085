"""What networks from elsewhere return becomes logits of the frames' size, or is refused with the remedy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from hourglass_bench.architectures.config import InfeasibleArchitecture
from hourglass_bench.architectures.registry import build, configure, traced

SIZE = (16, 24)
RETURNS: dict[str, Callable[[nn.Module, Tensor], Any]] = {
    "tensor": lambda _, x: x,
    "torchvision": lambda _, x: {"out": x, "aux": 2 * x},
    "hugging_face": lambda _, x: {"loss": x.mean(), "logits": x},
    "pair": lambda _, x: (x, torch.cat((x, x, x), 1)),
    "deep": lambda network, x: (x, x.tile(1, 5, 1, 1)) if network.training else x,
    "half": lambda _, x: x[..., ::2, ::2],
    "sigmoid": lambda _, x: x.sigmoid(),
    "evaluated": lambda network, x: x if network.training else x.sigmoid(),
    "trained": lambda network, x: x.sigmoid() if network.training else x,
    "half_sigmoid": lambda _, x: x[..., ::2, ::2].sigmoid()[..., :8, :12],
    "two_channels": lambda _, x: torch.cat((x, x), 1),
    "two_tensors": lambda _, x: (x, x),
    "scales": lambda network, x: [x[..., ::2, ::2], x] if network.training else x,
    "named_tuple": lambda _, x: Named(2 * x, x),
    "fields": lambda _, x: Fields(2 * x, x),
    "clamped": lambda _, x: x.sigmoid().clamp(0.01, 0.99),
    "relu": lambda _, x: x.relu(),
    "softmax": lambda _, x: x.softmax(1)[..., ::2, ::2],
    "log_sigmoid": lambda _, x: nn.functional.logsigmoid(x),
    "hard_sigmoid": lambda network, x: x if network.training else nn.functional.hardsigmoid(x),
    "flat": lambda _, x: x[:, 0],
    "valid": lambda _, x: x[..., 2:-2, 2:-2],
    "unpacked": lambda _, x: __import__("no_such_package").rearrange(x),
    "fixed": lambda _, x: x.reshape(-1, 1, 32, 32),
}


class Named(NamedTuple):
    """As some networks return."""

    aux: Tensor
    logits: Tensor


@dataclass
class Fields:
    """The same as a dataclass."""

    aux: Tensor
    logits: Tensor


class Returning(nn.Module):
    """A 1x1 convolution, what comes of it as `how` says."""

    def __init__(self, in_channels: int, out_channels: int, how: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1)
        self.how = how

    def forward(self, x: Tensor) -> Any:
        """(B, C, H, W) -> anything."""
        return RETURNS[self.how](self, self.conv(x))


class EndsInSigmoid(nn.Sequential):
    """As tutorials write it."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(nn.Conv2d(in_channels, out_channels, 1), nn.Sigmoid())


def made(how: str) -> Returning:
    network = build(configure(f"{__name__}:Returning", how=how), seed=0, size=SIZE)
    assert isinstance(network, Returning)
    return network


@pytest.mark.parametrize(
    ("how", "notes"),
    [
        ("tensor", []),
        ("torchvision", ["logits are one of what it returns, dict of out: (2, 1, 16, 24), aux: (2, 1, 16, 24)"]),
        ("hugging_face", ["logits are one of what it returns, dict of loss: (), logits: (2, 1, 16, 24)"]),
        ("pair", ["logits are one of what it returns, tuple of 0: (2, 1, 16, 24), 1: (2, 3, 16, 24)"]),
        ("deep", ["logits are one of what it returns, tuple of 0: (2, 1, 16, 24), 1: (2, 5, 16, 24)"]),
        ("scales", ["logits are one of what it returns, list of 0: (2, 1, 8, 12), 1: (2, 1, 16, 24)"]),
        ("named_tuple", ["logits are one of what it returns, Named of aux: (2, 1, 16, 24), logits: (2, 1, 16, 24)"]),
        ("fields", ["logits are one of what it returns, Fields of aux: (2, 1, 16, 24), logits: (2, 1, 16, 24)"]),
        ("clamped", ["its sigmoid is undone"]),
        ("sigmoid", ["its sigmoid is undone"]),
        ("evaluated", ["its sigmoid is undone"]),
        ("trained", ["its sigmoid is undone"]),
    ],
)
def test_logits_are_found_in_either_mode(how: str, notes: list[str]) -> None:
    network, images = made(how), torch.randn(2, 3, *SIZE)
    for training in (True, False):
        network.train(training)
        torch.testing.assert_close(network(images), network.conv(images))
    assert list(traced(configure(f"{__name__}:Returning", how=how), *SIZE).notes) == notes


@pytest.mark.parametrize(("how", "undone"), [("half", False), ("half_sigmoid", True)])
def test_maps_of_half_the_size_are_enlarged(how: str, undone: bool) -> None:
    network, images = made(how), torch.randn(2, 3, *SIZE)
    half = network.conv(images)[..., ::2, ::2]
    expected = nn.functional.interpolate(half, SIZE, mode="bilinear", align_corners=False)
    torch.testing.assert_close(network(images), expected)
    notes = traced(configure(f"{__name__}:Returning", how=how), *SIZE).notes
    assert notes == (*(["its sigmoid is undone"] if undone else []), "logits are enlarged 2 times")


def test_logits_of_a_sigmoid_module_are_float32_and_finite() -> None:
    network = build(configure(f"{__name__}:EndsInSigmoid"), seed=0, size=SIZE)
    assert isinstance(network, EndsInSigmoid)
    images = torch.randn(2, 3, *SIZE)
    torch.testing.assert_close(network(images), network[0](images))
    with torch.autocast("cpu", torch.bfloat16):
        assert network(images).dtype == torch.float32
    assert network(1e4 * images).isfinite().all()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("two_channels", r"\(batch, 1, height, width\).* got a tensor of shape \(2, 2, 16, 24\); its options for the"),
        ("two_tensors", r"got tuple of 0: \(2, 1, 16, 24\), 1: \(2, 1, 16, 24\)"),
        ("flat", r"got a tensor of shape \(2, 16, 24\)"),
        ("unpacked", r"must have all packages that it needs, got ModuleNotFoundError: .*'no_such_package'; install it"),
        ("relu", "must return logits or what a sigmoid makes of them, got what relu makes of them"),
        ("softmax", "got what softmax makes of them"),
        ("log_sigmoid", "got what logsigmoid makes of them"),
        ("hard_sigmoid", "got what hardsigmoid makes of them"),
        ("valid", r"logits of the image's 16x24 pixels or a whole fraction of its sides, got .*\(2, 1, 12, 20\)"),
    ],
)
def test_what_is_not_clear_is_refused(how: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(how)


def test_a_network_for_another_size_is_refused() -> None:
    with pytest.raises(
        InfeasibleArchitecture, match=r"Returning must take images of 16x24 pixels and 3 channels as its .*, got Ru"
    ):
        made("fixed")

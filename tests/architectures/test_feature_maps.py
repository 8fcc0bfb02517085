"""The bottleneck that is found of networks as people build them."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.registry import build, configure, predict
from hourglass_bench.architectures.spec import ArchitectureSpec
from hourglass_bench.bench.training.measure import measure_bottleneck

SIZE = (32, 48)


def conv(before: int, after: int, stride: int = 1) -> nn.Module:
    return nn.Conv2d(before, after, 3, stride, padding=1)


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:])


class Pyramid(nn.Module):
    """PSPNet: means over 1x1, 2x2, 3x3 and 6x6 fields of the map that they are laid beside."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = conv(3, 8, 2), conv(8, 16, 4)
        self.fields = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(n), nn.Conv2d(16, 4, 1)) for n in (1, 2, 3, 6))
        self.fuse, self.head = conv(32, 8), conv(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        deep = self.body(self.stem(x))
        fused = self.fuse(torch.cat([deep, *(enlarged(field(deep), deep) for field in self.fields)], 1))
        return enlarged(self.head(fused), x)


class Excited(nn.Module):
    """Channel attention at every level, and a gate of one channel at the lowest."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.excite, self.gate = conv(3, 8, 4), nn.Conv2d(8, 8, 1), conv(8, 1)
        self.up = nn.ConvTranspose2d(8, 1, 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        x = x * self.excite(x.mean((2, 3), keepdim=True)).sigmoid()
        logits: Tensor = self.up(x * self.gate(x).sigmoid())
        return logits


class Supervised(nn.Module):
    """Deep supervision: a prediction of the lowest map, made last."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = conv(3, 8, 4), conv(8, 16)
        self.up, self.low = nn.ConvTranspose2d(16, 1, 4, 4), conv(16, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.deep(self.down(x))
        return {"out": self.up(x), "low": self.low(x)}


class Branches(nn.Module):
    """HRNet: resolutions side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.high, self.low = conv(3, 8), conv(3, 16, 4)
        self.cross, self.head = conv(8, 16, 4), conv(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        high, low = self.high(x), self.low(x)
        low = low + self.cross(high)
        logits: Tensor = self.head(torch.cat((high, enlarged(low, high)), 1))
        return logits


class Single(nn.Module):
    """A map of a single pixel that is one, of the image as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 8, SIZE, SIZE), nn.ConvTranspose2d(8, 1, SIZE, SIZE)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.up(self.down(x))
        return logits


class Fixed(Single):
    """The same for one size."""

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[-2:] == SIZE
        logits: Tensor = self.up(self.down(x))
        return logits


class Functional(nn.Module):
    """No submodule."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 3, 2, 2))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": F.conv2d(x, self.weight, stride=2)}


WRONG = ArchitectureSpec(config=ArchitectureConfig, network=lambda _: Branches(), bottleneck="lowest")


@pytest.mark.parametrize(
    ("kind", "place", "shape"),
    [
        (Pyramid, "fuse", (8, 4, 6)),
        (Excited, "down", (8, 8, 12)),
        (Supervised, "deep", (16, 8, 12)),
        (Branches, "cross", (16, 8, 12)),
        (Single, "down", (8, 1, 1)),
        (Fixed, "down", (8, 1, 1)),
        (Functional, "", (1, *SIZE)),
    ],
)
def test_the_bottleneck_is_the_lowest_map_of_the_image(
    kind: type[nn.Module], place: str, shape: tuple[int, int, int]
) -> None:
    config = configure(f"{__name__}:{kind.__name__}")
    prediction = predict(config, *SIZE)
    assert (prediction.bottleneck, prediction.shape) == (place, shape)
    network = build(config, seed=0, size=SIZE)
    assert measure_bottleneck(network, place, (3, *SIZE), torch.device("cpu")) == shape


def test_a_declared_bottleneck_that_is_none_is_refused() -> None:
    config = configure(f"{__name__}:WRONG")
    with pytest.raises(ValueError, match=r"WRONG must be a submodule that returns a map \(batch, .*, got lowest\."):
        predict(config, *SIZE)

"""Files with networks that are not ours."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.networks import forget_networks

Write = Callable[..., str]
NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, in_channels: int, out_channels: int, width: int = 4, act: str = "relu", sides=(3, 3), *, slope):
        assert isinstance(sides, tuple)
        super().__init__(nn.Conv2d(in_channels, width, sides, padding=1), nn.Conv2d(width, out_channels, 1))
        self.said = (act, sides, slope)

def make(width: int = 4) -> nn.Module:
    return nn.Conv2d(3, 1, 1)

def unsaid(width: int = 4):
    raise AssertionError("must not be called")
"""
SPEC = """
from dataclasses import dataclass
from torch import nn
from hourglass_bench.architectures.config import ArchitectureConfig, require
from hourglass_bench.architectures.bottleneck import Prediction
from hourglass_bench.architectures.spec import ArchitectureSpec

@dataclass(frozen=True, kw_only=True, slots=True)
class Options(ArchitectureConfig):
    width: int = 4
    act: str = "relu"

    def __post_init__(self) -> None:
        super(Options, self).__post_init__()
        require(self.width > 1, "architecture.width", "be above 1", self.width)

def network(options):
    first = nn.Conv2d(options.in_channels, options.width, 2, 2)
    return nn.Sequential(first, nn.ReLU(), nn.ConvTranspose2d(options.width, options.out_channels, 2, 2))

def sizes(options, height, width):
    shape = (options.width, height // 2, width // 2)
    return Prediction(shape, 1, 1.0, options.width * 17 + 1, 5, "0")

SPEC = ArchitectureSpec(config=Options, network=network, bottleneck="0", encoder=("0",),
                        mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
CLOSED = ArchitectureSpec(config=Options, network=network, predict=sizes)
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Function that writes a file into the working directory; what is known of networks is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text: str, name: str = "mine.py") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    yield write
    forget_networks()

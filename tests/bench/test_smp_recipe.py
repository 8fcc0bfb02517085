"""The recipes of docs/zoo.md for segmentation_models_pytorch, on a stub that has its signature and nothing else."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.bench.__main__ import main
from tests.networks import forget_networks

STUB = """
from torch import nn

class Unet(nn.Module):
    def __init__(self, encoder_name="resnet34", encoder_depth=5, encoder_weights="imagenet",
                 decoder_use_norm="batchnorm", decoder_channels=(256, 128, 64, 32, 16), decoder_attention_type=None,
                 decoder_interpolation="nearest", in_channels=3, classes=1, activation=None, aux_params=None, **kwargs):
        super().__init__()
        assert encoder_weights is None, "nothing is downloaded here"
        width = {"resnet18": 4, "resnet34": 8}[encoder_name]
        self.encoder = nn.Sequential(nn.Conv2d(in_channels, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.segmentation_head = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(width, classes, 1))

    def forward(self, x):
        self.seen = x
        return self.segmentation_head(self.encoder(x))
"""
RECIPES = re.findall(r"^```python[^\n]*\n(.*?)^```", Path("docs/zoo.md").read_text(), re.MULTILINE | re.DOTALL)
FLAGS = "--size 16 --epochs 1 --batch-size 4 --synthetic-scenes 6 --synthetic-frames 2 --folds 3 --device cpu --json"


@pytest.fixture
def stubbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory in which the package can be imported."""
    (tmp_path / "segmentation_models_pytorch.py").write_text(STUB)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "segmentation_models_pytorch", raising=False)
    forget_networks()
    return tmp_path


def trained(arguments: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert main(f"train {arguments} {FLAGS} --runs runs".split()) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.usefixtures("stubbed")
def test_by_reference(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "--arch segmentation_models_pytorch:Unet --set encoder_name=resnet18 encoder_weights=null"
    answer = trained(arguments, capsys)
    assert (answer["state"], answer["bottleneck"]) == ("complete", [4, 8, 8])


def test_by_a_file_that_says_how_images_are_normalised(stubbed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recipe,) = (code for code in RECIPES if "ArchitectureSpec" in code)
    (stubbed / "smp_unet.py").write_text(recipe)
    answer = trained("--arch smp_unet.py:UNET --set encoder_name=resnet18", capsys)
    assert (answer["state"], answer["bottleneck"]) == ("complete", [4, 8, 8])
    import torch

    from hourglass_bench.architectures.registry import build, configure

    network = build(configure("smp_unet.py:UNET"), seed=0, size=(16, 16)).eval()
    network(torch.full((1, 3, 16, 16), (0.485 - 0.5) / 0.25))  # an image that is ImageNet's mean of red everywhere
    seen: Any = network.seen
    torch.testing.assert_close(seen.mean((0, 2, 3))[0], torch.tensor(0.0), atol=1e-6, rtol=0)


def test_operators_that_torchvision_needs_are_declared_as_the_recipe_says() -> None:
    """What torchvision does on import, as of 0.28; without the recipe it raises `operator ... does not exist`."""
    import torch

    (recipe,) = (code for code in RECIPES if "torch.library" in code)
    scope: dict[str, object] = {}  # which keeps the library alive
    exec(recipe, scope)
    for operator in ("torchvision::nms", "torchvision::qnms"):
        torch.library.register_fake(operator)(lambda dets, scores, iou_threshold: dets)

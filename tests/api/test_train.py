"""`train` and `predict`: the same as the command line, keyword by flag."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import hourglass_bench as hb
from hourglass_bench.__main__ import main
from hourglass_bench.bench.commands import train as command
from hourglass_bench.bench.stored_config import config_hash

TINY: dict[str, Any] = {"synthetic_scenes": 6, "synthetic_frames": 2, "folds": 3, "size": 16, "epochs": 1}
NETWORK = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 1, 1))

    def forward(self, images):
        return self.layers(images)
"""


class ReachedError(Exception):
    """What would have been trained."""


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, ""),
        ({"arch": "hourglass", "channels": [4, 8], "skips": "none"}, "--arch hourglass --channels 4 8 --skips none"),
        ({"skips": (1, 3), "norm": "batch", "bottom": 32}, "--skips 1 3 --norm batch --bottom 32"),
        ({"arch": "vae", "latent": 8, "target": "mask"}, "--arch vae --latent 8 --target mask"),
        ({"preset": "unet_original", "norm": "group"}, "--preset unet_original --norm group"),
        ({"arch": "net.py:Net", "width": 8}, "--arch net.py:Net --set width=8"),
        ({"lr": 1, "loss": {"dice": 3, "bce": 1}}, "--lr 1 --loss bce=1 dice=3"),
        ({"size": (32, 48), "data": Path("my"), "ignore": 255}, "--size 32 48 --data my --ignore 255"),
        ({"foreground": "all", "ignore": ["#ff0000"]}, "--foreground all --ignore #ff0000"),
        ({"augment": "none", "repeat": np.int64(2)}, "--augment none --repeat 2"),
    ],
    ids=str,
)
def test_keywords_mean_what_flags_mean(
    options: dict[str, Any], flags: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The very configuration, and so the same unit and the same numbers."""
    (tmp_path / "net.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    reached: list[hb.RunConfig] = []

    def stop(config: hb.RunConfig, **_: object) -> None:
        reached.append(config)
        raise ReachedError("here")

    monkeypatch.setattr(command, "train_one", stop)
    with pytest.raises(ReachedError, match="here"):
        hb.train(**options)
    with pytest.raises(ReachedError, match="here"):
        main(["train", *shlex.split(flags)])
    assert reached[0] == reached[1]
    assert config_hash(reached[0]) == config_hash(reached[1])


def test_a_training_predicts_what_the_command_predicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, picture = tmp_path / "runs", tmp_path / "picture.png"
    trained = hb.train("unet", channels=(4, 8), runs=runs, device="cpu", **TINY)
    assert trained.state == "complete"
    assert trained.metrics["epochs"] == 1
    assert 0 <= trained.metrics["test_iou"] <= 1
    assert Path(trained.checkpoint).is_file()
    assert trained.run_id in trained._repr_html_()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(picture)
    out = tmp_path / "out"
    where = ["--out", str(out), "--runs", str(runs), "--device", "cpu"]
    assert main(["predict", trained.run_id, str(picture), *where]) == 0
    wanted = np.asarray(Image.open(out / "picture.png")) == 255
    masks = [trained.predict(given) for given in (picture, pixels, Image.fromarray(pixels))]
    masks.append(hb.predict(trained.checkpoint, picture, device="cpu"))
    assert all(mask.dtype == np.bool_ and (mask == wanted).all() for mask in masks)
    assert (trained.predict(picture, tile=True) != wanted).any()
    with pytest.raises(ValueError, match=r"image must be a file or an array .* got float64 of shape \(4, 4\)"):
        trained.predict(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="test frames must be opened once per configuration"):
        hb.train("unet", channels=(4, 8), runs=runs, device="cpu", **TINY)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lerning_rate": 1}, r"options must be of base_width, .*, got lerning_rate\."),
        ({"epoch": 1}, r"got epoch; did you mean epochs\?"),
        ({"epochs": "3"}, r"epochs must be a whole number, got '3'\."),
        ({"epochs": True}, r"epochs must be a whole number, got True\."),
        ({"epochs": 0}, r"training\.epochs must be at least 1, got 0\."),
        ({"lr": "high"}, "lr must be a number, got 'high'"),
        ({"size": (1, 2, 3)}, "size must be one side or height and width"),
        ({"loss": 3}, "loss must be weights by name"),
        ({"invert": 1}, "invert must be True or False, got 1"),
        ({"masks": 3}, "masks must be a text, got 3"),
        ({"ignore": 0.5}, "ignore must be a list of words, got 0.5"),
        ({"arch": "uunet"}, r"architecture\.name must be one of simple_conv"),
        ({"arch": 3}, "arch must be a name, a reference or a configuration, got 3"),
        ({"preset": "unet_original", "channels": (4,)}, "preset must stand without arch"),
        ({"skips": "foo"}, "skips must be none, all or level numbers, got 'foo'"),
        ({"augment": "half"}, "augment must be one of full, none, got 'half'"),
        ({"device": "gpu"}, "device must be one of auto, cpu"),
    ],
    ids=str,
)
def test_wrong_keywords_are_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    options = TINY | options
    with pytest.raises(ValueError, match=said):
        hb.train(runs=tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_a_configuration_has_its_options_already(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="arch that is a configuration must have its options already, got 'norm'"):
        hb.train(hb.configure("unet", (4, 8)), norm="batch", runs=tmp_path)

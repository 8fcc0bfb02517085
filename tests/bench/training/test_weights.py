"""Weights from a file: what fits is in the network to the bit, the rest is told, and what helps nobody is refused."""

import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hourglass_bench.architectures.registry import configure
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.measure import measure_memory
from hourglass_bench.bench.training.setup import build, make_network, make_trainer, prepare
from hourglass_bench.bench.training.weights import Loaded, weights_digest
from tests.bench.conftest import MakeConfig

CPU = torch.device("cpu")
FOREIGN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, in_channels=3, out_channels=1, width=4, encoder="encoder"):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.Dropout(0.5))
        self.head = nn.Conv2d(width, out_channels, 1)

    def forward(self, x):
        return self.head(self.stem(x).relu())
"""
"""A network from elsewhere, whose encoder has a name that nothing says."""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunConfig]:
    """Function that makes a config of a class in a file of the working directory."""
    (tmp_path / "stemmed.py").write_text(FOREIGN)
    monkeypatch.chdir(tmp_path)

    def make(width: int = 4, **training: Any) -> RunConfig:
        return RunConfig(
            architecture=configure("stemmed.py:Net", width=width),
            data=DataConfig(size=(16, 16)),
            training=TrainingConfig(**training),
        )

    return make


def of_file(config: RunConfig, path: Path, **training: Any) -> RunConfig:
    return replace(config, training=replace(config.training, weights=str(path), **training))


def save(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def state_of(config: RunConfig, repeat: int = 7) -> dict[str, Tensor]:
    return build(replace(config, repeat=repeat)).state_dict()


def require_equal(state: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert state.keys() == expected.keys()
    for name, tensor in state.items():
        assert tensor.dtype == expected[name].dtype
        assert torch.equal(tensor, expected[name]), name


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.model."])
@pytest.mark.parametrize("key", [None, "state_dict", "model", "model_state_dict"])
def test_a_networks_own_weights_are_its_to_the_bit(
    key: str | None, prefix: str, tiny_config: MakeConfig, tmp_path: Path
) -> None:
    config = tiny_config(architecture=configure("unet", (4, 8), norm="batch"))
    state = prefixed(state_of(config), prefix)
    path = save({key: state, "epoch": 3} if key else state, tmp_path / "w.pth")
    assert not torch.equal(build(config).state_dict()["head.weight"], state[f"{prefix}head.weight"])
    network, loaded = make_network(of_file(config, path))
    require_equal(network.state_dict(), state_of(config))
    assert loaded is not None
    assert len(loaded.loaded) == len(state)
    assert loaded[3:] == ((), (), ())
    assert str(loaded) == f"weights of {path}: {len(state)} of the network's {len(state)} tensors are loaded"


def test_every_trainer_begins_with_them(tiny_config: MakeConfig, tmp_path: Path, cache: Path) -> None:
    """The autotune's too, which makes one of each execution."""
    config = of_file(tiny_config(), save(state_of(tiny_config()), tmp_path / "w.pt"))
    setup = prepare(config, cache, CPU)
    for trainer in (setup.trainer, make_trainer(config, 3, CPU)):
        require_equal(trainer.network.state_dict(), state_of(config))
    assert setup.weights is not None
    assert setup.weights.tags()[schema.WEIGHTS_DIGEST] == weights_digest(config.training.weights)
    assert prepare(tiny_config(), cache, CPU).weights is None


def test_what_measures_and_builds_again_needs_no_file(tiny_config: MakeConfig, tmp_path: Path, cache: Path) -> None:
    path = save(state_of(tiny_config()), tmp_path / "w.pt")
    config = of_file(tiny_config(), path, freeze_epochs=1, encoder_lr_factor=0.1, batch_size=3)
    setup = prepare(config, cache, CPU)
    path.unlink()
    build(config)
    assert predict_peak_bytes(config, CPU) == measure_memory(config, setup, CPU).tensor_peak


def test_what_fits_is_loaded_and_the_rest_is_told(foreign: Callable[..., RunConfig], tmp_path: Path) -> None:
    config = foreign()
    state = state_of(config)
    state["stem.1.running_mean"] += 3
    expected = {**state_of(config, repeat=0), **{name: state[name] for name in ("stem.0.bias", "stem.1.running_mean")}}
    state["stem.0.weight"] = torch.zeros(4, 1, 3, 3)
    for name in ("stem.1.weight", "stem.1.bias", "stem.1.running_var", "stem.1.num_batches_tracked", "head.weight"):
        del state[name]
    del state["head.bias"]
    path = save({**state, "fc.weight": torch.ones(2), "optimizer_step": 3}, tmp_path / "w.pt")
    network, loaded = make_network(of_file(config, path))
    require_equal(network.state_dict(), expected)
    assert str(loaded).splitlines() == [
        f"weights of {path}: 2 of the network's 9 tensors are loaded",
        "  not in the file: stem.1.weight, stem.1.bias, stem.1.running_var and 3 more",
        "  not in the network: fc.weight",
        "  of another shape: stem.0.weight (4, 1, 3, 3), here (4, 3, 3, 3)",
    ]
    assert isinstance(loaded, Loaded)
    assert json.loads(loaded.tags()[schema.WEIGHTS_LOADED]) == {
        "loaded": 2,
        "missing": {"count": 6, "names": ["stem.1.weight", "stem.1.bias", "stem.1.running_var"]},
        "unexpected": {"count": 1, "names": ["fc.weight"]},
        "reshaped": {"count": 1, "names": ["stem.0.weight (4, 1, 3, 3), here (4, 3, 3, 3)"]},
    }


def test_an_encoders_own_file_has_names_without_it(tiny_config: MakeConfig, tmp_path: Path) -> None:
    config = tiny_config(architecture=configure("hourglass", (4, 8)))
    state = state_of(config)
    inner = {name.removeprefix("encoder."): of for name, of in state.items() if name.startswith("encoder.")}
    network, loaded = make_network(
        of_file(config, save(prefixed(inner, "module."), tmp_path / "w.pt"), freeze_epochs=1)
    )
    assert loaded is not None
    assert len(loaded.loaded) == len(inner) < len(state)
    for name, tensor in build(config).state_dict().items():
        expected = state[name] if name.startswith("encoder.") else tensor
        assert torch.equal(network.state_dict()[name], expected), name


def test_other_precisions_are_converted(tiny_config: MakeConfig, tmp_path: Path) -> None:
    state = {name: tensor.half() for name, tensor in state_of(tiny_config()).items()}
    network, _ = make_network(of_file(tiny_config(), save(state, tmp_path / "w.pt")))
    require_equal(network.state_dict(), {name: tensor.float() for name, tensor in state.items()})


def test_safetensors_are_read_by_their_package(
    tiny_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, module, path = ModuleType("safetensors"), ModuleType("safetensors.torch"), tmp_path / "w.safetensors"
    module.load_file = lambda name: state_of(tiny_config()) if name == str(path) else {}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "safetensors", package)
    monkeypatch.setitem(sys.modules, "safetensors.torch", module)
    path.write_bytes(b"")
    network, _ = make_network(of_file(tiny_config(), path))
    require_equal(network.state_dict(), state_of(tiny_config()))


def test_without_the_package_it_is_named(
    tiny_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    (tmp_path / "w.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=r"w.safetensors must be read by the package safetensors.*pip install safete"):
        make_network(of_file(tiny_config(), tmp_path / "w.safetensors"))


class Evil:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("it ran",)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "training.weights must name a file that exists, got .*w.pt"),
        (
            lambda path: path.write_text("no weights"),
            "must hold tensors alone, .* got UnpicklingError: Weights only load",
        ),
        (
            lambda path: path.write_bytes(b""),
            r"alone, as torch.save\(.*\) writes them, got EOFError\.$|Ran out of input",
        ),
        (lambda path: path.write_bytes(pickle.dumps(Evil(), 2)), "w.pt must hold tensors alone, .* object of .*print"),
        (
            lambda path: path.write_bytes(pickle.dumps(Evil(), 4)),
            "w.pt must hold tensors alone, .* got UnpicklingError",
        ),
        (lambda path: save(nn.Linear(2, 2), path), r"alone, .*, got an object of torch.nn.modules.linear.Linear\.$"),
        (lambda path: save([torch.ones(2)], path), r"w.pt must hold a state dict, .*, got a list without names\.$"),
        (
            lambda path: save({"epoch": 3}, path),
            r"w.pt must hold a state dict, alone or .*, got a dict of epoch: int\.$",
        ),
        (lambda path: save({"model": {}}, path), "w.pt must hold a state dict, alone or .*, got a dict without names"),
        (
            lambda path: save({"conv1.weight": torch.ones(2, 3), "head.weight": torch.ones(9)}, path),
            r"w.pt must have tensors of unet, got none that fits the network: the file has conv1.weight \(2, 3\), "
            r"head.weight \(9,\); the network has encoder.0.conv1.weight \(4, 3, 3, 3\), .* and \d+ more",
        ),
    ],
)
def test_a_file_that_helps_nobody_is_refused(
    write: Callable[[Path], object], message: str, tiny_config: MakeConfig, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "w.pt"
    write(path)
    with pytest.raises(ValueError, match=message) as refused:
        make_network(of_file(tiny_config(), path))
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 500
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("training", [{"freeze_epochs": 1}, {"encoder_lr_factor": 0.5}])
def test_nothing_for_an_encoder_that_trains_otherwise_is_refused(
    training: dict[str, Any], tiny_config: MakeConfig, tmp_path: Path
) -> None:
    state = {name: tensor for name, tensor in state_of(tiny_config()).items() if not name.startswith("encoder.")}
    path = save(state, tmp_path / "w.pt")
    make_network(of_file(tiny_config(), path))
    message = r"got none that fits its encoder: the file has .*; its encoder has encoder.0.conv1.weight \(4, 3, 3, 3\),"
    with pytest.raises(ValueError, match=message):
        make_network(of_file(tiny_config(), path, **training))


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    for name, content in {"a": b"1", "b": b"1", "c": b"2"}.items():
        (tmp_path / name).write_bytes(content)
    a, b, c = (weights_digest(str(tmp_path / name)) for name in "abc")
    assert a == b != c
    assert len(a) == 16
    assert weights_digest("") == ""
    with pytest.raises(ValueError, match="training.weights must name a file that exists, got nowhere.pt"):
        weights_digest("nowhere.pt")

"""Checkpoints of anyone's: what is no network's weights is said in one sentence by every reader, and never run."""

import io
import json
import pickle
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from hourglass_bench.bench import schema
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.checkpoint import load_checkpoint, load_reading
from hourglass_bench.bench.commands.differences import _weights
from hourglass_bench.bench.models.served import _load_pyfunc
from hourglass_bench.bench.training.setup import make_network
from hourglass_bench.bench.training.unfinished import STATE, Unfinished
from tests.bench.conftest import MakeConfig

State = dict[str, Tensor]
FIRST = "encoder.0.conv1.weight"


@pytest.fixture
def checkpoint(save_checkpoint: Callable[..., Path]) -> Path:
    return save_checkpoint("unet")


class Payload:
    """Makes a file when it is unpickled by whoever runs what pickles say."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.proof,)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")


def tarred(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())


def scripted(path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):  # it goes out of use, and its files do not
        torch.jit.trace(nn.Conv2d(3, 1, 1), torch.ones(1, 3, 4, 4)).save(str(path))


def safe(path: Path) -> None:
    head = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(4))


FOREIGN: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no weights\n" * 9),
    "page": lambda path: path.write_text("<!DOCTYPE html><html></html>"),
    "zeros": lambda path: path.write_bytes(bytes(5000)),
    "zip": zipped,
    "tar": tarred,
    "npy": lambda path: path.write_bytes(b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}"),
    "picture": lambda path: Image.new("RGB", (4, 4)).save(path, "png"),
    "onnx": lambda path: path.write_bytes(b"\x08\x07\x12\x07pytorch\x1a\x032.1:\x00"),
    "safetensors": safe,
    "torchscript": scripted,
    "module": lambda path: torch.save(nn.Linear(2, 2), path),
    "list": lambda path: torch.save([torch.ones(2)], path),
    "tensor": lambda path: torch.save(torch.ones(2), path),
    "number": lambda path: torch.save(3, path),
    "nothing": lambda path: torch.save({}, path),
    "other things": lambda path: torch.save({"epoch": 3, "loss": 0.5}, path),
    "other network": lambda path: torch.save(nn.Conv2d(3, 1, 1).state_dict(), path),
    "optimiser": lambda path: torch.save(torch.optim.SGD([torch.ones(2)]).state_dict(), path),
    "pickled dict": lambda path: path.write_bytes(pickle.dumps({FIRST: [1, 2]})),
    "pickled code": lambda path: path.write_bytes(pickle.dumps(print)),
}


@pytest.fixture(params=FOREIGN)
def foreign(request: pytest.FixtureRequest, checkpoint: Path) -> Path:
    """A checkpoint whose weights are another file."""
    FOREIGN[request.param](checkpoint)
    return checkpoint


def require_sentence(error: BaseException, path: Path) -> None:
    assert str(path) in str(error)
    assert len(str(error).splitlines()) == 1
    assert len(str(error).replace(str(path.parent), "")) < 400


def test_a_foreign_file_is_no_checkpoint(foreign: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"state_dict.pt must hold the weights that .*config.json describes, got "
    ) as no:
        load_checkpoint(foreign)
    require_sentence(no.value, foreign)
    state = tmp_path / "unfinished" / STATE
    state.parent.mkdir()
    foreign.rename(state)
    message = r"state.pt must hold the state of a training, got .*; it cannot"
    with Unfinished() as unfinished, pytest.raises(ValueError, match=message) as no:
        unfinished.hold(state.parent)
    require_sentence(no.value, state)


def test_a_file_that_was_cut_off_is_no_checkpoint(checkpoint: Path) -> None:
    content = checkpoint.read_bytes()
    for length in (10, 200, len(content) // 2, len(content) - 1):
        checkpoint.write_bytes(content[:length])
        with pytest.raises(ValueError, match="must hold the weights that ") as no:
            load_checkpoint(checkpoint)
        require_sentence(no.value, checkpoint)


CHANGES: dict[str, tuple[Callable[[State], dict[str, Any]], str]] = {
    "not a number": (lambda state: {FIRST: state[FIRST].where(state[FIRST] > 0, float("nan"))}, "NaN or infinite"),
    "infinite": (lambda state: {FIRST: state[FIRST] / 0}, "NaN or infinite"),
    "integers": (lambda state: {FIRST: state[FIRST].long()}, r"of torch.int64, where the network has torch.float32"),
    "booleans": (lambda state: {FIRST: state[FIRST] > 0}, "of torch.bool, where"),
    "complex": (lambda state: {FIRST: state[FIRST] * 1j}, "of torch.complex64, where"),
    "sparse": (lambda state: {FIRST: state[FIRST].to_sparse()}, "which has no plain numbers"),
    "meta": (lambda state: {FIRST: state[FIRST].to("meta")}, "which has no plain numbers"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_numbers_that_cannot_be_weights_are_refused(
    kind: str, checkpoint: Path, tiny_config: MakeConfig, tmp_path: Path
) -> None:
    """They give black masks, which look like an answer."""
    change, message = CHANGES[kind]
    state: State = torch.load(checkpoint, weights_only=True)
    torch.save(state | change(state), checkpoint)
    with pytest.raises(ValueError, match=rf"describes, got {FIRST} .*{message}") as no:
        load_checkpoint(checkpoint)
    require_sentence(no.value, checkpoint)
    config = tiny_config()
    training = type(config.training)(epochs=2, batch_size=4, weights=str(checkpoint))
    with pytest.raises(ValueError, match=rf"training.weights .* are finite, got {FIRST} .*{message}"):
        make_network(type(config)(architecture=config.architecture, data=config.data, training=training))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_are_loaded(dtype: torch.dtype, checkpoint: Path) -> None:
    state: State = torch.load(checkpoint, weights_only=True)
    torch.save({name: tensor.to(dtype) for name, tensor in state.items()}, checkpoint)
    loaded = load_checkpoint(checkpoint)[0].state_dict()
    for name, tensor in state.items():
        assert torch.equal(loaded[name], tensor.to(dtype).float())


def test_what_is_otherwise_in_another_network_is_named(checkpoint: Path) -> None:
    state: State = torch.load(checkpoint, weights_only=True)
    last = list(state)[-1]
    torch.save({name: tensor for name, tensor in state.items() if name != last} | {FIRST: torch.ones(2)}, checkpoint)
    with pytest.raises(ValueError, match=r"got \d[\d,]* numbers for a network of \d"):
        load_checkpoint(checkpoint)
    other = {name: tensor for name, tensor in state.items() if name != last} | {"x": torch.ones(9999)}
    torch.save(other | {FIRST: torch.ones(2)}, checkpoint)
    message = rf"got those of another network: without {last}, with x, in other shapes {FIRST}\.$"
    with pytest.raises(ValueError, match=message):
        load_checkpoint(checkpoint)


def test_a_payload_is_run_by_no_reader(
    checkpoint: Path, tmp_path: Path, tiny_config: MakeConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = tmp_path / "it ran"
    state = torch.load(checkpoint, weights_only=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for content in (Payload(proof), {**state, FIRST: Payload(proof)}, {"state_dict": {FIRST: Payload(proof)}}):
        for write in (torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))):
            write(content, checkpoint)
            where = ["--out", str(tmp_path / "out"), "--device", "cpu"]
            assert main(["predict", str(checkpoint), str(tmp_path / "a.png"), *where]) == 2
            assert main(["sample", str(checkpoint), *where]) == 2
            weights = ["--channels", "4", "8", "--size", "16", "--weights", str(checkpoint)]
            assert main(["train", *weights, "--runs", str(tmp_path / "runs"), "--device", "cpu"]) == 2
            for line in capsys.readouterr().err.splitlines():
                assert line.startswith("bench: ")
            with pytest.raises(ValueError, match="must hold the weights that"):
                _load_pyfunc(str(checkpoint.parent))
            (tmp_path / STATE).write_bytes(checkpoint.read_bytes())
            with Unfinished() as unfinished, pytest.raises(ValueError, match="must hold the state of a training"):
                unfinished.hold(tmp_path)
            run: Any = type("Run", (), {"artifact": lambda self, name: checkpoint})()
            (difference,) = _weights(run, run)
            assert difference.largest == float("inf")
    assert not proof.exists()
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold the configuration of a training, got JSONDecodeError"),
        ("\xff", "got UnicodeDecodeError"),
        ("[]", "must hold the texts of a configuration by their names, got a list without names"),
        ('{"architecture.name": 3}', "by their names, got a dict of architecture.name: int"),
        ("{}", "architecture.name must be in the stored config"),
        ("[" * 100_000, "got RecursionError"),
    ],
)
def test_a_broken_configuration_is_named(text: str, message: str, checkpoint: Path) -> None:
    (checkpoint.parent / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=message):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("name", "text"),
    [("data.size", '"a"'), ("data.size", "5"), ("training.epochs", "[]"), ("architecture.channels", "null")],
)
def test_a_value_of_another_kind_is_a_sentence(name: str, text: str, checkpoint: Path) -> None:
    file = checkpoint.parent / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {name: text}))
    with pytest.raises(ValueError, match=r".+") as no:
        load_checkpoint(checkpoint)
    assert len(str(no.value).splitlines()) == 1


def test_a_network_that_no_file_fills_is_not_built(checkpoint: Path) -> None:
    """Of 40 thousand million numbers."""
    file = checkpoint.parent / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"architecture.channels": "[65536, 65536]"}))
    with pytest.raises(ValueError, match=r"got \d,\d{3} numbers for a network of \d[\d,]{11,}"):
        load_checkpoint(checkpoint)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"masks": {}, "limits": null, "fit": "bend"}', '{"masks": {"x": 1}}']
)
def test_a_broken_reading_is_named(text: str, checkpoint: Path) -> None:
    (checkpoint.parent / Path(schema.READING_FILE).name).write_text(text)
    with pytest.raises(ValueError, match="reading.json must say how images are read, got "):
        load_reading(checkpoint)

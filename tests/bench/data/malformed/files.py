"""Checkpoints, weights, studies and networks of others."""

import pickle
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from tests.bench.data.malformed.cases import CHECKPOINT, NETWORK, SPECIAL, STUDY, WEIGHTS, case, special
from tests.bench.data.malformed.pictures import Attack, encoded, zipped

WEIGHTS_OF: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("weights"),
    "zeros": lambda path: path.write_bytes(bytes(5000)),
    "a picture": lambda path: path.write_bytes(encoded("PNG")),
    "an archive": lambda path: path.write_bytes(zipped()),
    "a pickle that runs code": lambda path: path.write_bytes(pickle.dumps(Attack())),
    "a checkpoint that runs code": lambda path: torch.save({"weight": Attack()}, path),
    "half a file": lambda path: _half(path),
    "an array of NumPy": lambda path: _array(path),
    "a number": lambda path: torch.save(5, path),
    "a list of tensors": lambda path: torch.save([torch.zeros(3)], path),
    "no tensors": lambda path: torch.save({}, path),
    "words": lambda path: torch.save({"weight": "heavy"}, path),
    "tensors of others": lambda path: torch.save({"fc.weight": torch.zeros(3, 3)}, path),
}
"""What a file of weights is -> how it is made."""


def _array(path: Path) -> None:
    with path.open("wb") as file:  # `np.save` would add a suffix to a name
        np.save(file, np.zeros(3))


def _half(path: Path) -> None:
    torch.save({"weight": torch.zeros(5000)}, path)
    path.write_bytes(path.read_bytes()[:9000])


def _of_weights(root: Path, kind: str) -> None:
    WEIGHTS_OF[kind](root / "given.pt")


def _special_weights(root: Path, kind: str) -> None:
    special(root / "given.pt", kind)


def _of_checkpoint(root: Path, kind: str) -> None:
    _copy(root)
    WEIGHTS_OF[kind](root / "given" / "state_dict.pt")


def _special_checkpoint(root: Path, kind: str, name: str) -> None:
    _copy(root)
    special(root / "given" / name, kind)


def _copy(root: Path) -> None:
    shutil.copytree(root / "checkpoint", root / "given")
    (root / "one.png").write_bytes(encoded("PNG"))


for _kind in WEIGHTS_OF:
    case(f"weights: {_kind}", WEIGHTS, r"--weights given\.pt must")(partial(_of_weights, kind=_kind))
    case(f"checkpoint: {_kind}", CHECKPOINT, r"state_dict\.pt must hold the weights")(
        partial(_of_checkpoint, kind=_kind)
    )
for _kind, _called in SPECIAL.items():
    case(f"weights: {_kind}", WEIGHTS, rf"got given\.pt \({_called}\)")(partial(_special_weights, kind=_kind))
    for _name in ("state_dict.pt", "config.json"):
        case(f"checkpoint: {_kind} for {_name}", CHECKPOINT, f"got no file given/{_name}")(
            partial(_special_checkpoint, kind=_kind, name=_name)
        )

STUDIES = {
    "empty": ("", "must define STUDY"),
    "no Python": ("study: quick\n\tx", "must be importable"),
    "a STUDY that is none": ("STUDY = 5\n", "must define STUDY, .*got int"),
    "an error": ("1 / 0\n", "ZeroDivisionError.*line 1"),
    "an exit": ("raise SystemExit(0)\n", "must be importable, got SystemExit"),
    "bytes that are no text": (b"\xff\xfe\x00", "must be importable"),
    "bytes of 0": (b"x = 1\0", "must be importable"),
    "itself": ("from given import STUDY\n", "must be importable"),
}
NETWORKS = {
    "empty": ("", "must name a class of given.py"),
    "no Python": ("class Net(:\n", "given.py"),
    "a class that is no network": ("class Net:\n    pass\n", "given.py"),
    "an error": ("1 / 0\n", "given.py.*ZeroDivisionError"),
    "an exit": ("raise SystemExit(0)\n", "given.py.*SystemExit"),
    "bytes of 0": (b"x = 1\0", "given.py"),
    "a network that cannot be made": (
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        1 / 0\n",
        "given.py",
    ),
    "a network that gives nothing": (
        "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return None\n",
        "given.py",
    ),
}


def _write(root: Path, content: bytes | str) -> None:
    (root / "given.py").write_bytes(content if isinstance(content, bytes) else content.encode())


def _special_file(root: Path, kind: str) -> None:
    special(root / "given.py", kind)


for _kind, (_content, _says) in STUDIES.items():
    case(f"study: {_kind}", STUDY, _says)(partial(_write, content=_content))
for _kind, (_content, _says) in NETWORKS.items():
    case(f"network: {_kind}", NETWORK, _says)(partial(_write, content=_content))
for _kind, _called in SPECIAL.items():
    case(f"study: {_kind}", STUDY, rf"got given\.py \({_called}\)")(partial(_special_file, kind=_kind))
    case(f"network: {_kind}", NETWORK, "must name a file that exists, got given.py")(partial(_special_file, kind=_kind))

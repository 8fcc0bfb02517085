"""Weights from a file: which of its tensors are which of a network's, loaded where they fit, told where they do not."""

import hashlib
import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from hourglass_bench.architectures.registry import get_spec
from hourglass_bench.bench import schema
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.files import what_is
from hourglass_bench.bench.tensors import EXAMPLES, State, describe, fault, find_unusable, read_torch, shortened
from hourglass_bench.bench.training.encoder import find_encoder

KEYS = ("state_dict", "model_state_dict", "model")
"""Under which checkpoints keep a state dict beside other things: Lightning's, that of torch's tutorials, and timm's."""
PREFIXES = ("module.", "model.")
"""What names begin with that were saved from inside `nn.DataParallel`, and from inside Lightning's modules."""
SAFETENSORS = ".safetensors"


class Loaded(NamedTuple):
    """What of a file is in a network now."""

    path: str
    digest: str
    """See `weights_digest`."""
    loaded: tuple[str, ...]
    """Names of the network's tensors, parameters and buffers, that are the file's."""
    missing: tuple[str, ...]
    """Names of the network's that the file lacks."""
    unexpected: tuple[str, ...]
    """Names of the file's, as they were read, that the network lacks."""
    reshaped: tuple[str, ...]
    """Names, each with both shapes, that both have."""

    def tags(self) -> dict[str, str]:
        """By the names of `bench.schema`."""
        counts = {"loaded": len(self.loaded)}
        left = {kind: {"count": len(names), "names": names[:EXAMPLES]} for kind, names in self._left()}
        return {schema.WEIGHTS_DIGEST: self.digest, schema.WEIGHTS_LOADED: json.dumps(counts | left)}

    def __str__(self) -> str:
        tensors = len(self.loaded) + len(self.missing) + len(self.reshaped)
        lines = [f"weights of {self.path}: {len(self.loaded)} of the network's {tensors} tensors are loaded"]
        words = {"missing": "not in the file", "unexpected": "not in the network", "reshaped": "of another shape"}
        return "\n".join([*lines, *(f"  {words[kind]}: {shortened(names)}" for kind, names in self._left() if names)])

    def _left(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for kind in ("missing", "unexpected", "reshaped"):
            yield kind, getattr(self, kind)


def weights_digest(path: str) -> str:
    """Hash of a file of weights, as text of 16 hexadecimal digits; empty for the empty path, which is no file.

    Raises:
        ValueError: there is no such file.
    """
    if not path:
        return ""
    _require_file(path)
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def load_weights(network: nn.Module, config: RunConfig) -> Loaded:
    """Give the network those tensors of `training.weights` whose names and shapes it has.

    The names may also be those of a wrapped network, or those of the encoder alone: of these readings the one that fits
    most counts.

    Raises:
        ValueError: the file is none, or nothing of it fits, or nothing fits the encoder that is to train otherwise.
    """
    path = config.training.weights
    own = {name: tensor for name, tensor in network.state_dict().items() if isinstance(tensor, Tensor)}
    readings = _readings(read_weights(path), get_spec(config.architecture.name).encoder)
    state = max(readings, key=lambda reading: len(_fitting(reading, own)))
    fitting = _fitting(state, own)
    encoder = tuple(f"{name}." for name in find_encoder(network, config))
    if not any(name.startswith(encoder or "") for name in fitting):
        part = "its encoder" if encoder else "the network"
        theirs, ours = (
            shortened([f"{name} {tuple(of[name].shape)}" for name in of if name.startswith(start)])
            for of, start in ((state, ""), (own, encoder or ""))
        )
        raise ValueError(
            f"training.weights {path} must have tensors of {config.architecture.name}, got none that fits {part}: the "
            f"file has {theirs}; {part} has {ours}."
        )
    if unusable := find_unusable(fitting, own):
        raise ValueError(f"training.weights {path} must hold floating point numbers that are finite, got {unusable}.")
    network.load_state_dict(fitting, strict=False)
    return Loaded(
        path=path,
        digest=weights_digest(path),
        loaded=tuple(fitting),
        missing=tuple(name for name in own if name not in state),
        unexpected=tuple(name for name in state if name not in own),
        reshaped=tuple(
            f"{name} {tuple(tensor.shape)}, here {tuple(own[name].shape)}"
            for name, tensor in state.items()
            if name in own and name not in fitting
        ),
    )


def _readings(state: State, encoder: tuple[str, ...]) -> list[State]:
    """The file's tensors under all the names that may be meant."""
    readings = [state]
    for prefix in PREFIXES:
        readings += [{name.removeprefix(prefix): tensor for name, tensor in of.items()} for of in readings]
    return readings + [{f"{name}.{key}": tensor for key, tensor in of.items()} for name in encoder for of in readings]


def _fitting(state: State, own: Mapping[str, Tensor]) -> State:
    """Tensors that a network has under the same name in the same shape."""
    return {name: tensor for name, tensor in state.items() if name in own and own[name].shape == tensor.shape}


def read_weights(path: str) -> State:
    """The state dict in a file, on the CPU. Nothing in the file is run.

    Raises:
        ValueError: there is no such file, or it holds none.
    """
    _require_file(path)
    try:
        content = _read_safetensors(path) if path.endswith(SAFETENSORS) else read_torch(path)
    except ImportError as error:
        raise ValueError(
            f"training.weights {path} must be read by the package safetensors, got {error}; pip install safetensors "
            "installs it."
        ) from error
    except Exception as error:  # each of the libraries has its own kinds
        raise ValueError(
            f"training.weights {path} must hold tensors alone, as torch.save(network.state_dict(), FILE) writes them, "
            f"got {error if type(error) is ValueError else fault(error)}."
        ) from error
    outer = content if isinstance(content, Mapping) else {}
    inner = next((outer[key] for key in KEYS if isinstance(outer.get(key), Mapping)), outer)
    tensors = {str(name): value for name, value in inner.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(
            f"training.weights {path} must hold a state dict, alone or as {', '.join(KEYS)}, got "
            f"{describe(inner if isinstance(content, Mapping) else content)}."
        )
    return tensors


def _require_file(path: str) -> None:
    if there := what_is(Path(path)):
        raise ValueError(f"training.weights must name a file that exists, got {path} ({there}).")


def _read_safetensors(path: str) -> Any:
    return importlib.import_module("safetensors.torch").load_file(path)

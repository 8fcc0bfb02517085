"""Sizes of any network by one pass on tensors without contents."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
    UnsupportedFakeTensorException,
)
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils.flop_counter import FlopCounterMode

from hourglass_bench.architectures.bottleneck import Prediction
from hourglass_bench.architectures.config import ArchitectureConfig, InfeasibleArchitecture
from hourglass_bench.architectures.feature_maps import Maps, bottleneck, feature_maps, smallest
from hourglass_bench.architectures.outputs import Reading, read_outputs
from hourglass_bench.architectures.reference import first_line
from hourglass_bench.architectures.spec import BOTTLENECK, ArchitectureSpec

BATCH = 2
"""Images of the pass: batch norm in training refuses one whose map is a single pixel."""
NEEDS_CONTENTS = (DataDependentOutputException, DynamicOutputShapeException, UnsupportedFakeTensorException)
"""Raised by tensors without contents where a network decides by what they contain."""


class Traced(NamedTuple):
    """What one pass shows."""

    prediction: Prediction
    activation_bytes: int
    """What the forward pass keeps for the backward pass of one image in float32, weights left out."""
    reading: Reading
    notes: tuple[str, ...]
    """What is done to the output that the network's author may not expect."""


@lru_cache(maxsize=256)
def trace(config: ArchitectureConfig, spec: ArchitectureSpec, size: tuple[int, int]) -> Traced:
    """Of the network of `config` on images of a height and width; whatever mode of tensors is active is left meanwhile.

    Raises:
        InfeasibleArchitecture: the network fails on such images.
        ValueError: it has nothing to train, what it returns cannot become logits, or it lacks the bottleneck that its
            spec declares.
    """
    with _disable_current_modes(), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        fake = FakeTensorMode(allow_non_fake_inputs=True)
        mode: AbstractContextManager[Any] = fake
        with mode if spec.origin == "here" else nullcontext():  # ours may be larger than the memory
            network = spec.network(config)
        _require_plain(network, config.name)
        params = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
        try:
            empty = network if spec.origin == "here" else without_contents(network, fake)
            seen = _pass(empty, config, size, mode)
        except NEEDS_CONTENTS:  # what it computes with depends on what it sees
            network, mode = spec.network(config), nullcontext()
            seen = _pass(network, config, size, mode)
        reading, notes = read_outputs(seen.output, seen.evaluated, config, size)
        place = _bottleneck(network, seen.maps, config, spec, size, mode)
    shape = smallest(seen.maps[place]) if place else (config.out_channels, *size)
    elements = shape[0] * shape[1] * shape[2]
    compression = config.in_channels * size[0] * size[1] / elements
    prediction = Prediction(shape, elements, compression, params, seen.macs // BATCH, place, seen.kept // BATCH // 4)
    return Traced(prediction, seen.kept // BATCH, reading, notes)


def without_contents(network: nn.Module, mode: FakeTensorMode) -> nn.Module:
    """The network with parameters and buffers that have shapes only, in place; it was made with real ones, since a
    constructor may ask tensors for numbers."""
    made: dict[Tensor, Tensor] = {}
    for module in network.modules():
        for key, parameter in module._parameters.items():
            if parameter is not None:
                if parameter not in made:
                    empty = mode.from_tensor(parameter.detach())
                    made[parameter] = nn.Parameter(empty, parameter.requires_grad)
                module._parameters[key] = made[parameter]  # type: ignore[assignment]
        for key, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[key] = mode.from_tensor(buffer)
    return network


class _Seen(NamedTuple):
    """Of a pass in training mode, and of one in evaluation mode."""

    output: Any
    evaluated: Any
    """What the network returns in evaluation mode."""
    maps: Maps
    macs: int
    kept: int
    """Bytes."""


def _pass(
    network: nn.Module, config: ArchitectureConfig, size: tuple[int, int], mode: AbstractContextManager[Any]
) -> _Seen:
    kept: dict[int, int] = {}
    own = {tensor.untyped_storage()._cdata for tensor in (*network.parameters(), *network.buffers())}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with mode, _quiet():
        images = torch.zeros(BATCH, config.in_channels, *size)
        try:
            with (
                feature_maps(network) as maps,
                FlopCounterMode(display=False) as flops,
                torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
            ):
                output = network.train()(images)
            evaluated = network.eval()(images)
        except NEEDS_CONTENTS:
            raise
        except ImportError as error:  # of a package that is needed at the first image
            raise ValueError(
                f"architecture {config.name} must have all packages that it needs, got {first_line(error)}; install it."
            ) from error
        except Exception as error:
            raise InfeasibleArchitecture(
                f"architecture {config.name} must take images of {size[0]}x{size[1]} pixels and {config.in_channels} "
                f"channels as its only argument, got {first_line(error)}; another --size may do, other options, or "
                "a class around it."
            ) from error
    return _Seen(output, evaluated, maps, flops.get_total_flops() // 2, sum(kept.values()))


def _bottleneck(
    network: nn.Module,
    maps: Maps,
    config: ArchitectureConfig,
    spec: ArchitectureSpec,
    size: tuple[int, int],
    mode: AbstractContextManager[Any],
) -> str:
    """The submodule that the spec declares, else the one that `bottleneck` finds; empty: the logits themselves."""
    if spec.bottleneck in maps:
        return spec.bottleneck
    if spec.bottleneck != BOTTLENECK:
        raise ValueError(
            f"bottleneck of {config.name} must be a submodule that returns a map (batch, channels, height, width), got "
            f"{spec.bottleneck}."
        )
    with mode, _quiet(), torch.no_grad(), feature_maps(network) as larger:
        try:
            network.eval()(torch.zeros(BATCH, config.in_channels, *(2 * side for side in size)))
        except Exception:  # it takes no other size
            larger.clear()
    return bottleneck(maps, larger, config.out_channels)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the traceback that torch logs of an operator that refuses shapes; the error says it."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _require_plain(network: nn.Module, name: str) -> None:
    """Refuse what cannot be trained as networks are here."""
    compiled = [type(module).__name__ for module in network.modules() if _is_compiled(module)]
    if compiled:
        raise ValueError(
            f"architecture {name} must be made of plain torch.nn.Modules, got {compiled[0]}; leave "
            "torch.compile and torch.jit out."
        )
    if any(isinstance(parameter, nn.UninitializedParameter) for parameter in network.parameters()):
        raise ValueError(
            f"architecture {name} must know its sizes when it is made, got lazy modules; name their sizes."
        )
    formats = {str(parameter.dtype) for parameter in network.parameters()} - {"torch.float32"}
    if formats:
        raise ValueError(f"architecture {name} must have parameters in float32, got {', '.join(sorted(formats))}.")
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(f"architecture {name} must have parameters to train, got none, or only frozen ones.")


def _is_compiled(module: nn.Module) -> bool:
    """By TorchScript, or by torch.compile, of which nothing is imported to ask."""
    return isinstance(module, torch.jit.ScriptModule) or type(module).__name__ == "OptimizedModule"

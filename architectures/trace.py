"""Sizes of any network by one pass on tensors without contents, and what its output needs to become logits."""

from collections.abc import Iterator
from contextlib import contextmanager
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

from architectures.bottleneck import Prediction
from architectures.config import ArchitectureConfig, InfeasibleArchitecture
from architectures.outputs import Reading, described, is_enlarged, is_probability, pick
from architectures.spec import ArchitectureSpec

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
        ValueError: it has nothing to train, or what it returns cannot become logits.
    """
    with _disable_current_modes(), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        network = spec.network(config)
        _require_plain(network, config.name)
        params = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
        try:
            mode = FakeTensorMode(allow_non_fake_inputs=True)
            seen = _pass(without_contents(network, mode), config, size, mode)
        except NEEDS_CONTENTS:  # what it computes with depends on what it sees
            seen = _pass(spec.network(config), config, size)
    reading, notes = _read(seen, config, size)
    place = _bottleneck(seen.maps, spec.bottleneck)
    shape = smallest(seen.maps[place])
    elements = shape[0] * shape[1] * shape[2]
    compression = config.in_channels * size[0] * size[1] / elements
    prediction = Prediction(shape, elements, compression, params, seen.macs // BATCH, place)
    return Traced(prediction, seen.kept // BATCH, reading, notes)


def attach(network: nn.Module, config: ArchitectureConfig, spec: ArchitectureSpec, size: tuple[int, int]) -> None:
    """Have the network take images as all do, and return logits as all do; its parameters keep their names."""
    reading = trace(config, spec, size).reading
    if spec.mean is not None and spec.std is not None:
        mean, std = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.std))

        def renormalise(_module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
            (images,) = inputs  # (x - 0.5) / 0.25 of what is in [0, 1]
            scale, shift = (0.25 / std).to(images), ((0.5 - mean) / std).to(images)
            return images * scale + shift

        network.register_forward_pre_hook(renormalise)

    def to_logits(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> Tensor:
        height, width = inputs[0].shape[-2:]
        return reading.logits(output, (height, width), training=module.training)

    network.register_forward_hook(to_logits)


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


Maps = dict[str, list[tuple[int, int, int]]]
"""Name of a submodule -> shapes (C, H, W) of what left it, in order; of submodules that return maps."""


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
    network: nn.Module, config: ArchitectureConfig, size: tuple[int, int], mode: FakeTensorMode | None = None
) -> _Seen:
    kept: dict[int, int] = {}
    own = {tensor.untyped_storage()._cdata for tensor in (*network.parameters(), *network.buffers())}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with mode or _nothing():
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
        except Exception as error:
            text = next(iter(str(error).splitlines()), "")
            raise InfeasibleArchitecture(
                f"architecture {config.name} must take images of {size[0]}x{size[1]} pixels, got "
                f"{type(error).__name__}: {text.rstrip('.')}; another --size may do, or other options."
            ) from error
    return _Seen(output, evaluated, maps, flops.get_total_flops() // 2, sum(kept.values()))


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def feature_maps(network: nn.Module) -> Iterator[Maps]:
    """Within the context, the shapes of all maps that leave submodules; one that is called later stands later.

    Those that leave the network itself have an empty name.
    """
    maps: Maps = {}

    def record(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            earlier = maps.pop(name, [])
            _, channels, height, width = output.shape
            maps[name] = [*earlier, (channels, height, width)]

    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: record(name, output))
        for name, module in network.named_modules()
    ]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def smallest(shapes: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """The one with the fewest pixels."""
    return min(shapes, key=lambda shape: shape[1] * shape[2])


def _bottleneck(maps: Maps, declared: str) -> str:
    """Name of the submodule: the declared one, or the last that returns a map of the fewest pixels.

    Maps of a single pixel are no map but a mean over the image, as in channel attention, unless there are no others. If
    no submodule returns a map it is what the network returns, under an empty name.
    """
    if declared in maps:
        return declared
    pixels = {name: shape[1] * shape[2] for name, shape in ((name, smallest(of)) for name, of in maps.items() if name)}
    spread = {name: count for name, count in pixels.items() if count > 1} or pixels
    fewest = min(spread.values(), default=0)
    return next((name for name in reversed(spread) if spread[name] == fewest), "")


def _read(seen: _Seen, config: ArchitectureConfig, size: tuple[int, int]) -> tuple[Reading, tuple[str, ...]]:
    """How the outputs become logits, and notes on that."""
    tensor, evaluated = (_pick(output, config, size) for output in (seen.output, seen.evaluated))
    reading = Reading(config.out_channels, is_probability(tensor), is_probability(evaluated))
    notes = []
    if not isinstance(seen.output, Tensor):
        notes.append(f"logits are one of what it returns, {described(seen.output)}")
    if reading.in_training or reading.in_evaluation:
        notes.append("its sigmoid is undone")
    if tuple(tensor.shape[-2:]) != size:
        notes.append(f"logits are enlarged {size[0] // tensor.shape[-2]} times")
    return reading, tuple(notes)


def _pick(output: object, config: ArchitectureConfig, size: tuple[int, int]) -> Tensor:
    """The tensor that becomes logits; ValueError says why there is none."""
    try:
        tensor = pick(output, config.out_channels)
        if not tensor.is_floating_point() or not tensor.requires_grad:
            flow = "" if tensor.requires_grad else " that no gradient flows through"
            raise ValueError(f"return logits to learn from, got {described(tensor)} in {tensor.dtype}{flow}")
        if tuple(tensor.shape[-2:]) != size and not is_enlarged(tensor, size):
            raise ValueError(
                f"return logits of the image's {size[0]}x{size[1]} pixels or a whole fraction of its sides, got "
                f"{described(tensor)}"
            )
    except ValueError as error:
        raise ValueError(
            f"architecture {config.name} must {error}; its option for the number of classes may do (--set), or a class "
            "around it."
        ) from None
    return tensor


def _require_plain(network: nn.Module, name: str) -> None:
    """Refuse what cannot be trained as networks are here."""
    compiled = [type(module).__name__ for module in network.modules() if _is_compiled(module)]
    if compiled:
        raise ValueError(f"architecture {name} must be made of plain torch.nn.Modules, got a {compiled[0]}.")
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

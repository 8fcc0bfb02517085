"""What networks from elsewhere return, turned into logits where it is clear which tensor is meant; else refused."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from hourglass_bench.architectures.config import ArchitectureConfig

NAMES = ("out", "logits")
"""Keys of the masks among what a dict holds: torchvision's and Hugging Face's."""
CLOSE = 1e-6
"""Nearest to 0 and 1 that a probability is taken to be, so that its logit is a number."""


class Reading(NamedTuple):
    """How what a network returns becomes logits."""

    channels: int
    in_training: bool = False
    """Whether the network in training mode has applied a sigmoid, which is undone."""
    in_evaluation: bool = False
    """The same of evaluation mode: some apply it only there."""

    def logits(self, output: object, size: tuple[int, int], *, training: bool) -> Tensor:
        """(B, channels, H, W) for images of that height and width, by the network's mode.

        Raises:
            ValueError: it is not clear which tensor has the logits, or it has another shape.
        """
        logits = pick(output, self.channels, size)
        if self.in_training if training else self.in_evaluation:
            logits = torch.logit(logits.float(), CLOSE)
        if logits.shape[-2:] == size:
            return logits
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)


def pick(output: object, channels: int, size: tuple[int, int]) -> Tensor:
    """The tensor among what a network returned that has as many channels: (B, channels, h, w).

    Of several it is the one of the images' size, as where coarser masks are returned beside it for deep supervision.

    Raises:
        ValueError: there is none, or several.
    """
    named = _entries(output)
    named = next(([(key, named_tensor)] for key, named_tensor in named if key in NAMES), named)
    fit = [tensor for _, tensor in named if tensor.dim() == 4 and tensor.shape[1] == channels]
    if len(fit) > 1:
        fit = [tensor for tensor in fit if tensor.shape[-2:] == size]
    if len(fit) == 1:
        return fit[0]
    raise ValueError(
        f"return one tensor of logits (batch, {channels}, height, width), alone, in a tuple, or in a dict as "
        f"{' or '.join(NAMES)}, got {described(output)}"
    )


def _entries(output: object) -> list[tuple[str, Tensor]]:
    """Tensors of a tensor, a list or tuple, a dict or an object with fields, with what they are called by."""
    if hasattr(output, "_asdict"):  # a named tuple
        output = output._asdict()
    elif is_dataclass(output) and not isinstance(output, Mapping):
        output = vars(output)
    if isinstance(output, Mapping):
        return [(str(key), value) for key, value in output.items() if isinstance(value, Tensor)]
    if isinstance(output, list | tuple):
        return [(str(place), value) for place, value in enumerate(output) if isinstance(value, Tensor)]
    return [("", output)] if isinstance(output, Tensor) else []


def described(output: Any) -> str:
    """What a network returned, in words."""
    if isinstance(output, Tensor):
        return f"a tensor of shape {tuple(output.shape)}"
    entries = [f"{key}: {tuple(tensor.shape)}" for key, tensor in _entries(output)]
    return f"{type(output).__name__} of {', '.join(entries) or 'no tensors'}"


def is_enlarged(tensor: Tensor, size: tuple[int, int]) -> bool:
    """Whether a map is the frame's at a whole fraction of its sides, such as a half, and may be enlarged to it."""
    height, width = tensor.shape[-2:]
    return size[0] % height == 0 and size[1] % width == 0 and size[0] // height == size[1] // width


def is_probability(tensor: Tensor) -> bool:
    """Whether a sigmoid made a tensor."""
    return _made_by(tensor) == "Sigmoid"


def _made_by(tensor: Tensor) -> str:
    """The operation that autograd recorded; what only moves, averages or clamps pixels may follow it."""
    node = tensor.grad_fn
    while node is not None and node.name().startswith(_AFTERWARDS):
        node = node.next_functions[0][0]
    return node.name().partition("Backward")[0] if node is not None else ""


_AFTERWARDS = ("Upsample", "Slice", "View", "Clone", "Unsqueeze", "Squeeze", "Select", "Alias", "Identity", "Clamp")
"""How the names of autograd's nodes for such operations begin."""
_NO_LOGITS = ("Relu", "Hardsigmoid", "LogSigmoid", "Softmax", "LogSoftmax")
"""Operations whose results have one sign, so that they would be all foreground or none; which cannot be undone."""


def read_outputs(
    trained: object, evaluated: object, config: ArchitectureConfig, size: tuple[int, int]
) -> tuple[Reading, tuple[str, ...]]:
    """How what a network returned in training and in evaluation mode becomes logits, and notes on that.

    Raises:
        ValueError: it cannot.
    """
    tensor, other = (_pick(output, config, size) for output in (trained, evaluated))
    reading = Reading(config.out_channels, is_probability(tensor), is_probability(other))
    notes = []
    if not isinstance(trained, Tensor):
        notes.append(f"logits are one of what it returns, {described(trained)}")
    if reading.in_training or reading.in_evaluation:
        notes.append("its sigmoid is undone")
    if tuple(tensor.shape[-2:]) != size:
        notes.append(f"logits are enlarged {size[0] // tensor.shape[-2]} times")
    return reading, tuple(notes)


def _pick(output: object, config: ArchitectureConfig, size: tuple[int, int]) -> Tensor:
    """The tensor that becomes logits; ValueError says why there is none."""
    try:
        tensor = pick(output, config.out_channels, size)
        if not tensor.is_floating_point() or not tensor.requires_grad:
            flow = "" if tensor.requires_grad else " that no gradient flows through"
            raise ValueError(f"return logits to learn from, got {described(tensor)} in {tensor.dtype}{flow}")
        if (made_by := _made_by(tensor)) in _NO_LOGITS:
            raise ValueError(f"return logits or what a sigmoid makes of them, got what {made_by.lower()} makes of them")
        if tuple(tensor.shape[-2:]) != size and not is_enlarged(tensor, size):
            raise ValueError(
                f"return logits of the image's {size[0]}x{size[1]} pixels or a whole fraction of its sides, got "
                f"{described(tensor)}"
            )
    except ValueError as error:
        raise ValueError(
            f"architecture {config.name} must {error}; its options for the number of classes or for deep supervision "
            "(--set) may do, or a class around it."
        ) from None
    return tensor

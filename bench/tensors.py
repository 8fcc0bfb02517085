"""Tensors in files of anyone's: nothing in them is run, and what is wrong with them is said in a few words."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]

EXAMPLES = 3
"""Names that are told of many."""


def read_torch(path: str | Path) -> Any:
    """What `torch.save` has written, on the CPU.

    Raises:
        ValueError: it is something else, or holds more than tensors and plain values; says what was found.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # about the format, which is answered here
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind, as the file is anyone's
        raise ValueError(fault(error)) from error


def fault(error: Exception) -> str:
    """What is wrong with a file, without torch's advice to run what is in it."""
    if found := re.search(r"GLOBAL (\S+)", str(error)):
        return f"an object of {found[1]}"
    first_sentence = re.split(r"\n|[.](?:\s|$)", str(error))[0]
    return f"{type(error).__name__}: {first_sentence}".rstrip(": ")


def describe(content: object) -> str:
    """What a file holds instead of tensors by their names."""
    values = list(content.items()) if isinstance(content, Mapping) else []
    held = ", ".join(f"{name}: {type(value).__name__}" for name, value in values[:EXAMPLES])
    return f"a {type(content).__name__}{f' of {held}' if held else ' without names'}"


def shortened(names: tuple[str, ...] | list[str]) -> str:
    """The first of the names, and how many more there are."""
    more = f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
    return ", ".join(names[:EXAMPLES]) + more


def find_unusable(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """What of tensors keeps a network, whose own they are to become, from computing; empty if nothing does.

    A network of such weights gives a mask all the same, which is black and looks like an answer.
    """
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            return f"{name} as a {tensor.layout} tensor of {tensor.dtype}, which has no plain numbers"
        if own[name].is_floating_point() and not tensor.is_floating_point():
            return f"{name} of {tensor.dtype}, where the network has {own[name].dtype}"
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            return f"{name} with numbers that are NaN or infinite"
    return ""

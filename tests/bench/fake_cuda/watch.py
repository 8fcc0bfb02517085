"""What operators do that costs a training on a GPU: wait for the device, send to it, mix devices."""

import traceback
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Generator, Tensor
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from hourglass_bench.bench.machine.memory import OperatorMode

Kind = Literal["sends", "waits to send", "reads", "mixes devices"]
"""A copy to the device that does not wait is one out of pinned memory that says so."""

_aten = torch.ops.aten
_SOURCES = {_aten._to_copy: 0, _aten.copy_: 1}
"""The only operators whose tensors may lie on two devices, and which argument they copy."""
_ROOT = Path(__file__).parents[3]


class Finding(NamedTuple):
    """An operator that did it."""

    kind: Kind
    operator: str
    place: str
    """Line of the code that called it."""

    def __str__(self) -> str:
        return f"{self.operator} {self.kind} at {self.place}"


class Watch(OperatorMode):
    """Within the context, every operator's tensors are looked at, in the backward pass too.

    The contents of a tensor are zero here: what asks for them gets that and is noted if they lie on the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[Finding] = []
        self.calls: list[str] = []
        """Every operator and, after it, what was found of it."""
        self._pinned: list[torch.UntypedStorage] = []

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.prim.device.default:  # a question
            return func(*args, **kwargs)
        with self:  # in inference mode an operator comes before those that it is made of
            result = func.decompose(*args, **kwargs)
        if result is not NotImplemented:
            return result
        self.calls.append(str(func))
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor | Generator)]
        if torch.Tag.data_dependent_output in func.tags:
            if any(leaf.device.type != "cpu" for leaf in inputs):
                self._note("reads", func)
            return 0
        out = func(*args, **kwargs)
        outputs = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        if kwargs.get("pin_memory"):
            self._pinned += [tensor.untyped_storage() for tensor in outputs]
        if len({leaf.device for leaf in (*inputs, *outputs)}) > 1:
            self._note(self._kind(func, args, kwargs, outputs), func)
        return out

    def _kind(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: list[Tensor]) -> Kind:
        """Of an operator on several devices."""
        if func.overloadpacket not in _SOURCES:
            return "mixes devices"
        if outputs[0].device.type == "cpu":
            return "reads"
        source = args[_SOURCES[func.overloadpacket]].untyped_storage()
        pinned = any(source._cdata == storage._cdata for storage in self._pinned)
        names = [argument.name for argument in func._schema.arguments]
        non_blocking = (dict(zip(names, args, strict=False)) | kwargs).get("non_blocking")
        return "sends" if pinned and non_blocking else "waits to send"

    def _note(self, kind: Kind, func: Any) -> None:
        self.findings.append(Finding(kind, str(func), _caller()))
        self.calls.append(kind)


def _caller() -> str:
    ours = [frame for frame in traceback.extract_stack() if Path(frame.filename).is_relative_to(_ROOT)]
    ours = [frame for frame in ours if frame.filename != __file__ and ".venv" not in frame.filename]
    return f"{Path(ours[-1].filename).relative_to(_ROOT)}:{ours[-1].lineno}" if ours else "the backward pass"

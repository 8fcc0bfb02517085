"""What is sent to a GPU is sent without waiting for it."""

from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from typing_extensions import override

from hourglass_bench.bench.machine.device import send
from hourglass_bench.bench.machine.memory import OperatorMode


class Calls(OperatorMode):
    """Notes what operators are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[tuple[str, dict[str, Any]]] = []

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.made.append((func.overloadpacket.__name__, kwargs or {}))
        return func(*args, **(kwargs or {}))


def test_on_the_cpu_nothing_is_copied() -> None:
    tensor = torch.arange(3)
    assert send(tensor, torch.device("cpu")) is tensor


def test_a_gpu_gets_a_copy_of_pinned_memory_for_which_nobody_waits() -> None:
    with FakeTensorMode(), Calls() as calls:
        there = send(torch.arange(6).view(2, 3).t(), torch.device("cuda", 0))
    assert (there.device, there.shape) == (torch.device("cuda", 0), (3, 2))
    made = dict(calls.made)
    assert made["empty_like"]["pin_memory"]
    assert made["_to_copy"]["non_blocking"]


def test_what_is_there_already_is_not_sent() -> None:
    with FakeTensorMode():
        tensor = torch.ones(2, device="cuda:0")
        assert send(tensor, torch.device("cuda", 0)) is tensor

"""How a training step is carried out: settings that change how fast it is, and its result by no more than rounding."""

from dataclasses import dataclass, replace
from typing import Literal

import torch

from hourglass_bench.bench.config import TrainingConfig

MemoryFormat = Literal["channels_last", "contiguous"]

CACHE_PIXELS = 16 * 128 * 128
"""Of all frames in a forward pass whose activations stay in a CPU's caches, and which its allocator keeps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """The default is the reference: what memory is measured with, and what other settings must agree with.

    A network from elsewhere that fails in channels_last has a contiguous one.
    """

    micro_batch: int | None = None
    """Frames per forward and backward pass, whose gradients add up to the batch's; None: the whole batch."""
    memory_format: MemoryFormat = "channels_last"
    graph: bool = False
    """Whether step and evaluation are captured once as CUDA graphs and replayed, which saves launching each kernel."""

    @property
    def torch_format(self) -> torch.memory_format:
        """Torch's name of the memory format."""
        return torch.channels_last if self.memory_format == "channels_last" else torch.contiguous_format

    def __str__(self) -> str:
        batch = f"micro-batches of {self.micro_batch}" if self.micro_batch else "whole batch"
        return f"{batch}, {self.memory_format}{', graph' if self.graph else ''}"


REFERENCE = Execution()


def choices(
    training: TrainingConfig, size: tuple[int, int], device: torch.device, reference: Execution, *, splits: bool
) -> list[Execution]:
    """The settings that may be the fastest for a network, for frames of a height and width.

    The first one is the default, which needs no measurement. On CUDA that is a graph of the whole step: it replays the
    reference's kernels. Elsewhere it is the only one, so that the config alone decides the rounding of its numbers: the
    reference, or on a CPU cache-sized micro-batches where they are possible, unless the config asks for plain float32.

    Args:
        reference: the network's own, see `bench.training.capabilities`.
        splits: whether a batch may be split, since nothing in the network couples its frames.
    """
    if device.type == "cuda":
        graphs = [replace(reference, graph=True), Execution(graph=True, memory_format="contiguous")]
        return list(dict.fromkeys([graphs[0], reference, graphs[1]]))
    largest = max(2, CACHE_PIXELS // (size[0] * size[1]))
    whole = not splits or device.type != "cpu" or training.precision == "fp32" or largest >= training.batch_size
    return [reference if whole else replace(reference, micro_batch=largest)]

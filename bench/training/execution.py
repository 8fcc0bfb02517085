"""How a training step is carried out: settings that change how fast it is, and its result by no more than rounding."""

from dataclasses import asdict, dataclass
from typing import Literal

import torch

from bench.config import RunConfig

MemoryFormat = Literal["channels_last", "contiguous"]

MEMORY_FORMATS: dict[MemoryFormat, torch.memory_format] = {
    "channels_last": torch.channels_last,
    "contiguous": torch.contiguous_format,
}
CACHE_PIXELS = 16 * 128 * 128
"""Of all frames in a forward pass whose activations stay in a CPU's caches, and which its allocator keeps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """The default is the reference: what memory is measured with, and what other settings must agree with."""

    micro_batch: int | None = None
    """Frames per forward and backward pass, whose gradients add up to the batch's; None: the whole batch."""
    memory_format: MemoryFormat = "channels_last"
    graph: bool = False
    """Whether the step is captured once as a CUDA graph and replayed, which saves the launches of its kernels."""

    @property
    def torch_format(self) -> torch.memory_format:
        """Torch's name of the memory format."""
        return MEMORY_FORMATS[self.memory_format]

    def __str__(self) -> str:
        batch = f"micro-batches of {self.micro_batch}" if self.micro_batch else "whole batch"
        return f"{batch}, {self.memory_format}{', graph' if self.graph else ''}"

    def describe(self) -> dict[str, str]:
        """Field -> text."""
        return {name: str(value) for name, value in asdict(self).items()}


REFERENCE = Execution()


def default_execution(config: RunConfig, device: torch.device) -> Execution:
    """What needs no measurement: cache-sized micro-batches on a CPU, where they are possible."""
    sizes = _micro_batches(config, device)
    return Execution(micro_batch=sizes[0]) if sizes else REFERENCE


def candidates(config: RunConfig, device: torch.device) -> list[Execution]:
    """What may be faster than the reference; nothing if the config asks for plain float32."""
    if config.training.precision == "fp32":
        return []
    if device.type == "cuda":
        return [Execution(graph=True), Execution(graph=True, memory_format="contiguous")]
    sizes = _micro_batches(config, device)
    contiguous = Execution(micro_batch=sizes[0] if sizes else None, memory_format="contiguous")
    return [*(Execution(micro_batch=size) for size in sizes), contiguous]


def _micro_batches(config: RunConfig, device: torch.device) -> list[int]:
    """The statistics of batch norm are those of a pass, so that there a batch cannot be split."""
    if device.type != "cpu" or config.training.precision == "fp32" or config.architecture.norm == "batch":
        return []
    height, width = config.data.size
    largest = max(2, CACHE_PIXELS // (height * width))
    return [largest, largest // 2] if largest < config.training.batch_size else []

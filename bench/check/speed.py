"""Images trained per second by this harness, beside a PyTorch loop as it is usually written.

All train one U-Net on frames that lie in memory, without augmentation, and take turns. What compiles comes last: it
takes longest, and has the least to do with the others.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.examples import segmenter
from hourglass_bench.bench.check.lines import Line, Task, error_line
from hourglass_bench.bench.check.workload import blobs, frames_on, run_config
from hourglass_bench.bench.config import AUGMENTATION, RunConfig
from hourglass_bench.bench.machine.clock import Stopwatch
from hourglass_bench.bench.machine.precision import resolve, set_arithmetic
from hourglass_bench.bench.training.execution import REFERENCE, Execution
from hourglass_bench.bench.training.losses import segmentation_loss
from hourglass_bench.bench.training.objective import standardise
from hourglass_bench.bench.training.setup import execution_choices, make_trainer

CHANNELS, SIDE = (16, 32, 64), 128
BATCHES = {"cpu": (32, 128), "cuda": (32, 128, 512)}
SECONDS, LAPS = 1.0, 3
"""Least duration of a lap, and how many there are."""
WARM_UP = {"cpu": 1, "cuda": 8}
"""Steps before a lap counts; on a GPU more than a graph takes until it is replayed."""
TARGET, OF_BATCHES = 5.0, (32, 128)
"""Times the plain loop's speed that the harness should reach on a GPU, at these batches."""
PLAIN, HARNESS = "plain loop", "this harness"

Steps = Callable[[int], None]
"""Trains so many steps."""
Way = Callable[[RunConfig, torch.device], Steps]


def measure(task: Task) -> Iterator[Line]:
    """A line for each way to train at each batch."""
    device = torch.device(task.device)
    side, seconds, laps = (64, 0.2, 1) if task.short else (SIDE, SECONDS, LAPS)
    base: dict[int, list[float]] = {}
    at_once = [name for name in WAYS if name not in COMPILED]
    for names in (at_once, COMPILED if device.type == "cuda" else ()):
        for batch in BATCHES[device.type][: 1 if task.short else None]:
            lanes = [Lane(name, speed_config(batch, side), device) for name in names]
            for lap in range(laps):
                for lane in (*lanes[lap:], *lanes[:lap]):
                    lane.drive(seconds)
            for lane in lanes:
                if lane.name == PLAIN:
                    base[batch] = lane.rates
                yield lane.line(base[batch])


def speed_config(batch: int, side: int) -> RunConfig:
    """The network that all train."""
    no_augmentation = dict.fromkeys(AUGMENTATION, 0.0)
    return run_config(segmenter(CHANNELS), side, batch_size=batch, **no_augmentation)


class Lane:
    """One way to train, lap by lap; one that fails drops out."""

    def __init__(self, name: str, config: RunConfig, device: torch.device) -> None:
        self.name = name
        self.rates: list[float] = []
        """Images per second of each lap."""
        self._config = config
        self._device = device
        self._failure = ""
        self._train: Steps | None = None
        self._steps = 1

    def drive(self, seconds: float) -> None:
        """A lap of at least that long."""
        if self._failure:
            return
        try:
            self.rates.append(self._lap(seconds))
        except Exception as error:  # whatever it is, it is this lane's
            self._failure, self._train, self.rates = error_line(error), None, []

    def _lap(self, seconds: float) -> float:
        if self._train is None:
            self._train = WAYS[self.name](self._config, self._device)
            self._train(WARM_UP[self._device.type])
        while True:
            clock = Stopwatch(self._device)
            self._train(self._steps)
            elapsed = clock.seconds()
            if elapsed >= seconds:
                return self._steps * self._config.training.batch_size / elapsed
            self._steps = math.ceil(1.2 * self._steps * seconds / elapsed)

    def line(self, base: Sequence[float]) -> Line:
        """Medians: of the speed, and of its ratio to the plain loop's, lap by lap."""
        batch = self._config.training.batch_size
        figures, note = {}, self._failure
        if self.rates:
            figures["images/s"] = median(self.rates)
        if self.rates and base:
            ratio = median(rate / plain for rate, plain in zip(self.rates, base, strict=True))
            figures["times the plain loop"] = ratio
            if self.name == HARNESS and self._device.type == "cuda" and batch in OF_BATCHES:
                note = f"target {TARGET:g}: {'reached' if ratio >= TARGET else 'not reached'}"
        return Line(name=f"batch {batch}, {self.name}", figures=figures, note=note)


def harness(config: RunConfig, device: torch.device, execution: Execution | None = None) -> Steps:
    """As trainings are carried out, by default as they are without a measurement of what is fastest."""
    batch, side = config.training.batch_size, config.data.size[0]
    data = frames_on(device, batch, side)
    trainer = make_trainer(config, 1, device, execution or execution_choices(config, device)[0])

    def train(steps: int) -> None:
        set_arithmetic(resolve(config.training.precision, device), device)
        trainer.train_epoch(data, torch.arange(steps * batch) % batch)
        if trainer.graph_failure:
            raise RuntimeError(f"no graph: {trainer.graph_failure}")

    return train


def plain_loop(config: RunConfig, device: torch.device, *, advised: bool = False, compiled: bool = False) -> Steps:
    """A loop in float32 with `.item()` in each step, by torch's defaults.

    Args:
        advised: with channels_last, bf16 where the hardware has it, pinned memory and cuDNN's choice by measuring.
        compiled: by `torch.compile`.

    Raises:
        RuntimeError: what compiles is not installed.
    """
    if compiled and find_spec("triton") is None:
        raise RuntimeError("torch.compile needs triton, which is not installed")
    training = config.training
    images, masks = host_frames(training.batch_size, config.data.size[0])
    memory_format = torch.channels_last if advised else torch.contiguous_format
    bf16 = advised and resolve(training.precision, device) == "bf16"
    network = registry.build(config.architecture, seed=0).to(device)
    network.to(memory_format=memory_format)  # type: ignore[call-overload]  # torch's stubs lack it
    forward = torch.compile(network, dynamic=False) if compiled else network
    optimizer = torch.optim.AdamW(network.parameters(), lr=training.lr, weight_decay=training.weight_decay)

    def put(batch: Tensor) -> Tensor:
        if advised and device.type == "cuda":
            return batch.pin_memory().to(device, non_blocking=True, memory_format=memory_format)
        return batch.to(device, memory_format=memory_format)

    def train(steps: int) -> None:
        set_arithmetic("tf32", device)  # torch's own default for convolutions; there are no other products
        torch.backends.cudnn.benchmark = advised
        total = 0.0
        for _ in range(steps):
            order = torch.randperm(len(images))
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                logits = forward(put(images[order]))
            loss = segmentation_loss(logits.float(), put(masks[order]), training.loss).mean()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), training.clip_norm)
            optimizer.step()
            total += loss.item()

    return train


def host_frames(count: int, side: int) -> tuple[Tensor, Tensor]:
    """What enters the network and what is to leave it, (N, 3, H, W) and (N, 1, H, W) float32 in host memory."""
    frames = blobs(count, side)
    images = torch.from_numpy(frames.images).permute(0, 3, 1, 2).contiguous().float() / 255
    return standardise(images), torch.from_numpy(frames.foreground_of(np.arange(count))).unsqueeze(1).float()


WAYS: dict[str, Way] = {
    PLAIN: plain_loop,
    "usual advice": partial(plain_loop, advised=True),
    "this harness, eager": partial(harness, execution=REFERENCE),
    HARNESS: harness,
    "usual advice, compiled": partial(plain_loop, advised=True, compiled=True),
}
COMPILED = ("usual advice, compiled",)

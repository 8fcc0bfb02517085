"""Runs in a process of its own, which `fake_cuda.cpp` was loaded into: trainings on a CUDA device without contents.

The public methods of `bench.training` ask of it what they ask of a GPU.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_leaves

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.registry import build, configure
from hourglass_bench.architectures.spec import ArchitectureSpec
from hourglass_bench.bench.config import DataConfig, Precision, RunConfig, TrainingConfig
from hourglass_bench.bench.machine import precision
from hourglass_bench.bench.machine.device import place
from hourglass_bench.bench.training.device_frames import DeviceFrames
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.pretrain import kinds_of_steps
from hourglass_bench.bench.training.setup import make_trainer
from hourglass_bench.bench.training.trainer import Trainer
from tests.bench.fake_cuda.cases import BATCH, SIZE, Case, cases
from tests.bench.fake_cuda.watch import Finding, Watch

DEVICE = torch.device("cuda", 0)
FRAMES = 2 * BATCH + 1

precision.capability = lambda device: "9.0"  # of a GPU that has every precision
if not torch.cuda.is_available():
    # What is asked of the driver and of cuDNN, not of torch's hooks.
    torch.cuda.amp.common.amp_definitely_not_available = lambda: False
    torch.cuda.is_bf16_supported = lambda: True
    torch._C._get_cudnn_batch_norm_reserve_space_size = lambda inputs, training: 0


def faults(name: str) -> dict[str, str]:
    """What is wrong with the training of an architecture, and the first case in which it is."""
    found: dict[str, str] = {}
    for case in cases(name):
        found = dict.fromkeys(_faults(case), str(case)) | found
    return found


NORMALISED = ArchitectureSpec(
    config=ArchitectureConfig,
    network=lambda config: nn.Conv2d(config.in_channels, config.out_channels, 1),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)


def found_of_a_network_from_elsewhere() -> list[str]:
    """What is found of its forward pass, which normalises images by numbers of its own."""
    with FakeTensorMode():
        network = place(build(configure(f"{__name__}:NORMALISED"), seed=0, size=SIZE), DEVICE)
        images = torch.empty(BATCH, 3, *SIZE, device=DEVICE)
        return [str(finding) for finding in _found_of(lambda: network(images))]


def found_of_faulty_code() -> dict[str, list[str]]:
    """What is found of code that should not be."""
    with FakeTensorMode():
        there, here = torch.ones(3, device=DEVICE), torch.ones(3)
        codes: dict[str, Callable[[], object]] = {
            "a number of the CPU": lambda: there + here[0],
            "a tensor of the CPU": lambda: there[torch.zeros(2, dtype=torch.long)],
            "a generator of the CPU": lambda: torch.randn(3, device=DEVICE, generator=torch.Generator()),
            "a number read": lambda: there[0].item(),
            "a condition": lambda: 1 if there[0] > 0 else 2,
            "a comparison": lambda: torch.equal(there, there),
            "a copy back": lambda: there.cpu(),
            "a copy into the CPU": lambda: here.copy_(there, non_blocking=True),
            "a copy that waits": lambda: here.to(DEVICE),
            "a copy out of memory that may move": lambda: here.to(DEVICE, non_blocking=True),
            "a copy out of pinned memory": lambda: _pinned(here).to(DEVICE, non_blocking=True),
            "a copy out of pinned memory that waits": lambda: _pinned(here).to(DEVICE),
            "a number of the CPU in the backward pass": lambda: _backward(there, lambda gradient: gradient + here[0]),
            "nothing": lambda: (there * 2 + 1).sum() + torch.randn(3, device=DEVICE),
        }
        return {
            name: [str(finding).partition(" at ")[0] for finding in _found_of(code)] for name, code in codes.items()
        }


def _pinned(tensor: Tensor) -> Tensor:
    return torch.empty_like(tensor, pin_memory=True).copy_(tensor)


def _backward(values: Tensor, hook: Callable[[Tensor], Tensor]) -> None:
    doubled = values.clone().requires_grad_() * 2
    doubled.register_hook(hook)
    doubled.sum().backward()


def _found_of(code: Callable[[], object]) -> list[Finding]:
    with Watch() as watch:
        code()
    return watch.findings


def bytes_of_cudnn(precision: Precision) -> int:
    """By how much the predicted peak rises when cuDNN keeps 1000 bytes for each batch norm."""
    network = configure("unet", (4, 8), norm="batch")
    training = TrainingConfig(batch_size=BATCH, precision=precision)
    config = RunConfig(architecture=network, data=DataConfig(size=(64, 64)), training=training)
    peaks = []
    for kept in (0, 1000):
        torch._C._get_cudnn_batch_norm_reserve_space_size = lambda *_, kept=kept: kept
        peaks.append(predict_peak_bytes(config, DEVICE))
    return peaks[1] - peaks[0]


def _faults(case: Case) -> Iterator[str]:
    if predict_peak_bytes(case.config, DEVICE, case.ignores) <= 0:
        yield "the predicted peak is not positive"
    for kind in kinds_of_steps(case.config):
        with FakeTensorMode():
            yield from _faults_of_training(kind, _frames(case))


def _frames(case: Case) -> DeviceFrames:
    images = torch.empty((FRAMES, 3, *case.config.data.size), dtype=torch.uint8, device=DEVICE)
    masks = torch.empty_like(images[:, :1], dtype=torch.int8 if case.ignores else torch.bool)
    return DeviceFrames(images.contiguous(memory_format=torch.channels_last), masks, ("0",) * FRAMES)


def _faults_of_training(config: RunConfig, data: DeviceFrames) -> Iterator[str]:
    trainer = make_trainer(config, 10, DEVICE)
    batch = torch.arange(BATCH, device=DEVICE)
    images, masks, sample = data.images[batch], data.masks[batch], trainer.sample(BATCH)
    with Watch() as watch:
        loss = trainer.step(images, masks, sample)
    yield from (f"a step {finding}" for finding in watch.findings)
    yield from _elsewhere("of a step", images, masks, sample, loss)
    yield from _elsewhere("that stays", *trainer.resident())
    yield from _faults_of_gradient(trainer, trainer.gradient(images, masks))
    with Watch() as watch:
        total, _ = trainer.train_epoch(data, torch.arange(FRAMES))
    yield from (f"an epoch {finding}" for finding in watch.findings if finding.kind != "sends")
    yield from _elsewhere("of an epoch", total)
    with Watch() as watch:
        trainer.evaluate(data, torch.arange(FRAMES))
    yield from (f"an evaluation {finding}" for finding in watch.findings if finding.kind not in ("sends", "reads"))
    if any("conv" in call for call in watch.calls[watch.calls.index("reads") :]):
        yield "an evaluation reads before its last forward pass"


def _faults_of_gradient(trainer: Trainer, gradient: Tensor) -> Iterator[str]:
    yield from _elsewhere("of the gradient", gradient)
    numbers = sum(parameter.numel() for parameter in trainer.network.parameters() if parameter.requires_grad)
    if gradient.numel() != numbers:
        yield f"{numbers - gradient.numel()} parameters have no gradient"


def _elsewhere(what: str, *values: Any) -> Iterator[str]:
    tensors = [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
    yield from (f"a tensor {what} lies on {tensor.device}" for tensor in tensors if tensor.device != DEVICE)

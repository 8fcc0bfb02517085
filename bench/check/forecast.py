"""The forecast of a step's peak memory against what the step takes, without and with a graph."""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from hourglass_bench.architectures.config import ArchitectureConfig, EncoderDecoderConfig
from hourglass_bench.architectures.examples import VARIED
from hourglass_bench.bench.check.lines import Line, Task
from hourglass_bench.bench.check.workload import batch_of, frames_on, run_config
from hourglass_bench.bench.config import Precision, RunConfig
from hourglass_bench.bench.machine.memory import StepMemory, measure_step
from hourglass_bench.bench.machine.precision import Arithmetic, resolve
from hourglass_bench.bench.training.execution import Execution
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.setup import make_trainer

TOLERANCE = 0.05
"""Largest deviation from the allocator's peak on a GPU, as a share."""
DEVIATION = "deviation, %"
STEPS = 8
"""More than a graph takes until it is replayed."""


class Case(NamedTuple):
    """What is forecast, its batch as on a GPU."""

    architecture: ArchitectureConfig
    batch: int
    precision: Precision


def cases() -> list[Case]:
    """The varied networks, each with a batch and a precision."""
    how: list[tuple[int, Precision]] = [
        *((32, "auto"), (128, "fp32"), (64, "auto"), (128, "auto")),
        *((32, "auto"), (512, "fp32"), (64, "fp32"), (256, "fp32")),
    ]
    return [Case(network, *one) for network, one in zip(VARIED, how, strict=True)]


def compare(task: Task) -> Iterator[Line]:
    """A line for each case, and on a GPU one for the largest deviation from what its allocator handed out."""
    device = torch.device(task.device)
    side, share = (128, 1) if device.type == "cuda" else (32 if task.short else 64, 8)
    deviations = []
    for case in cases()[: 3 if task.short else None]:
        config = run_config(case.architecture, side, batch_size=case.batch // share, epochs=2, precision=case.precision)
        predicted, measured = predict_peak_bytes(config, device), measure(config, device)
        deviations.append(abs(predicted / measured.allocator_peak - 1))
        yield Line(
            name=_name(config, resolve(case.precision, device)),
            figures={
                "forecast, bytes": predicted,
                "tensor peak, bytes": measured.tensor_peak,
                "allocator's peak, MB": measured.allocator_peak / 1e6,
                DEVIATION: 100 * deviations[-1],
                **reserved(config, measured, device),
            },
            passed=predicted == measured.tensor_peak,
        )
    yield Line(
        name="largest deviation",
        figures={DEVIATION: 100 * max(deviations)},
        passed=max(deviations) <= TOLERANCE if device.type == "cuda" else None,
        note=f"from the allocator's peak; at most {100 * TOLERANCE:g} % on a GPU",
    )


def measure(config: RunConfig, device: torch.device) -> StepMemory:
    """Peaks of a step by the reference's execution."""
    trainer = make_trainer(config, 2, device)
    trainer.network.train()
    images, masks = batch_of(frames_on(device, 32, config.data.size[0]), config.training.batch_size)
    return measure_step(
        lambda: trainer.step(images, masks, trainer.sample(len(images))),
        lambda: [images, masks, *trainer.resident()],
        device,
    )


def reserved(config: RunConfig, measured: StepMemory, device: torch.device) -> dict[str, float]:
    """What CUDA's allocator holds of the device for a training, without and with a graph; nothing elsewhere."""
    if measured.reserved_peak is None:
        return {}
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved(device)
    data = frames_on(device, config.training.batch_size, config.data.size[0])
    trainer = make_trainer(config, STEPS, device, Execution(graph=True))
    for _ in range(STEPS):
        trainer.train_epoch(data, torch.arange(len(data.scenes)))
    torch.cuda.synchronize(device)
    with_graph = torch.cuda.memory_reserved(device) - before
    return {"reserved, MB": measured.reserved_peak / 1e6, "with a graph, MB": with_graph / 1e6}


def _name(config: RunConfig, arithmetic: Arithmetic) -> str:
    network, training = config.architecture, config.training
    assert isinstance(network, EncoderDecoderConfig)
    return f"{network.name} {network.sizes}, norm {network.norm}, batch {training.batch_size}, {arithmetic}"

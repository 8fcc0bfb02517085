"""What is measured of a network before or after its training: the bottleneck's shape and a step's memory."""

from functools import reduce

import torch
from torch import nn

from hourglass_bench.architectures.feature_maps import feature_maps, smallest
from hourglass_bench.bench.config import RunConfig, fitting_batch, step_shape
from hourglass_bench.bench.machine.memory import StepMemory, measure_step
from hourglass_bench.bench.training.pretrain import kinds_of_steps
from hourglass_bench.bench.training.setup import Setup, make_trainer

_MEASURED: dict[tuple[RunConfig, torch.dtype, torch.device], StepMemory] = {}


@torch.inference_mode()
def measure_bottleneck(
    network: nn.Module, name: str, image: tuple[int, int, int], device: torch.device
) -> tuple[int, int, int]:
    """Shape (C, H, W) of what leaves the submodule of a name for one image of shape (C, H, W)."""
    # One image comes once: cuDNN would measure its kernels for each layer.
    measures, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, False
    with feature_maps(network) as maps:
        network.eval()(torch.zeros(1, *image, device=device))
    torch.backends.cudnn.benchmark = measures
    return smallest(maps[name])


def step_memory(config: RunConfig, setup: Setup, device: torch.device) -> StepMemory:
    """Of the batch that there is; measured once per process for all runs of one shape, which it is the same for."""
    config = fitting_batch(config, len(setup.split.train))
    key = (step_shape(config), setup.data.masks.dtype, device)
    if key not in _MEASURED:
        _MEASURED[key] = measure_memory(config, setup, device)
    return _MEASURED[key]


def measure_memory(config: RunConfig, setup: Setup, device: torch.device) -> StepMemory:
    """Peaks of a training step of full batch size by the reference's execution, on a network of its own.

    Of a run that pre-trains each is the larger one of both kinds of steps.
    """
    return reduce(StepMemory.larger, (_measure_memory(kind, setup, device) for kind in kinds_of_steps(config)))


def _measure_memory(config: RunConfig, setup: Setup, device: torch.device) -> StepMemory:
    trainer = make_trainer(config, 2, device)  # of two steps: `measure_step` runs it twice
    trainer.network.train()
    images, masks = setup.batch(config.training.batch_size)
    return measure_step(
        lambda: trainer.step(images, masks, trainer.sample(len(images))),
        lambda: [images, masks, *trainer.resident()],
        device,
    )

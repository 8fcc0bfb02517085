"""Peak memory of a training step before anything is trained: the step itself, on tensors without contents."""

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from architectures import registry
from bench.config import RunConfig
from bench.machine.device import place
from bench.machine.memory import TensorTracker
from bench.training.pretrain import autoencoder_of
from bench.training.trainer import Trainer


def predict_peak_bytes(config: RunConfig, device: torch.device) -> int:
    """Tensor peak in bytes that a step of `config` will have; equal to what `measure_step` measures, for any size.

    Of a run that pre-trains it is the larger one of both kinds of steps.

    Raises:
        ValueError: the architecture does not fit the frames, or contradicts itself.
    """
    if config.training.pretrain_epochs:
        return max(_predict(config, device), _predict(autoencoder_of(config), device))
    return _predict(config, device)


def _predict(config: RunConfig, device: torch.device) -> int:
    height, width = config.data.size
    registry.predict(config.architecture, height, width)
    batch = config.training.batch_size
    with FakeTensorMode():
        trainer = Trainer(place(registry.build(config.architecture, seed=config.repeat), device), config, 1, device)
        trainer.network.train()
        images = torch.empty((batch, 3, height, width), dtype=torch.uint8, device=device)
        images = images.contiguous(memory_format=torch.channels_last)
        masks = torch.empty((batch, 1, height, width), dtype=torch.bool, device=device)
        with TensorTracker([images, masks, *trainer.resident()]) as tracker:
            trainer.step(images, masks, trainer.draw(batch))
    peak: int = tracker.peak
    return peak

"""Peak memory of a training step before anything is trained: the step itself, on tensors without contents."""

from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from typing_extensions import override

from architectures import registry
from bench.config import RunConfig
from bench.machine.memory import OperatorMode, TensorTracker
from bench.training.pretrain import kinds_of_steps
from bench.training.setup import make_trainer

_aten = torch.ops.aten


class _KernelTypes(OperatorMode):
    """Mends the number formats that fake tensors of a CPU get from a normalisation of bf16 with float32 weights.

    The kernels keep the statistics in the weights' format and return gradients in the input's. Torch's decompositions,
    by which fake tensors are computed, have it the other way round.
    """

    @override
    def seen(self, func: Any, args: tuple[Any, ...], out: Any) -> Any:
        if func in (_aten.native_batch_norm.default, _aten.native_group_norm.default):
            weight: Tensor = args[1]
            return out[0], *(statistic.to(weight.dtype) for statistic in out[1:])
        if func == _aten.native_group_norm_backward.default:
            inputs: Tensor = args[1]
            return out[0].to(inputs.dtype), *out[1:]
        return out


def predict_peak_bytes(config: RunConfig, device: torch.device, ignores: bool = False) -> int:
    """Tensor peak in bytes that a step of `config` will have; equal to what `measure_step` measures, for any size.

    Of a run that pre-trains it is the larger one of both kinds of steps.

    Args:
        ignores: Whether some of the frames' pixels count nowhere.

    Raises:
        ValueError: the architecture does not fit the frames, or contradicts itself.
    """
    labels = torch.int8 if ignores else torch.bool  # see `DeviceFrames`
    return max(_predict(kind, device, labels) for kind in kinds_of_steps(config))


def _predict(config: RunConfig, device: torch.device, labels: torch.dtype) -> int:
    height, width = config.data.size
    registry.predict(config.architecture, height, width)
    batch = config.training.batch_size
    with FakeTensorMode(), _KernelTypes():  # type: ignore[no-untyped-call]
        trainer = make_trainer(config, 1, device)
        trainer.network.train()
        images = torch.empty((batch, 3, height, width), dtype=torch.uint8, device=device)
        images = images.contiguous(memory_format=torch.channels_last)
        masks = torch.empty((batch, 1, height, width), dtype=labels, device=device)
        with TensorTracker([images, masks, *trainer.resident()]) as tracker:
            trainer.step(images, masks, trainer.sample(batch))
    peak: int = tracker.peak
    return peak

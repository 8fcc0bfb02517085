"""Peak memory of a training step before anything is trained: the step itself, on tensors without contents."""

from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from typing_extensions import override

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.trace import without_contents
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.machine.memory import OperatorMode, TensorTracker
from hourglass_bench.bench.training.pretrain import kinds_of_steps
from hourglass_bench.bench.training.setup import build, capabilities, trainer_of

_aten = torch.ops.aten
_NORMS = (_aten.native_batch_norm.default, _aten.native_group_norm.default, _aten.native_layer_norm.default)


class _KernelResults(OperatorMode):
    """Mends what fake tensors get wrong of normalisation: results of another size than the kernels'.

    Torch computes fake tensors by its decompositions. Of bf16 with float32 weights on the CPU, those give statistics in
    the input's format and gradients in the weights'; the kernels do the opposite. CUDA's own kernels of batch norm keep
    statistics in float32, and so do the decompositions there. In float32 on CUDA batch norm is cuDNN's, which keeps
    bytes of its own for the backward pass; their number is cuDNN's to say. (Read in torch's Normalization.cpp,
    Normalization.cu and cudnn/BatchNorm.cpp. Group norm runs in float32 on CUDA, by the rules of autocast there.)
    """

    @override
    def seen(self, func: Any, args: tuple[Any, ...], out: Any) -> Any:
        if func in _NORMS:
            # Without weights and running statistics all is in the input's format.
            weights = [argument for argument in args[1:5] if isinstance(argument, Tensor)]
            return out[0], *(statistic.to(weights[0].dtype) if weights else statistic for statistic in out[1:])
        if func == _aten.native_group_norm_backward.default:
            inputs: Tensor = args[1]
            return out[0].to(inputs.dtype), *out[1:]
        if func == _aten.cudnn_batch_norm.default:
            kept = torch._C._get_cudnn_batch_norm_reserve_space_size(args[0], True)  # type: ignore[attr-defined]
            return *out[:3], out[3].new_empty(kept)
        return out


def predict_peak_bytes(config: RunConfig, device: torch.device, ignores: bool = False) -> int:
    """Tensor peak in bytes that a step of `config` will have; equal to what `measure_step` measures, for any size.

    It is that of one arithmetic on one kind of device: the same step in bf16 has another peak than in float32. Of a run
    that pre-trains it is the larger one of both kinds of steps. On a GPU the process has a CUDA context afterwards.

    Args:
        ignores: Whether some of the frames' pixels count nowhere.

    Raises:
        ValueError: the architecture does not fit the frames, or contradicts itself.
    """
    if device.type == "cuda" and torch.cuda.is_available():
        torch.empty(1, device=device)  # makes the context, which autograd asks for a stream, of fake tensors too
    for kind in kinds_of_steps(config):
        registry.predict(kind.architecture, *kind.data.size)  # refuses
        capabilities(kind, device)  # tries what has contents
    labels = torch.int8 if ignores else torch.bool  # see `DeviceFrames`
    try:
        return max(_predict(kind, device, labels) for kind in kinds_of_steps(config))
    except RuntimeError as error:
        if "overflow" not in str(error):
            raise
        batch, (height, width) = config.training.batch_size, config.data.size
        raise ValueError(
            f"a step must have tensors of less than 2**63 bytes, got {config.architecture.name} with {batch:,} "
            f"images of {height}x{width} pixels; take a smaller network, batch (--batch-size) or frames (--size)."
        ) from error


def _predict(config: RunConfig, device: torch.device, labels: torch.dtype) -> int:
    height, width = config.data.size
    batch = config.training.batch_size
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    network = _build(config, mode)
    with mode, _KernelResults():  # type: ignore[no-untyped-call]
        trainer = trainer_of(network, config, 1, device)
        trainer.network.train()
        images = torch.empty((batch, 3, height, width), dtype=torch.uint8, device=device)
        images = images.contiguous(memory_format=torch.channels_last)
        masks = torch.empty((batch, 1, height, width), dtype=labels, device=device)
        with TensorTracker([images, masks, *trainer.resident()]) as tracker:
            trainer.step(images, masks, trainer.sample(batch))
    peak: int = tracker.peak
    return peak


def _build(config: RunConfig, mode: FakeTensorMode) -> nn.Module:
    """The run's network without contents.

    One of ours never has any, so that the largest can be forecast anywhere; another one's constructor may need them.
    """
    if registry.get_spec(config.architecture.name).origin == "here":
        with mode:
            return build(config)
    return without_contents(build(config), mode)

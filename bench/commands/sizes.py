"""`bench sizes`: what a network is and takes, without data and without training."""

import torch

from hourglass_bench.architectures import registry
from hourglass_bench.architectures.trace import NEEDS_CONTENTS
from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.machine.examine import choose_device
from hourglass_bench.bench.training.forecast import predict_peak_bytes
from hourglass_bench.bench.training.room import require_room_to_make
from hourglass_bench.bench.training.setup import capabilities


def describe_sizes(config: RunConfig, device: str) -> Answer:
    """Sizes of the run's network and of a step of its training; the answer of `bench sizes`.

    Raises:
        ValueError: the network cannot be had, or cannot be trained on such images.
    """
    network, (height, width) = config.architecture, config.data.size
    require_room_to_make(network)
    prediction, traced = registry.predict(network, height, width), registry.traced(network, height, width)
    target, batch = choose_device(device), config.training.batch_size
    notes = capabilities(config, target).notes
    peak = _forecast(config, target)
    taken = _mebibytes(peak) if peak is not None else "unknown, since the network decides by what tensors contain,"
    values = {
        "architecture": network.name,
        "size": [height, width],
        "params": prediction.params,
        "macs": prediction.macs,
        "bottleneck": list(prediction.shape),
        "bottleneck_name": prediction.bottleneck,
        "activation_bytes": traced.activation_bytes,
        "batch_size": batch,
        "device": target.type,
        "tensor_peak_bytes": peak,
        "notes": list(notes),
    }
    lines = {
        "network": " ".join(filter(None, (network.name, network.sizes))),
        "parameters": f"{prediction.params:,}",
        "multiply-accumulates": f"{prediction.macs:,} for an image of {height}x{width} pixels",
        "bottleneck": f"{'x'.join(map(str, prediction.shape))}, what leaves {prediction.bottleneck}",
        "activations": f"{_mebibytes(traced.activation_bytes)} for an image, kept for the backward pass",
        "training step": f"{taken} at its peak with {batch} images on {target.type} (forecast)",
        "notes": "; ".join(notes),
    }
    wide = max(map(len, lines))
    return Answer(values, "\n".join(f"{name:{wide}}  {text}" for name, text in lines.items() if text))


def _forecast(config: RunConfig, device: torch.device) -> int | None:
    """Tensor peak of a training step in bytes; None of a network that decides by what its tensors contain."""
    try:
        return predict_peak_bytes(config, device)
    except NEEDS_CONTENTS:
        return None


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"

"""Whether what a network makes of a frame depends on the other frames of its batch: such a batch cannot be split."""

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def couples_frames(network: nn.Module) -> bool:
    """Whether a module has statistics of the batch, as batch norms have, and instance norms that keep running ones."""
    return any(isinstance(module, _NormBase) and _is_coupled(module) for module in network.modules())


def _is_coupled(norm: _NormBase) -> bool:
    return norm.track_running_stats or not isinstance(norm, nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d)

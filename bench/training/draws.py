"""What modules draw at random themselves, as dropout does: from torch's own generators, which a run does not share.

Networks of this project draw nothing: order, augmentation and latents have generators of their own.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager

import torch


def seed_draws(seed: int, device: torch.device) -> None:
    """Let what modules draw from now on follow from the seed alone.

    By the generators themselves: `torch.manual_seed` imports torch._dynamo, which takes two seconds.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        for generator in torch.cuda.default_generators[device.index or 0 :][:1]:  # none where memory is only forecast
            generator.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def forked(devices: Iterable[torch.device] = ()) -> AbstractContextManager[None]:
    """Within the context draws leave no trace: afterwards the generators, also those of the GPUs named, are as before.

    Two such contexts in a row draw the same.
    """
    gpus = {device.index or 0 for device in devices if device.type == "cuda"}
    return torch.random.fork_rng(devices=sorted(gpus))

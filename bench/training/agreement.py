"""Whether two computations of the same numbers agree: no kernel promises the order of its sums."""

import torch
from torch import Tensor

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""Largest difference of gradients, by their norm, and of results, relative to the reference's, by the arithmetic."""


def agrees(values: Tensor, reference: Tensor, tolerance: float) -> bool:
    """Whether two flat tensors differ by little, by their norms; what is not finite in both agrees."""
    norm = reference.norm()
    if not norm.isfinite():
        return not values.norm().isfinite()
    return bool((values - reference).norm() <= tolerance * norm)

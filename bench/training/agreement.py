"""Whether two computations of the same numbers agree: no kernel promises the order of its sums."""

from typing import Final

from torch import Tensor

from bench.machine.precision import Arithmetic

TOLERANCE: Final[dict[Arithmetic, float]] = {"fp32": 1e-4, "tf32": 7.5e-3, "bf16": 3e-2}
"""Largest difference of gradients, by their norm, and of results, relative to the reference's. TF32 has two bits of
mantissa more than bfloat16."""


def agrees(values: Tensor, reference: Tensor, tolerance: float) -> bool:
    """Whether two flat tensors differ by little, by their norms; what is not finite in both agrees."""
    norm = reference.norm()
    if not norm.isfinite():
        return not values.norm().isfinite()
    return bool((values - reference).norm() <= tolerance * norm)

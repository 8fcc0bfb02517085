"""Whether two computations of the same numbers agree: no kernel promises the order of its sums."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from torch import Tensor

from hourglass_bench.bench.machine.precision import Arithmetic

TOLERANCE: Final[dict[Arithmetic, float]] = {"fp32": 1e-4, "tf32": 7e-3, "bf16": 3e-2}
"""Largest difference of gradients, by their norm, and of results, relative to the reference's.

That of TF32 is a quarter of bfloat16's: it keeps two bits more of each factor.
"""


def agrees(values: Sequence[Tensor], reference: Sequence[Tensor], tolerance: float) -> bool:
    """Whether tensors differ by little, by the norms of all their numbers; what is not finite in both agrees."""
    norm = _norm(reference)
    if not math.isfinite(norm):
        return not math.isfinite(_norm(values))
    return _norm(ours - theirs for ours, theirs in zip(values, reference, strict=True)) <= tolerance * norm


def _norm(tensors: Iterable[Tensor]) -> float:
    return math.hypot(*(tensor.detach().cpu().double().norm().item() for tensor in tensors))

"""Learning-rate schedules."""

import math

from hourglass_bench.bench.config import TrainingConfig


def lr_factor(step: int, steps: int, config: TrainingConfig) -> float:
    """Share of the peak learning rate at `step` of `steps`: one cosine up from 1/25, one down to 1/250000.

    The one-cycle policy (Smith & Topin 2018, arXiv 1708.07120) with torch's default divisors, for any number of steps.
    """
    if config.schedule == "constant":
        return 1.0
    peak = max(config.warmup_share * steps - 1, 1e-9)
    if step <= peak:
        return _cosine(1 / 25, 1, step / peak)
    return _cosine(1, 1 / 250_000, min((step - peak) / max(steps - 1 - peak, 1e-9), 1))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2

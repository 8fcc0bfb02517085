"""The arithmetic of trainings and predictions: which one a device computes in, and torch's flags for it."""

from typing import Final, Literal

import torch

from hourglass_bench.bench.config import Precision
from hourglass_bench.bench.machine.device import capability

Arithmetic = Literal["fp32", "tf32", "bf16"]
"""fp32: IEEE float32. tf32: float32 whose products round their factors to 10 bits of mantissa, on the tensor cores of
a GPU. bf16: mixed precision, products in bfloat16."""

NAMES: Final[dict[Arithmetic, str]] = {"fp32": "float32", "tf32": "tf32", "bf16": "bfloat16"}
"""As stores keep them, in the tag `environment.precision`."""

TENSOR_CORES = 8.0
"""Least compute capability whose tensor cores multiply TF32 and bfloat16 (Ampere, 2020)."""


def resolve(precision: Precision, device: torch.device) -> Arithmetic:
    """The arithmetic that a precision means on a device: `auto` is bf16 where the hardware computes in it, else fp32.

    Raises:
        ValueError: tf32 on a device that has none.
    """
    return resolve_by(precision, device, capability(device))


def resolve_by(precision: Precision, device: torch.device, compute_capability: str) -> Arithmetic:
    """As `resolve`, of a device whose compute capability is known: nothing is asked of a GPU."""
    has_tensor_cores = device.type == "cuda" and float(compute_capability or 0) >= TENSOR_CORES
    if precision == "tf32" and not has_tensor_cores:
        raise ValueError(
            "training.precision must be auto, fp32 or bf16 where there is no GPU of compute capability "
            f"{TENSOR_CORES} or more, got tf32 on {device}."
        )
    if precision == "auto":
        return "bf16" if has_tensor_cores or (device.type == "cpu" and _cpu_has_bf16()) else "fp32"
    return precision


def _cpu_has_bf16() -> bool:
    # AVX-512 without its bf16 instructions emulates them, slower than float32.
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def torch_dtype(arithmetic: Arithmetic) -> torch.dtype:
    """Number format of activations: that of TF32 is float32, only the products round."""
    return torch.bfloat16 if arithmetic == "bf16" else torch.float32


def set_arithmetic(arithmetic: Arithmetic, device: torch.device) -> None:
    """Set torch's flags for this process: whether float32 rounds to TF32 on a GPU, and cuDNN's choice by measuring.

    By default torch rounds the factors of convolutions, though not those of matrix products. Elsewhere nothing changes.
    """
    if device.type != "cuda":
        return
    tf32 = arithmetic == "tf32"
    # By the old names first: torch.compile still reads them, and raises an error where only the new ones were set.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    name = "tf32" if tf32 else "ieee"
    torch.backends.cuda.matmul.fp32_precision = torch.backends.cudnn.conv.fp32_precision = name  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = True  # shapes stay the same from step to step


def widest(device: torch.device) -> torch.dtype:
    """float64, in which sums are taken, where the device has it: MPS has not."""
    return torch.float32 if device.type == "mps" else torch.float64

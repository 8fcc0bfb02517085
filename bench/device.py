"""Which device a run uses, and which number format is fast there."""

import torch

from bench.config import Precision

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str) -> torch.device:
    """`auto` takes CUDA where there is one.

    Raises:
        ValueError: unknown name, or CUDA asked for and not there.
    """
    kind, colon, index = name.partition(":")
    if kind not in DEVICES or (colon and not (kind == "cuda" and index.isdigit())):
        raise ValueError(f"device must be one of {', '.join(DEVICES)} or cuda:INDEX, got {name!r}.")
    if kind == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {name!r} must be present, got {torch.cuda.device_count()} CUDA devices; use cpu or auto."
        )
    return torch.device(name)


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Type of the arithmetic: `auto` is bfloat16 where the hardware computes in it, else float32."""
    if precision == "bf16" or (precision == "auto" and _has_fast_bf16(device)):
        return torch.bfloat16
    return torch.float32


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # AVX-512 without its bf16 instructions emulates them, slower than float32.
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())

"""Sizes in bytes, as people write and read them."""

import re

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_bytes(text: str, name: str) -> int:
    """`2GiB`, `1.5 GB`, `4096` -> bytes.

    Raises:
        ValueError: it is no positive size; `name` says what was asked for.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([A-Za-z]*)", text.strip())
    size = int(float(match[1]) * UNITS[match[2] or "B"]) if match and (match[2] or "B") in UNITS else 0
    if size < 1:
        raise ValueError(f"{name} must be a size such as 2GiB, in one of {', '.join(UNITS)}, got {text!r}.")
    return size


def format_bytes(size: float) -> str:
    """Three digits and a binary unit: 1.50 GiB."""
    unit = next((unit for unit in ("GiB", "MiB", "KiB") if size >= UNITS[unit]), "B")
    return f"{size / UNITS[unit]:.3g} {unit}"

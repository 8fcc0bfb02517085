"""Sizes in bytes, as people write and read them."""

import re

from hourglass_bench.architectures.bounds import require

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

LIMIT = 2**63
"""Bytes that no machine has, and none can count."""


def parse_bytes(text: str, name: str) -> int:
    """`2GiB`, `1.5 GB`, `4096` -> bytes.

    Raises:
        ValueError: it is no positive size; `name` says what was asked for.
    """
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([A-Za-z]*)", text.strip())
    size = float(match[1]) * UNITS[match[2] or "B"] if match and (match[2] or "B") in UNITS else 0.0
    require(1 <= size < LIMIT, name, f"be a size such as 2GiB, in one of {', '.join(UNITS)}", text)
    return int(size)


def format_bytes(size: float) -> str:
    """Three digits and a binary unit: 1.50 GiB."""
    unit = next((unit for unit in ("GiB", "MiB", "KiB") if size >= UNITS[unit]), "B")
    number = size / UNITS[unit]
    return f"{number:.3g} {unit}" if number < 1000 else f"{number:,.0f} {unit}"

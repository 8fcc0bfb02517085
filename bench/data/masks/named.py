"""Values and colours of masks as users name them, and as messages do."""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from PIL import ImageColor

from hourglass_bench.bench.config import DataConfig
from hourglass_bench.bench.data.masks.planes import Plane

ALL = "all"
"""Whatever is not 0, or not black."""


class Value(NamedTuple):
    """What a flag names."""

    text: str
    number: float | None
    """None if it is a colour."""
    colour: int | None
    """0xRRGGBB; None if it is a number."""


class Named(NamedTuple):
    """What the flags of a set say."""

    foreground: tuple[Value, ...]
    ignored: tuple[Value, ...]
    everything: bool
    """Whether all that is not 0 is foreground."""

    @property
    def values(self) -> tuple[Value, ...]:
        """Of both flags."""
        return self.foreground + self.ignored


def read_flags(data: DataConfig) -> Named:
    """What `--foreground` and `--ignore` name.

    Raises:
        ValueError: a text is no number and no colour, a value is named twice, or numbers and colours are mixed.
    """
    everything = ALL in data.foreground
    if everything and len(data.foreground) > 1:
        raise ValueError(f"--foreground must be all or a list of values, got {' '.join(data.foreground)}.")
    foreground = () if everything else tuple(_read_value(text, "--foreground") for text in data.foreground)
    named = Named(foreground, tuple(_read_value(text, "--ignore") for text in data.ignore), everything)
    meant = [value[1:] for value in named.values]
    if len(set(meant)) < len(meant):
        texts = " ".join(value.text for value in named.values)
        raise ValueError(f"--foreground and --ignore must name each value once, got {texts}.")
    if len({value.number is None for value in named.values}) > 1:
        texts = " ".join(value.text for value in named.values)
        raise ValueError(f"--foreground and --ignore must name values or colours, not both, got {texts}.")
    return named


def find_code(value: Value, plane: Plane) -> int | None:
    """The code that a value of this plane has; None where it can have none."""
    if plane == "colours":
        return value.colour
    number = None if value.number is None else value.number * (255 if plane == "unit" else 1)
    if number is None or (number != round(number) and plane != "unit"):
        return None
    return round(number)


def write_code(code: int, plane: Plane) -> str:
    """A code as files and flags have it."""
    if plane == "colours":
        return f"#{code:06X}"
    return f"{code / 255:.4g}" if plane == "unit" else str(code)


def write_list(texts: Sequence[str], limit: int = 12) -> str:
    """`0, 1 and 255`; of many only the first."""
    if len(texts) > limit:
        return f"{', '.join(texts[:limit])} and {len(texts) - limit} more"
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _read_value(text: str, flag: str) -> Value:
    with suppress(ValueError):
        if math.isfinite(number := float(text)):
            return Value(text, number, None)
    with suppress(ValueError):
        red, green, blue = ImageColor.getrgb(f"rgb({text})" if text.count(",") == 2 and "(" not in text else text)[:3]
        if max(red, green, blue) <= 255:
            return Value(text, None, red << 16 | green << 8 | blue)
    or_all = " or all" if flag == "--foreground" else ""
    raise ValueError(f"{flag} must name numbers or colours (#RRGGBB, R,G,B or a name such as red){or_all}, got {text}.")

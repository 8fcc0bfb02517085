"""Numbers on their way into sentences: whatever a sentence prints is remembered by a name, for report.json."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

Value = float | int | str


class Said(NamedTuple):
    """One number, or a label with numbers in it."""

    value: Value
    text: str
    """As it stands in the sentence."""


class Say:
    """Prints values and remembers them. One name stands for one value in all of a report."""

    def __init__(self) -> None:
        self.said: dict[str, Said] = {}

    def __call__(self, name: str, value: Value, show: Callable[[Any], str] = str) -> str:
        """The value as text, remembered under `name`.

        Raises:
            KeyError: the name stands for another text already.
        """
        text = show(value)
        if self.said.setdefault(name, Said(value, text)).text != text:
            raise KeyError(f"{name} must stand for one value, got {self.said[name].text!r} and {text!r}")
        return text

    def as_json(self) -> dict[str, dict[str, Value | None]]:
        """Name -> value and text; null for what is not finite."""
        return {
            name: {"value": None if isinstance(value, float) and not math.isfinite(value) else value, "text": text}
            for name, (value, text) in self.said.items()
        }

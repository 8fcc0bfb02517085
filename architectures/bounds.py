"""What an option may be: which numbers, and how a refusal says so. Imports no torch."""

from typing import NamedTuple

_SHOWN = 200
"""Characters of a value that a message repeats."""


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raise ValueError `NAME must RULE, got VALUE.` unless `holds`."""
    if not holds:
        raise ValueError(f"{name} must {rule}, got {shown(value)}.")


def shown(value: object) -> str:
    """The value as a message repeats it: a long one by its ends."""
    return ends(repr(value), _SHOWN)


def ends(text: str, most: int) -> str:
    """The text; of one with more than so many characters the first and the last of them."""
    return text if len(text) <= most else f"{text[: most // 2]}...{text[-(most // 2) :]}"


class Bounds(NamedTuple):
    """The ends of a number, and why they are where they are. Whole ends ask for whole numbers."""

    least: float
    most: float
    why: str = ""
    """Of the most; without it the two ends are a range that the number means something in, such as [0, 1]."""
    above: bool = False
    """Whether the least is excluded."""
    below: bool = False
    """Whether the most is excluded."""
    least_why: str = ""

    def require(self, name: str, value: object) -> None:
        """Raise ValueError `NAME must RULE, got VALUE.` unless the value is such a number."""
        rule = self._broken(value)
        require(not rule, name, rule, value)

    def holds(self, value: object) -> bool:
        """Whether the value is such a number."""
        return not self._broken(value)

    def _broken(self, value: object) -> str:
        """The rule that the value breaks; empty if none. NaN is on neither side of an end."""
        whole = isinstance(self.least, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            return "be a whole number" if whole else "be a number"
        large_enough = value > self.least if self.above else value >= self.least
        small_enough = value < self.most if self.below else value <= self.most
        if large_enough and small_enough:
            return ""
        if not self.why and whole:
            return f"lie between {self.least} and {self.most}"
        if not self.why:
            return f"lie in {'(' if self.above else '['}{self.least:g}, {self.most:g}{')' if self.below else ']'}"
        if large_enough:
            return f"be at most {self.most:{',' if whole else 'g'}}, {self.why}"
        return f"be {'above' if self.above else 'at least'} {self.least:g}{self.least_why and f' ({self.least_why})'}"


SEED = Bounds(0, 2**63 - 1, "since generators take 64 bits")
"""Of random numbers."""

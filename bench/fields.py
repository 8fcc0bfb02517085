"""The fields of configs: their texts, which are the help of their flags, and which values they take."""

import re
from dataclasses import field, fields
from functools import cache
from types import NoneType
from typing import Any, Final, NamedTuple

from hourglass_bench.architectures.bounds import Bounds, require

HELP, FLAG, ABSENT, WEIGHTS, BOUNDS = "help", "flag", "absent", "weights", "bounds"
"""Keys of a field's metadata."""
LONGEST_TEXT = 4096
"""Characters of a path that Linux takes; MLflow stores parameters of 6,000."""
_ANY: Final = {
    int: Bounds(-(2**63), 2**63, "since it is stored in 64 bits"),
    float: Bounds(-1e30, 1e30, "since float32 must hold what is computed with it"),
}
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def documented(default: Any, text: str, **metadata: Any) -> Any:
    """A field of a config; the text is the help of its flag.

    Args:
        metadata: `flag`: name of the flag, if it is not the field's. `absent`: what a stored config without the field
            means, if the default is another one by now. `weights`: the field names numbers, each of which is stored by
            this pattern, such as `{}_weight`. `bounds`: those of a number.
    """
    return field(default=default, metadata={HELP: text, **metadata})


class _Rule(NamedTuple):
    """What a field takes."""

    name: str
    kind: type[Any]
    """Of its default."""
    bounds: Bounds | None


@cache
def _rules(config: type[Any]) -> tuple[_Rule, ...]:
    kinds = ((item, type(item.default)) for item in fields(config))
    return tuple(_Rule(item.name, kind, item.metadata.get(BOUNDS) or _ANY.get(kind)) for item, kind in kinds)


def require_fields(config: Any, prefix: str = "") -> None:
    """Raise ValueError unless every field with a default has a value of its type: a number within its bounds, a text.

    What a tuple holds, its class looks at itself.
    """
    for field_name, kind, bounds in _rules(type(config)):  # type: ignore[arg-type]  # mypy holds classes for unhashable
        name, value = prefix + field_name, getattr(config, field_name)
        if value is None and kind is NoneType:
            continue
        if bounds:
            bounds.require(name, value)
        elif kind is str:
            require_text(name, value)
        elif kind in (bool, tuple):
            require(isinstance(value, kind), name, "be True or False" if kind is bool else "be a tuple", value)


def require_text(name: str, value: object) -> None:
    """Raise ValueError unless the value is a text that databases and file systems take."""
    require(isinstance(value, str), name, "be a text", value)
    assert isinstance(value, str)
    require(len(value) <= LONGEST_TEXT, name, f"have at most {LONGEST_TEXT:,} characters", value)
    require(is_text(value), name, "be of Unicode's characters, without NUL", value)


def is_text(value: str) -> bool:
    """Whether it can be stored: without NUL, and without bytes of other encodings, as Python keeps those of names."""
    return not _UNSTORABLE.search(value)

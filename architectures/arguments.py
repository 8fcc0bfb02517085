"""Arguments of a constructor from elsewhere: what its signature takes, and values as text."""

import ast
import inspect
import json
from typing import Any

from architectures.reference import first_line

OURS = ("in_channels", "out_channels")
"""Arguments that are not the user's to give: they follow from what is learnt."""


def signature(name: str, found: Any) -> inspect.Signature:
    """What the class or function takes."""
    try:
        return inspect.signature(found)
    except (ValueError, TypeError) as error:
        raise ValueError(f"architecture {name} must have a signature, got {first_line(error)}.") from error


def can_be_given(item: inspect.Parameter) -> bool:
    """Whether it can be an option."""
    return item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY) and item.name != "name"


def shown(takes: inspect.Signature) -> str:
    """In words, without what it returns."""
    return str(takes.replace(return_annotation=inspect.Signature.empty))


def defaults(takes: inspect.Signature) -> dict[str, str]:
    """Of arguments whose default can be spelled."""
    found = {}
    for key, item in takes.parameters.items():
        if key not in OURS and can_be_given(item) and item.default is not item.empty:
            try:
                found[key] = spell(item.default)
            except ValueError:
                continue
    return found


def spell(value: object) -> str:
    """A value as text, the same on the command line and in a store: JSON, strings bare unless they look like a value.

    Raises:
        ValueError: JSON has no such value.
    """
    if isinstance(value, str) and read(value) == value:
        return value
    try:
        # A subclass, such as an enumeration, would come back as something else.
        if type(value) in (str, bool, int, float, type(None), list, tuple, dict):
            return json.dumps(value)
    except TypeError:
        pass
    raise ValueError(f"an option must be a number, a text, true, false, null, or lists of these, got {value!r}.")


def read(text: str) -> Any:
    """The value that a text spells, as JSON or in Python's way; what is neither is the text itself."""
    for reader in (json.loads, ast.literal_eval):
        try:
            return reader(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text


def tuples(value: Any) -> Any:
    """Lists as tuples, which is what signatures have."""
    if isinstance(value, list):
        return tuple(tuples(each) for each in value)
    return {key: tuples(each) for key, each in value.items()} if isinstance(value, dict) else value

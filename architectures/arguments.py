"""Arguments of a constructor from elsewhere: what its signature takes, and values as text."""

import ast
import inspect
import json
import re
from typing import Any

from hourglass_bench.architectures.reference import first_line

OURS = ("in_channels", "out_channels")
"""Arguments that are not the user's to give: they follow from what is learnt."""


def signature(name: str, found: Any) -> inspect.Signature:
    """What the class or function takes.

    Raises:
        ValueError: it has no signature, or requires what cannot be an option.
    """
    try:
        takes = inspect.signature(found)
    except (ValueError, TypeError) as error:
        raise ValueError(f"architecture {name} must have a signature, got {first_line(error)}.") from error
    needed = [key for key, item in takes.parameters.items() if key not in OURS and is_required(item)]
    if wrong := [key for key in needed if not can_be_given(takes.parameters[key])]:
        raise ValueError(
            f"architecture {name} must be made by keywords other than `name`, got {', '.join(wrong)} in its signature "
            f"{shown(takes)}; a function around it (-> nn.Module) may do."
        )
    return takes


def is_required(item: inspect.Parameter) -> bool:
    """Whether the constructor fails without it."""
    return item.default is item.empty and item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)


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
    if type(value) is str and read(value) == value:
        return value
    if _is_plain(value):
        return json.dumps(value)
    raise ValueError(f"an option must be a number, a text, true, false, null, or lists of these, got {value!r}.")


def _is_plain(value: object) -> bool:
    """Whether JSON gives back the same; a subclass, such as an enumeration, would come back as something else."""
    if type(value) in (list, tuple):
        return all(_is_plain(each) for each in value)  # type: ignore[attr-defined]
    if type(value) is dict:
        return all(type(key) is str and _is_plain(each) for key, each in value.items())
    return value is None or type(value) in (str, bool, int, float)


def read(text: str) -> Any:
    """The value that a text spells, as JSON or in Python's way; what is neither is the text itself."""
    for reader in (json.loads, ast.literal_eval):
        try:
            return reader(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text


def as_given(text: str, item: inspect.Parameter | None) -> Any:
    """What a constructor gets of a text: a list where its signature says list, else a tuple."""
    value = read(text)
    lists = item is not None and (isinstance(item.default, list) or re.search(r"\b[Ll]ist\b", str(item.annotation)))
    return value if lists else tuples(value)


def tuples(value: Any) -> Any:
    """Lists as tuples."""
    if isinstance(value, list):
        return tuple(tuples(each) for each in value)
    return {key: tuples(each) for key, each in value.items()} if isinstance(value, dict) else value

"""What a command takes, read from its fields: without tyro, which takes as long as all else that a shell waits for."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints


class Parameter(NamedTuple):
    """A flag, or an argument without one."""

    flag: str
    """Empty of an argument."""
    name: str
    """Of the argument; of a flag without its dashes."""
    kind: Any
    """Type of its value."""
    choices: tuple[str, ...]
    """All that it may be, if they are few."""


def parameters(command: type[Any]) -> Iterator[Parameter]:
    """All that a command, or a config of its flags, takes, in order."""
    hints, kinds = get_type_hints(command, include_extras=True), get_type_hints(command)
    for item in fields(command):
        hint = hints[item.name]
        notes = getattr(hint, "__metadata__", ())  # of tyro: how the field is built, its name, whether it has a flag
        made = next((note.constructor_factory for note in notes if getattr(note, "constructor_factory", None)), None)
        inner: Any = made() if made else hint
        if is_dataclass(inner):
            yield from parameters(inner)  # type: ignore[arg-type]  # it is a type, not an instance
            continue
        given = next((note.name for note in notes if getattr(note, "name", None)), None)
        name = str(given or item.name).replace("_", "-")
        flag = "" if any(str(note) == "Positional" for note in notes) else f"--{name}"
        yield Parameter(flag, name, kinds[item.name], tuple(_choices(hint)))


def _choices(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Literal:
        yield from map(str, get_args(hint))
    else:
        for part in get_args(hint):
            yield from _choices(part)

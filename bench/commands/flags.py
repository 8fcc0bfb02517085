"""Flags of a config's fields, whose texts are their help."""

from collections.abc import Callable, Collection
from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any, Final, NamedTuple, get_type_hints

from tyro.conf import arg

from bench.config import FLAG, Weights


class _Spelling(NamedTuple):
    """How the command line spells values that a config holds as another type."""

    kind: Any
    metavar: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _read_weights(words: tuple[str, ...]) -> Weights:
    weights = []
    for word in words:
        name, _, weight = word.partition("=")
        try:
            weights.append((name, float(weight)))
        except ValueError:
            raise ValueError(f"--loss must be of words NAME=WEIGHT, such as bce=1 dice=3, got {word!r}.") from None
    return tuple(weights)


def _read_size(sides: tuple[int, ...]) -> tuple[int, int]:
    if len(sides) not in (1, 2):
        raise ValueError(f"--size must be one side or height and width, got {list(sides)}.")
    return sides[0], sides[-1]


_SPELLINGS: Final[dict[Any, _Spelling]] = {
    Weights: _Spelling(
        tuple[str, ...],
        "NAME=WEIGHT ...",
        lambda weights: tuple(f"{name}={of:g}" for name, of in weights),
        _read_weights,
    ),
    tuple[int, int]: _Spelling(
        tuple[int, ...], "SIDE | HEIGHT WIDTH", lambda size: tuple(dict.fromkeys(size)), _read_size
    ),
}


def flags(config: type[Any], *, skip: Collection[str] = (), only: Collection[str] = (), **defaults: Any) -> Any:
    """Annotation of a field: one flag for each field of a config; the field's value makes the config when it is called.

    The config is made late because it refuses wrong values: what it says is printed like all that is wrong with input.

    Args:
        skip: Fields without a flag; the call may name their values, or overrule those of others.
        only: The fields with a flag, if they are few.
        defaults: Field -> what its flag is without, where that is not the config's own default.
    """
    hints = get_type_hints(config)
    spelt: dict[str, _Spelling] = {}
    members = []
    for item in fields(config):
        if item.name in skip or (only and item.name not in only):
            continue
        kind, default = hints[item.name], defaults.get(item.name, item.default)
        if spelling := _SPELLINGS.get(kind):
            spelt[item.name] = spelling
            kind, default = spelling.kind, spelling.write(default)
        kind = Annotated[kind, arg(name=item.metadata.get(FLAG), metavar=spelling and spelling.metavar)]
        members.append((item.name, kind, field(default=default, metadata=item.metadata)))

    def make(given: Any, **changes: Any) -> Any:
        values = {name: spelt[name].read(value) if name in spelt else value for name, value in vars(given).items()}
        return config(**values | changes)

    namespace = {"__call__": make, "__doc__": config.__doc__}
    return arg(constructor=make_dataclass(config.__name__, members, kw_only=True, namespace=namespace))

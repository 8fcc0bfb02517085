"""Flags of a config's fields, whose texts are their help."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any, Final, NamedTuple, get_type_hints

from tyro.conf import arg

from hourglass_bench.bench.config import Weights
from hourglass_bench.bench.fields import FLAG


class _Spelling(NamedTuple):
    """How the command line spells values that a config holds as another type."""

    kind: Any
    metavar: str | None
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
    tuple[str, ...]: _Spelling(tuple[str, ...], "VALUE ...", lambda values: values, lambda words: words),
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

    def make(given: Any, **changes: Any) -> Any:
        return config(**_read(config, vars(given)) | changes)

    own = {item.name: item.default for item in fields(config)}
    return arg(constructor=_flagged(config, only or own.keys() - set(skip), own | defaults, make))


def changes(config: type[Any], *, skip: Collection[str]) -> type[Any]:
    """Type with one flag for each field of a config; its value, called, gives the fields whose flags were given.

    Args:
        skip: Fields without a flag.
    """

    def make(given: Any) -> dict[str, Any]:
        changed = {name: value for name, value in vars(given).items() if value is not None and value is not False}
        return _read(config, changed)

    return _flagged(config, {item.name for item in fields(config)} - set(skip), {}, make)


def _flagged(
    config: type[Any], names: Collection[str], defaults: Mapping[str, Any], call: Callable[..., Any]
) -> type[Any]:
    """Dataclass with a flag for each of these fields; without a default it is None, or False, until it is given."""
    hints = get_type_hints(config)
    members = []
    for item in fields(config):
        if item.name not in names:
            continue
        spelling = _spelling(hints[item.name])
        if item.name in defaults:
            kind, default = spelling.kind, spelling.write(defaults[item.name])
        else:
            kind, default = (bool, False) if spelling.kind is bool else (spelling.kind | None, None)
        flag = arg(name=item.metadata.get(FLAG), metavar=spelling.metavar)
        members.append((item.name, Annotated[kind, flag], field(default=default, metadata=item.metadata)))
    return make_dataclass(
        config.__name__, members, kw_only=True, namespace={"__call__": call, "__doc__": config.__doc__}
    )


def _read(config: type[Any], words: Mapping[str, Any]) -> dict[str, Any]:
    """Field -> the value that its flag spells."""
    hints = get_type_hints(config)
    return {name: _spelling(hints[name]).read(value) for name, value in words.items()}


def _spelling(kind: Any) -> _Spelling:
    return _SPELLINGS.get(kind) or _Spelling(kind, None, lambda value: value, lambda words: words)

"""Keyword options: the fields of the configs under the names of their flags, with the values that people write."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, fields
from inspect import Parameter, Signature, signature
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from hourglass_bench.architectures.config import require
from hourglass_bench.bench.config import Weights
from hourglass_bench.bench.fields import FLAG, HELP

Function = TypeVar("Function", bound=Callable[..., Any])


def fields_of(config: type[Any], *, skip: Collection[str] = ()) -> dict[str, Field[Any]]:
    """Keyword -> the field of a config that it is: the field's own name, or that of its flag, such as `data`."""
    return {item.metadata.get(FLAG, item.name): item for item in fields(config) if item.name not in skip}


def take(config: type[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Field -> value of those options that are a config's; the others are left alone.

    Raises:
        ValueError: a value is of another type than the field.
    """
    hints, known = get_type_hints(config), fields_of(config)
    return {known[name].name: plain(name, hints[known[name].name], options[name]) for name in known.keys() & options}


def plain(name: str, kind: Any, value: Any) -> Any:
    """A value as a config holds it: lists are tuples, a size of one number is square, weights may be a dict.

    Raises:
        ValueError: it is of another type than the `kind` of the option `name`.
    """
    if isinstance(kind, UnionType) and NoneType in get_args(kind):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
        return None if value is None else plain(name, kind, value)
    if kind == Weights:
        pairs = value.items() if isinstance(value, Mapping) else value
        require(_is_pairs(pairs), name, "be weights by name, such as {'bce': 1, 'dice': 3}", value)
        return tuple((str(key), float(weight)) for key, weight in pairs)
    if kind == tuple[int, int]:
        sides = (value, value) if isinstance(value, Integral) else value
        require(_is_sequence(sides) and len(sides) == 2, name, "be one side or height and width", value)
        return tuple(plain(name, int, side) for side in sides)
    if kind == tuple[str, ...]:
        words = (value,) if isinstance(value, str | Integral) else value
        require(_is_sequence(words), name, "be a list of words", value)
        return tuple(str(word) for word in words)
    if kind is bool:
        require(isinstance(value, bool), name, "be True or False", value)
        return value
    if kind in (int, float):
        whole = kind is int
        right = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
        require(right, name, "be a whole number" if whole else "be a number", value)
        return kind(value)
    require(isinstance(value, str | Path), name, "be a text", value)  # of a Literal the config says which
    return str(value)


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple)


def _is_pairs(value: Any) -> bool:
    try:
        return all(isinstance(weight, Real) for _, weight in value)
    except (TypeError, ValueError):
        return False


def require_known(options: Collection[str], known: Collection[str]) -> None:
    """Refuse options that nobody takes.

    Raises:
        ValueError: there are some; names the nearest that there are.
    """
    if wrong := [name for name in options if name not in known]:
        from difflib import get_close_matches

        near = get_close_matches(wrong[0], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"options must be of {', '.join(sorted(known))}, got {', '.join(wrong)}{hint or '.'}")


def _default(value: object) -> str:
    return "" if value in ("", ()) else f" ({value!r})"


def documented(*configs: Mapping[str, Field[Any]]) -> Callable[[Function], Function]:
    """Decorator of a function with `**options`: its signature and docstring name the fields that these can be.

    So that `help` and the completion of notebooks know them, of which no second list is kept.
    """
    items = {name: item for config in configs for name, item in config.items()}

    def document(function: Function) -> Function:
        own = signature(function)
        named = [*own.parameters.values()]
        rest = [one for one in named if one.kind is Parameter.VAR_KEYWORD]
        taken = [one for one in named if one not in rest]
        more = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=item.default, annotation=item.type)
            for name, item in items.items()
            if name not in own.parameters
        ]
        texts = [f"        {name}: {item.metadata[HELP]}{_default(item.default)}." for name, item in items.items()]
        function.__signature__ = Signature(  # type: ignore[attr-defined]
            [*taken, *more, *rest], return_annotation=own.return_annotation
        )
        function.__doc__ = f"{(function.__doc__ or '').rstrip()}\n\n    Options:\n" + "\n".join(texts) + "\n"
        return function

    return document

"""How a config is stored - as MLflow parameters, beside a checkpoint - and which unit of a study it is.

What is stored outlives the code. A field that a store lacks has the value it would have had before it was added, a
renamed one is read by its old name too, and a field that was added counts for a unit's identity only where it differs
from that value: a study that runs goes on after an upgrade.
"""

import copyreg
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import Any, Literal, NamedTuple, cast, get_origin, get_type_hints

from hourglass_bench.architectures.bounds import shown
from hourglass_bench.architectures.config import ARGUMENTS, ArchitectureConfig
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.fields import ABSENT, WEIGHTS
from hourglass_bench.bench.schema import OLD_NAMES, RENAMED

_VERSION_3 = {
    "architecture": "name channels decoder_channels skips norm in_channels out_channels latent image_size",
    "data": "path size scene_pattern split folds labelled_scenes synthetic_scenes synthetic_frames synthetic_seed",
    "training": "epochs batch_size lr weight_decay schedule warmup_share clip_norm bce_weight dice_weight beta "
    "beta_warmup sigma pretrain_epochs precision flip rotate scale shift colour",
}
VERSION_3 = {f"{section}.{name}" for section, names in _VERSION_3.items() for name in names.split()} | {"seed"}
"""Names of the first version whose units are still known: these fields are stored and count for the identity whatever
their value. Closed: a field that is added later is not named here."""


class _Entry(NamedTuple):
    """A number or text that is stored under a name of its own."""

    name: str
    value: Any
    absent: Any
    """What a store means that lacks it; MISSING if none may."""


def flatten(config: RunConfig) -> dict[str, str]:
    """Config as `section.field -> text` (JSON, strings bare), the form in which MLflow keeps it as parameters.

    Fields that were added later are left out where they say what their absence says: older and newer runs are alike.
    """
    return {entry.name: _to_text(entry.value) for entry in _telling(config, "")}


def unflatten(params: Mapping[str, str]) -> RunConfig:
    """The config that `flatten` wrote, now or in an earlier version; parameters that are no config fields are ignored.

    Raises:
        ValueError: a field is missing that every version had.
    """
    config: RunConfig = _build(RunConfig, {RENAMED.get(name, name): text for name, text in params.items()}, "")
    return config


def _reduce(config: RunConfig) -> tuple[Callable[[Mapping[str, str]], RunConfig], tuple[dict[str, str]]]:
    return unflatten, (flatten(config),)


# It travels as it is stored: another process finds the class of the architecture by its name.
copyreg.pickle(RunConfig, _reduce)


def config_hash(config: RunConfig) -> str:
    """Sixteen hexadecimal digits that identify the config, in every version that can express it."""
    text = json.dumps({name: _to_text(value) for name, value in identity(config, "").items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def located(config: RunConfig, path: str) -> RunConfig:
    """The config with its data at another path: the same data elsewhere make no other training."""
    return replace(config, data=replace(config.data, path=path))


def identity(config: RunConfig | DataConfig | TrainingConfig, prefix: str) -> dict[str, object]:
    """What tells a config, or its section of a prefix such as `training.`, from others: values by oldest names."""
    return {OLD_NAMES.get(entry.name, entry.name): entry.value for entry in _telling(config, prefix)}


def _telling(config: Any, prefix: str) -> Iterator[_Entry]:
    """Of every field of version 3, and of those since whose absence would say something else."""
    for entry in _entries(config, prefix):
        if OLD_NAMES.get(entry.name, entry.name) in VERSION_3 or entry.value != entry.absent:
            yield entry


def _entries(config: Any, prefix: str) -> Iterator[_Entry]:
    """Of every field and, where a field names weights or arguments, of every one of them."""
    for item in fields(config):
        name, value = prefix + item.name, getattr(config, item.name)
        if is_dataclass(value):
            yield from _entries(value, f"{name}.")
        elif WEIGHTS in item.metadata:
            weights = dict.fromkeys(_weights(VERSION_3, prefix, item), 0.0) | dict(value)
            pattern = prefix + item.metadata[WEIGHTS]
            yield from (_Entry(pattern.format(weighted), weight, 0.0) for weighted, weight in weights.items())
        elif ARGUMENTS in item.metadata:
            yield from (_Entry(prefix + argument, text, MISSING) for argument, text in value)
        else:
            yield _Entry(name, value, _absent(item))


def _build(cls: type[Any], params: Mapping[str, str], prefix: str) -> Any:
    """A config of the class from the parameters of its prefix."""
    values: dict[str, Any] = {}
    hints = get_type_hints(cls)
    for item in fields(cls):
        name, hint = prefix + item.name, hints[item.name]
        if hint is ArchitectureConfig:
            value = _build(_class_of(params), params, f"{name}.")
        elif is_dataclass(hint):
            value = _build(cast(type[Any], hint), params, f"{name}.")
        elif WEIGHTS in item.metadata:
            weights = _weights(params, prefix, item).items()
            value = tuple((of, float(_from_text(key, params[key], float))) for of, key in weights) or _absent(item)
        elif ARGUMENTS in item.metadata:
            own = {prefix + other.name for other in fields(cls) if other is not item}
            given = {key.removeprefix(prefix): text for key, text in params.items() if key.startswith(prefix)}
            value = tuple(sorted((key, text) for key, text in given.items() if prefix + key not in own))
        else:
            value = _from_text(name, params[name], hint) if name in params else _absent(item)
        if value is MISSING:
            raise ValueError(f"{name} must be in the stored config, got only {', '.join(sorted(params))}.")
        values[item.name] = value
    return cls(**values)


def _class_of(params: Mapping[str, str]) -> type[ArchitectureConfig]:
    """Of the architecture's configuration."""
    from hourglass_bench.architectures.registry import get_spec

    if "architecture.name" not in params:
        raise ValueError(f"architecture.name must be in the stored config, got only {', '.join(sorted(params))}.")
    return get_spec(params["architecture.name"]).config


def _weights(names: Iterable[str], prefix: str, item: Field[Any]) -> dict[str, str]:
    """Of the names under which weights of the field are stored: what is weighted -> its name."""
    start, end = (prefix + item.metadata[WEIGHTS]).split("{}")
    found = (name for name in names if name.startswith(start) and name.endswith(end))
    return {name.removeprefix(start).removesuffix(end): name for name in sorted(found)}


def _absent(item: Field[Any]) -> Any:
    return item.metadata.get(ABSENT, item.default)


def _to_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _from_text(name: str, text: str, hint: Any) -> Any:
    if hint is str or get_origin(hint) is Literal:
        return text
    try:
        value = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{name} must be stored as a number or a list of some, got {shown(text)}.") from error
    return tuple(value) if isinstance(value, list) else value

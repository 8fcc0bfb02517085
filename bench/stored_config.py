"""How a config is stored - as MLflow parameters, beside a checkpoint - and which unit of a study it is.

What is stored outlives the code. A field that a store lacks has the value it would have had before it was added, a
renamed one is read by its old name too, and a field that was added counts for a unit's identity only where it differs
from that value: a study that runs goes on after an upgrade.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, get_origin, get_type_hints

from bench.config import ABSENT, WEIGHTS, DataConfig, RunConfig, TrainingConfig
from bench.schema import RENAMED

VERSION_3 = frozenset(
    [
        "architecture.name",
        "architecture.channels",
        "architecture.decoder_channels",
        "architecture.skips",
        "architecture.norm",
        "architecture.in_channels",
        "architecture.out_channels",
        "architecture.latent",
        "architecture.image_size",
        "data.path",
        "data.size",
        "data.scene_pattern",
        "data.split",
        "data.folds",
        "data.labelled_scenes",
        "data.synthetic_scenes",
        "data.synthetic_frames",
        "data.synthetic_seed",
        "training.epochs",
        "training.batch_size",
        "training.lr",
        "training.weight_decay",
        "training.schedule",
        "training.warmup_share",
        "training.clip_norm",
        "training.bce_weight",
        "training.dice_weight",
        "training.beta",
        "training.beta_warmup",
        "training.sigma",
        "training.pretrain_epochs",
        "training.precision",
        "training.flip",
        "training.rotate",
        "training.scale",
        "training.shift",
        "training.colour",
        "seed",
    ]
)
"""Names of the first version whose units are still known: these fields count for the identity whatever their value.
Closed: a field that is added later is not named here."""

_OLD_NAMES = {new: old for old, new in RENAMED.items()}


def flatten(config: RunConfig) -> dict[str, str]:
    """Config as `section.field -> text` (JSON, strings bare), the form in which MLflow keeps it as parameters."""
    return {name: _to_text(value) for name, value, _ in _entries(config, "")}


def unflatten(params: Mapping[str, str]) -> RunConfig:
    """The config that `flatten` wrote, now or in an earlier version; parameters that are no config fields are ignored.

    Raises:
        ValueError: a field is missing that every version had.
    """
    config: RunConfig = _build(RunConfig, {RENAMED.get(name, name): text for name, text in params.items()}, "")
    return config


def config_hash(config: RunConfig) -> str:
    """Sixteen hexadecimal digits that identify the config, in every version that can express it."""
    text = json.dumps({name: _to_text(value) for name, value in identity(config, "").items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def identity(config: RunConfig | DataConfig | TrainingConfig, prefix: str) -> dict[str, object]:
    """What tells a config, or its section of a prefix such as `training.`, from others: values by oldest names."""
    stored = ((_OLD_NAMES.get(name, name), value, absent) for name, value, absent in _entries(config, prefix))
    return {name: value for name, value, absent in stored if name in VERSION_3 or value != absent}


def _entries(config: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    """Name, value and the value that its absence means, of every field and of every weight."""
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            yield from _entries(value, f"{prefix}{item.name}.")
        elif WEIGHTS in item.metadata:
            weights = dict.fromkeys(_weights_of_version_3(prefix, item), 0.0) | dict(value)
            yield from ((prefix + item.metadata[WEIGHTS].format(name), float(of), 0.0) for name, of in weights.items())
        else:
            yield prefix + item.name, value, _absent(item)


def _weights_of_version_3(prefix: str, item: Field[Any]) -> list[str]:
    return list(_named(VERSION_3, prefix, item))


def _named(keys: frozenset[str] | Mapping[str, str], prefix: str, item: Field[Any]) -> dict[str, str]:
    """Name of a weight -> its key, of those keys that are weights of the field."""
    pattern = re.escape(prefix + item.metadata[WEIGHTS]).replace(re.escape("{}"), "(.+)")
    found = ((match[1], key) for key in sorted(keys) if (match := re.fullmatch(pattern, key)))
    return dict(found)


def _absent(item: Field[Any]) -> Any:
    """What a store says that lacks the field; MISSING if no store may."""
    return item.metadata.get(ABSENT, item.default)


def _to_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _from_text(text: str, hint: Any) -> Any:
    if hint is str or get_origin(hint) is Literal:
        return text
    value = json.loads(text)
    return tuple(value) if isinstance(value, list) else value


def _build(cls: type[Any], params: Mapping[str, str], prefix: str) -> Any:
    """A config of the class from the parameters of its prefix."""
    values: dict[str, Any] = {}
    hints = get_type_hints(cls)
    for item in fields(cls):
        key = prefix + item.name
        if is_dataclass(hints[item.name]):
            values[item.name] = _build(hints[item.name], params, f"{key}.")
        elif WEIGHTS in item.metadata:
            stored = _named(params, prefix, item)
            values[item.name] = tuple((name, float(params[key])) for name, key in stored.items()) or _absent(item)
        elif key in params:
            values[item.name] = _from_text(params[key], hints[item.name])
        elif _absent(item) is MISSING:
            raise ValueError(f"{key} is missing from the stored config, which holds {', '.join(sorted(params))}.")
        else:
            values[item.name] = _absent(item)
    return cls(**values)

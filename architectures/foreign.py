"""Networks from elsewhere: a class or function that a reference names, and what it is given, as a spec."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from torch import nn

from hourglass_bench.architectures.arguments import (
    OURS,
    as_given,
    can_be_given,
    defaults,
    is_required,
    shown,
    signature,
    spell,
)
from hourglass_bench.architectures.config import ARGUMENTS, ArchitectureConfig, InfeasibleArchitecture
from hourglass_bench.architectures.reference import Known, find, first_line, installed, is_reference
from hourglass_bench.architectures.spec import ArchitectureSpec

Arguments = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignConfig(ArchitectureConfig):
    """A class, and what its constructor is given."""

    arguments: Arguments = field(default=(), metadata={ARGUMENTS: True})
    """Names and values, spelled as JSON, strings bare; those that have a default which can be spelled are complete."""

    @property
    def sizes(self) -> str:
        """The arguments that are not the constructor's defaults, such as `width=24 depth=3`."""
        usual = defaults(signature(self.name, find(self.name)))
        return " ".join(f"{name}={text}" for name, text in self.arguments if usual.get(name) != text)


@Known
def find_spec(name: str) -> ArchitectureSpec | None:
    """Of a reference or the name of an entry point; None if it is neither.

    Raises:
        ValueError: what it refers to cannot be imported, or is no network.
    """
    if not is_reference(name) and name not in installed():
        return None
    found = find(name)
    if isinstance(found, ArchitectureSpec):
        return replace(found, network=partial(_make, found.network))
    return ArchitectureSpec(config=ForeignConfig, network=partial(construct, found), configure=configure)


def _make(network: Callable[[Any], nn.Module], config: ArchitectureConfig) -> nn.Module:
    """A spec's network; ValueError says what its function raised."""
    try:
        return network(config)
    except InfeasibleArchitecture:
        raise
    except Exception as error:
        given = ", ".join(f"{item.name}={getattr(config, item.name)!r}" for item in fields(config)[1:])
        raise ValueError(f"architecture {config.name} must be made by ({given}), got {first_line(error)}.") from error


def configure(name: str, /, **options: Any) -> ForeignConfig:
    """A complete configuration of a class from elsewhere.

    Raises:
        ValueError: an option that its constructor does not take, or a required one that is missing; both with the
            signature.
    """
    found = find(name)
    takes = signature(name, found)
    free = {key: item for key, item in takes.parameters.items() if key not in OURS and can_be_given(item)}
    fixed = set(takes.parameters) - set(free) | {"name", *OURS}
    more = any(item.kind is item.VAR_KEYWORD for item in takes.parameters.values())
    wrong = [key for key in options if key in fixed or not (more or key in free)]
    needed = [key for key, item in free.items() if is_required(item) and key not in options]
    if wrong or needed:
        remedy = f"--set {'=... '.join(needed)}=..., or a class or function around it that gives them"
        fault = f"got {', '.join(wrong)}" if wrong else f"got none for {', '.join(needed)}; {remedy}"
        raise ValueError(f"options of {name} must be those of its signature {shown(takes)}, {fault}.")
    given = {key: spell(_like(free.get(key), value)) for key, value in options.items()}
    return ForeignConfig(name=name, arguments=tuple(sorted((defaults(takes) | given).items())))


def _like(item: inspect.Parameter | None, value: Any) -> Any:
    """A whole number as the float that it stands for: equal options are equal configurations."""
    return float(value) if type(value) is int and item is not None and type(item.default) is float else value


def construct(found: Callable[..., Any], config: ForeignConfig) -> nn.Module:
    """The network, by those arguments that are not its constructor's defaults, and the channels where it takes them.

    Raises:
        ValueError: the constructor refuses the arguments, or makes no network.
    """
    takes = signature(config.name, found)
    usual = defaults(takes)
    texts = {key: text for key, text in config.arguments if usual.get(key) != text}
    given = {key: as_given(text, takes.parameters.get(key)) for key, text in texts.items()}
    given |= {key: getattr(config, key) for key in OURS if key in takes.parameters}
    try:
        network = found(**given)
    except Exception as error:
        said = ", ".join(f"{key}={value!r}" for key, value in given.items())
        raise ValueError(
            f"architecture {config.name} must be made by ({said}), got {first_line(error)}; its signature is "
            f"{shown(takes)}."
        ) from error
    if not isinstance(network, nn.Module):
        raise ValueError(f"architecture {config.name} must return a torch.nn.Module, got {type(network).__name__}.")
    for module in network.modules():
        if isinstance(module, nn.DataParallel):
            module.device_ids = []  # a network trains on one device: what is wrapped is called as it is
    return network.module if isinstance(network, nn.DataParallel) else network

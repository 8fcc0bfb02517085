"""Networks from elsewhere: found by a reference or an entry point, configured by what their constructor takes."""

import ast
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points, packages_distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from torch import nn

from architectures.config import ARGUMENTS, ArchitectureConfig
from architectures.spec import ArchitectureSpec

GROUP = "hourglass_bench.architectures"
"""Of entry points: each names a class, a function that returns a network, or an `ArchitectureSpec`."""
OURS = ("in_channels", "out_channels")
"""Arguments that are not the user's to give: they follow from what is learnt."""

Arguments = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignConfig(ArchitectureConfig):
    """A class, and what its constructor is given."""

    arguments: Arguments = field(default=(), metadata={ARGUMENTS: True})
    """Names and values, spelled as JSON, strings bare; those that have a default which can be spelled are complete."""

    @property
    def sizes(self) -> str:
        """The arguments that are not the constructor's defaults, such as `width=24 depth=3`."""
        usual = _defaults(signature(self.name, find(self.name)))
        return " ".join(f"{name}={text}" for name, text in self.arguments if usual.get(name) != text)


def is_reference(name: str) -> bool:
    """Whether it is spelled `package.module:Class` or `path/to/file.py:Class`."""
    return ":" in name


@cache
def installed() -> Mapping[str, EntryPoint]:
    """Entry points of installed packages, by their names."""
    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def find_spec(name: str) -> ArchitectureSpec | None:
    """Of a reference or the name of an entry point; None if it is neither.

    Raises:
        ValueError: what it refers to cannot be imported, or is no network.
    """
    if not is_reference(name) and name not in installed():
        return None
    found = find(name)
    if isinstance(found, ArchitectureSpec):
        return found
    return ArchitectureSpec(config=ForeignConfig, network=partial(construct, found), configure=configure)


@cache
def find(name: str) -> Any:
    """The class, function or spec that a reference or an entry point names."""
    if is_reference(name):
        where, _, attribute = name.rpartition(":")
        module = _load_file(name, Path(where)) if where.endswith(".py") else _load_module(name, where)
        if not hasattr(module, attribute):
            classes = [key for key, value in vars(module).items() if _is_network_class(value)]
            raise ValueError(
                f"architecture {name} must name a class of {where}, got {attribute!r}; its networks are "
                f"{', '.join(classes) or 'none'}."
            )
        found = getattr(module, attribute)
    else:
        try:
            found = installed()[name].load()
        except Exception as error:
            raise ValueError(f"architecture {name} must be importable, got {_first_line(error)}.") from error
    if isinstance(found, ArchitectureSpec) or _is_network_class(found) or _makes_network(found):
        return found
    raise ValueError(
        f"architecture {name} must be a subclass of torch.nn.Module, a function whose signature says that it returns "
        f"one (-> nn.Module), or an ArchitectureSpec, got {_kind(found)}."
    )


def _is_network_class(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, nn.Module)


def _makes_network(value: object) -> bool:
    """Whether it is a function that says so: whoever writes a checkpoint names what builds its network, and any other
    function, such as one that runs commands, must not be called for it."""
    if not inspect.isfunction(value):
        return False
    try:
        return _is_network_class(get_type_hints(value).get("return"))
    except (NameError, TypeError):  # an annotation that cannot be resolved
        return False


def _kind(value: object) -> str:
    if inspect.isclass(value):
        return f"the class {value.__qualname__}"
    return f"the function {value.__name__}" if inspect.isroutine(value) else f"{type(value).__name__} {value!r:.60}"


def _load_file(name: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"architecture {name} must name a file that exists, got {path}.")
    try:
        return load_file(path)
    except Exception as error:
        raise ValueError(f"architecture {name} must be importable, got {_first_line(error)}.") from error


def load_file(path: Path) -> ModuleType:
    """A file's module, under a name of its own; files beside it can be imported by it, as if it were run.

    Raises:
        Exception: whatever the file's code raises.
    """
    path = path.resolve()
    known_as = _file_module(path)
    if known_as in sys.modules:
        return sys.modules[known_as]
    _make_importable(path.parent)
    spec = importlib.util.spec_from_file_location(known_as, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[known_as] = module  # first: a dataclass looks its module up
    try:
        spec.loader.exec_module(module)
    except Exception:
        del sys.modules[known_as]
        raise
    return module


_OF_FILE = "hourglass_bench_file_"


def _file_module(path: Path) -> str:
    """Name of a file's module."""
    return f"{_OF_FILE}{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"


def _load_module(name: str, where: str) -> ModuleType:
    _make_importable(Path.cwd())
    try:
        return importlib.import_module(where)
    except Exception as error:
        hint = ""
        if isinstance(error, ModuleNotFoundError) and error.name:
            package = error.name.partition(".")[0]
            if extra := EXTRAS.get(package):
                hint = f'; pip install "hourglass-bench[{extra}]" installs it'
            else:
                hint = (
                    f"; pip install {package} installs it where it is a package, else run this where {package}.py lies"
                )
        raise ValueError(f"architecture {name} must be importable, got {_first_line(error)}{hint}.") from error


EXTRAS = {"monai": "zoo"}
"""Package -> the extra of this project that installs it."""


def _make_importable(folder: Path) -> None:
    """Last, so that no file there hides an installed package."""
    if str(folder) not in (os.path.abspath(entry) for entry in sys.path):
        sys.path.append(str(folder))


@cache
def sources(name: str) -> dict[str, str]:
    """Name -> text of the files that say what a network is: the one that is named, and that of its class or function.

    Empty for this project's own, whose code has a digest of its own.
    """
    return {_file_name(module): text for module in _modules(name) if (text := _text(module))}


@cache
def packages(name: str) -> tuple[str, ...]:
    """Installed packages that a network comes from, such as `monai 1.5.1`; none for one from a file."""
    known = packages_distributions()
    found = {package for module in _modules(name) for package in known.get(module.__name__.partition(".")[0], ())}
    if point := installed().get(name):
        found |= {point.dist.name} if point.dist else set()
    return tuple(f"{package} {version(package)}" for package in sorted(found))


def _modules(name: str) -> list[ModuleType]:
    """Those that `sources` are the files of."""
    if not is_reference(name) and name not in installed():
        return []
    found = find(name)
    where = name.rpartition(":")[0]
    named = [_file_module(Path(where))] if where.endswith(".py") else []
    parts = [found.network, found.config] if isinstance(found, ArchitectureSpec) else [found]
    parts = [part.func if isinstance(part, partial) else part for part in parts]
    own = __name__.partition(".")[0]
    others = {part.__module__ for part in parts if part.__module__.partition(".")[0] != own} - set(named)
    return [sys.modules[module] for module in (*named, *sorted(others))]


def _file_name(module: ModuleType) -> str:
    """Of the module's file, with the folders of its package."""
    file = Path(module.__file__ or module.__name__)
    folders = 0 if module.__name__.startswith(_OF_FILE) else module.__name__.count(".") + (file.stem == "__init__")
    return "/".join(file.parts[-1 - folders :])


def _text(module: ModuleType) -> str:
    """Empty where there is no file of Python."""
    file = Path(module.__file__ or "")
    return file.read_text(encoding="utf-8") if file.suffix == ".py" and file.is_file() else ""


def signature(name: str, found: Any) -> inspect.Signature:
    """What the class or function takes."""
    try:
        return inspect.signature(found)
    except (ValueError, TypeError) as error:
        raise ValueError(f"architecture {name} must have a signature, got {_first_line(error)}.") from error


def configure(name: str, **options: Any) -> ForeignConfig:
    """A complete configuration of a class from elsewhere.

    Raises:
        ValueError: an option that its constructor does not take, or a required one that is missing; both with the
            signature.
    """
    found = find(name)
    takes = signature(name, found)
    free = {key: item for key, item in takes.parameters.items() if key not in OURS and _can_be_given(item)}
    wrong = [key for key in options if key not in free]
    needed = [key for key, item in free.items() if item.default is item.empty and key not in options]
    if wrong or needed:
        fault = f"got {', '.join(wrong)}" if wrong else f"got none for {', '.join(needed)}"
        raise ValueError(f"options of {name} must be those of its signature {_shown(takes)}, {fault}.")
    given = {key: spell(value) for key, value in options.items()}
    return ForeignConfig(name=name, arguments=tuple(sorted((_defaults(takes) | given).items())))


def _can_be_given(item: inspect.Parameter) -> bool:
    return item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY) and item.name != "name"


def _shown(takes: inspect.Signature) -> str:
    return str(takes.replace(return_annotation=inspect.Signature.empty))


def _defaults(takes: inspect.Signature) -> dict[str, str]:
    """Of arguments whose default can be spelled."""
    found = {}
    for key, item in takes.parameters.items():
        if key not in OURS and _can_be_given(item) and item.default is not item.empty:
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


def construct(found: Callable[..., Any], config: ForeignConfig) -> nn.Module:
    """The network, by those arguments that are not its constructor's defaults, and the channels where it takes them.

    Raises:
        ValueError: the constructor refuses the arguments, or makes no network.
    """
    takes = signature(config.name, found)
    usual = _defaults(takes)
    given = {key: _tuples(read(text)) for key, text in config.arguments if usual.get(key) != text}
    given |= {key: getattr(config, key) for key in OURS if key in takes.parameters}
    try:
        network = found(**given)
    except Exception as error:
        said = ", ".join(f"{key}={value!r}" for key, value in given.items())
        raise ValueError(
            f"architecture {config.name} must be made by ({said}), got {_first_line(error)}; its signature is "
            f"{_shown(takes)}."
        ) from error
    if not isinstance(network, nn.Module):
        raise ValueError(f"architecture {config.name} must return a torch.nn.Module, got {type(network).__name__}.")
    for module in network.modules():
        if isinstance(module, nn.DataParallel):
            module.device_ids = []  # a network trains on one device: what is wrapped is called as it is
    return network.module if isinstance(network, nn.DataParallel) else network


def _tuples(value: Any) -> Any:
    """Lists as tuples, which is what signatures have."""
    if isinstance(value, list):
        return tuple(_tuples(each) for each in value)
    return {key: _tuples(each) for key, each in value.items()} if isinstance(value, dict) else value


def _first_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__} in {error.filename}, line {error.lineno}: {error.msg}"
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}".rstrip(".")

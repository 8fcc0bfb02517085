"""What a reference or the name of an entry point stands for: found and imported, or refused."""

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from torch import nn

from architectures.spec import ArchitectureSpec

GROUP = "hourglass_bench.architectures"
"""Of entry points: each names a class, a function that returns a network, or an `ArchitectureSpec`."""
OF_FILE = "hourglass_bench_file_"
"""How the names of modules of files begin."""
EXTRAS = {"monai": "zoo"}
"""Package -> the extra of this project that installs it."""


def is_reference(name: str) -> bool:
    """Whether it is spelled `package.module:Class` or `path/to/file.py:Class`."""
    return ":" in name


@cache
def installed() -> Mapping[str, EntryPoint]:
    """Entry points of installed packages, by their names."""
    return {point.name: point for point in entry_points(group=GROUP)}


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
            raise ValueError(f"architecture {name} must be importable, got {first_line(error)}.") from error
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
        raise ValueError(f"architecture {name} must be importable, got {first_line(error)}.") from error


def load_file(path: Path) -> ModuleType:
    """A file's module, under a name of its own; files beside it can be imported by it, as if it were run.

    Raises:
        Exception: whatever the file's code raises.
    """
    path = path.resolve()
    known_as = file_module(path)
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


def file_module(path: Path) -> str:
    """Name of a file's module."""
    return f"{OF_FILE}{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"


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
        raise ValueError(f"architecture {name} must be importable, got {first_line(error)}{hint}.") from error


def _make_importable(folder: Path) -> None:
    """Last, so that no file there hides an installed package."""
    if str(folder) not in (os.path.abspath(entry) for entry in sys.path):
        sys.path.append(str(folder))


def first_line(error: BaseException) -> str:
    """Of what an error says, after its kind."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__} in {error.filename}, line {error.lineno}: {error.msg}"
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}".rstrip(".")

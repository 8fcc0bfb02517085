"""What a reference or the name of an entry point stands for: found and imported, or refused."""

import importlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, update_wrapper
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar, get_type_hints

from torch import nn

from hourglass_bench.architectures.neighbours import neighbours
from hourglass_bench.architectures.old_names import old_names
from hourglass_bench.architectures.spec import ArchitectureSpec

GROUP = "hourglass_bench.architectures"
"""Of entry points: each names a class, a function that returns a network, or an `ArchitectureSpec`."""
OF_FILE = "hourglass_bench_file_"
"""How the names of modules of files begin."""
EXTRAS = {"monai": "zoo"}
"""Package -> the extra of this project that installs it."""

_Found = TypeVar("_Found")


class Known(Generic[_Found]):
    """Cache of a function of a network's name, which stands for another file in another working directory."""

    def __init__(self, function: Callable[[str], _Found]) -> None:
        self._find = cache(lambda name, _folder: function(name))
        update_wrapper(self, function)

    def __call__(self, name: str) -> _Found:
        """What the name stands for here."""
        return self._find(name, os.getcwd())

    def cache_clear(self) -> None:
        """Forget everything."""
        self._find.cache_clear()


def is_reference(name: str) -> bool:
    """Whether it is spelled `package.module:Class` or `path/to/file.py:Class`."""
    return ":" in name


def canonical(name: str) -> str:
    """The one spelling of a reference to a file: `./net.py:Net` is `net.py:Net`."""
    where, _, attribute = name.rpartition(":")
    return f"{Path(where)}:{attribute}" if where.endswith(".py") else name


@cache
def installed() -> Mapping[str, EntryPoint]:
    """Entry points of installed packages, by their names; a name that is also one of ours means ours."""
    return {point.name: point for point in entry_points(group=GROUP)}


@Known
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
        offers = sorted({point.value for point in entry_points(group=GROUP, name=name)})
        if len(offers) > 1:
            raise ValueError(f"architecture {name} must be offered by one package, got {' and '.join(offers)}.")
        with _importing(name), old_names():
            found = installed()[name].load()
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
    except Exception:  # an annotation that cannot be resolved
        return False


def _kind(value: object) -> str:
    if inspect.isclass(value):
        return f"the class {value.__qualname__}"
    return f"the function {value.__name__}" if inspect.isroutine(value) else f"{type(value).__name__} {value!r:.60}"


def _load_file(name: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"architecture {name} must name a file that exists, got {path}.")
    with _importing(name):
        return load_file(path)


def load_file(path: Path) -> ModuleType:
    """A file's module, under a name of its own; files beside it can be imported by it, as if it were run.

    Raises:
        ImportError: a module beside it is hidden by another one of its name.
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
        with old_names():
            spec.loader.exec_module(module)
        _require_neighbours(path)
    except BaseException:
        del sys.modules[known_as]
        raise
    return module


def _require_neighbours(path: Path) -> None:
    """Refuse a file that was given another module than the one beside it: a process knows one of each name."""
    for known_as, beside in neighbours(path).items():
        module = sys.modules.get(known_as)
        if module is not None and Path(module.__file__ or beside).resolve() != beside.resolve():
            raise ImportError(
                f"{path.name} imports {known_as}, which lies beside it, and got {module.__file__}; rename it"
            )


def file_module(path: Path) -> str:
    """Name of a file's module."""
    stem = re.sub(r"\W", "_", path.stem)
    return f"{OF_FILE}{stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"


def _load_module(name: str, where: str) -> ModuleType:
    _make_importable(Path.cwd())
    with _importing(name), old_names():
        return importlib.import_module(where)


@contextmanager
def _importing(name: str) -> Iterator[None]:
    """Within the context, other people's code runs: whatever it raises, a script's exit too, refuses the reference."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ValueError(f"architecture {name} must be importable, got {first_line(error)}{_hint(error)}.") from error


def _hint(error: BaseException) -> str:
    """What to do about a package that is not there, or a file that is part of one; else empty."""
    if "attempted relative import" in str(error):
        return "; name it package.module:Class, from where its package lies"
    package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if not package or sys.modules.get(package):
        return ""
    if extra := EXTRAS.get(package):
        return f'; pip install "hourglass-bench[{extra}]" installs it'
    return f"; pip install {package} installs it where it is a package, else run this where {package}.py lies"


def _make_importable(folder: Path) -> None:
    """Last, so that no file there hides an installed package."""
    if str(folder) not in (os.path.abspath(entry) for entry in sys.path):
        sys.path.append(str(folder))


def first_line(error: BaseException) -> str:
    """Of what an error says, after its kind."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__} in {error.filename}, line {error.lineno}: {error.msg}"
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}".rstrip(".")

"""The files and packages that a network from elsewhere comes from."""

import sys
from functools import partial
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import ModuleType

from hourglass_bench.architectures.neighbours import neighbours
from hourglass_bench.architectures.reference import OF_FILE, Known, file_module, find, installed, is_reference
from hourglass_bench.architectures.spec import ArchitectureSpec


@Known
def sources(name: str) -> dict[str, str]:
    """Name -> text of the files that say what a network is: the one that is named, that of its class or function, and
    what these import from below their folders unless they are of an installed package.

    Empty for this project's own, whose code has a digest of its own.
    """
    modules = {module: text for module in _modules(name) if (text := _text(module))}
    found = {_file_name(module): text for module, text in modules.items()}
    for module in modules:
        if module.__name__.partition(".")[0] not in packages_distributions():
            path = Path(module.__file__ or "").resolve()
            folder = path.parents[_folders(module)]
            beside = neighbours(path, folder).values()
            found |= {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in beside}
    return found


@Known
def packages(name: str) -> tuple[str, ...]:
    """Installed packages that a network comes from, such as `monai 1.5.1`; none for one from a file."""
    modules = _modules(name)
    known = packages_distributions() if modules else {}  # reads the lists of files of all that is installed
    found = {package for module in modules for package in known.get(module.__name__.partition(".")[0], ())}
    if point := installed().get(name):
        found |= {point.dist.name} if point.dist else set()
    return tuple(f"{package} {version(package)}" for package in sorted(found))


def _modules(name: str) -> list[ModuleType]:
    """Those that `sources` are the files of."""
    if not is_reference(name) and name not in installed():
        return []
    found = find(name)
    where = name.rpartition(":")[0]
    named = [file_module(Path(where))] if where.endswith(".py") else []
    parts = [found.network, found.config] if isinstance(found, ArchitectureSpec) else [found]
    parts = [part.func if isinstance(part, partial) else part for part in parts]
    own = __name__.partition(".")[0]
    others = {part.__module__ for part in parts if part.__module__.partition(".")[0] != own} - set(named)
    return [sys.modules[module] for module in (*named, *sorted(others))]


def _file_name(module: ModuleType) -> str:
    """Of the module's file, with the folders of its package."""
    file = Path(module.__file__ or module.__name__)
    return "/".join(file.parts[-1 - _folders(module) :])


def _folders(module: ModuleType) -> int:
    """How many folders of its package its file lies in."""
    if module.__name__.startswith(OF_FILE):
        return 0
    return module.__name__.count(".") + (Path(module.__file__ or "").stem == "__init__")


def _text(module: ModuleType) -> str:
    """Empty where there is no file of Python."""
    file = Path(module.__file__ or "")
    return file.read_text(encoding="utf-8") if file.suffix == ".py" and file.is_file() else ""

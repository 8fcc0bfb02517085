"""The files that a file imports from the folder that it lies in: what a network is made of, beside its own text."""

import ast
from collections.abc import Iterator
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1]
_OURS = tuple(_PROJECT / package for package in ("hourglass_bench", "architectures", "bench", "studies", "reports"))
"""Packages whose code has a digest of its own, also where a file lies beside them."""


def neighbours(path: Path, folder: Path | None = None) -> dict[str, Path]:
    """Name of a module -> its file, of all below a folder, by default its own, that a file imports, also by others.

    Nothing is run: imports are read where they stand.
    """
    found: dict[str, Path] = {}
    folder = folder or path.parent
    waiting = [path]
    while waiting:
        file = waiting.pop()
        new = {name: beside for name, beside in _imported(file, folder) if name not in found and beside != path}
        found |= new
        waiting += new.values()
    return found


def _imported(file: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    package = file.relative_to(folder).parent.parts
    for node in ast.walk(ast.parse(file.read_bytes())):
        for name in _names(node, package):
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                module = folder.joinpath(*parts[:length])
                for beside in (module / "__init__.py", module.parent / f"{module.name}.py"):
                    if beside.is_file() and not any(beside.is_relative_to(ours) for ours in _OURS):
                        yield ".".join(parts[:length]), beside


def _names(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    """Full names of what a statement may import: from a module that may be a name in it, or another module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = package[: len(package) + 1 - node.level] if node.level else ()
    start = (*base, *node.module.split(".")) if node.module else base
    return [".".join((*start, *more)) for more in ((), *((alias.name,) for alias in node.names)) if (*start, *more)]

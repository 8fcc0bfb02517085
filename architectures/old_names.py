"""Names that this project's packages had at the top level, before `hourglass_bench` held them, in other people's files.

Files of before import `architectures.spec` and `studies`; copies of them lie in stores. They must get the very modules
that are in use: beside a checkout Python would find their files, and import every class a second time.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from typing_extensions import override

PACKAGE = __name__.partition(".")[0]
_HERE = Path(__file__).resolve().parents[1]
_TOPS = ("architectures", "bench", "studies")


@contextmanager
def old_names() -> Iterator[None]:
    """Within the context `architectures`, `bench` and `studies` are ours, where no others of these names are found."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if top not in _TOPS or not _is_ours(top):
            return None
        return ModuleSpec(fullname, _Alias(f"{PACKAGE}.{fullname}"))


def _is_ours(top: str) -> bool:
    found = PathFinder.find_spec(top)
    return found is None or found.origin is None or Path(found.origin).resolve().is_relative_to(_HERE / top)


class _Alias(Loader):
    """Gives the module of another name instead of making one."""

    def __init__(self, name: str) -> None:
        self._module = importlib.import_module(name)
        self._spec = self._module.__spec__

    @override
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    @override
    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec  # which the import has replaced

"""No shared code knows an architecture by its name: what one can do is asked of its spec or of what its runs logged."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from hourglass_bench.architectures.registry import ARCHITECTURES, PRESETS

ROOT = Path(__file__).parents[1]
NAMES = {*ARCHITECTURES, *PRESETS}
MAY_NAME = {
    "reports/style.py": "how architectures look and what they are called",
}
"""File -> why it may."""
CATALOG = ROOT / "studies" / "catalog"


def strings(source: str) -> Iterator[str]:
    """Every string of a Python file, those inside others too."""
    return (
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def named_in(path: Path) -> set[str]:
    """Names that a file spells as strings."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".jinja":
        return NAMES & {found[1] for found in re.finditer(r"""["'](\w+)["']""", source)}
    return NAMES & set(strings(source))


def test_no_shared_code_names_an_architecture() -> None:
    paths = [path for room in ("bench", "reports", "studies") for path in sorted((ROOT / room).rglob("*"))]
    shared = [path for path in paths if path.suffix in (".py", ".jinja") and CATALOG not in path.parents]
    found = {str(path.relative_to(ROOT)): named_in(path) for path in shared}
    assert len(found) > 200
    assert {path for path, names in found.items() if names} == set(MAY_NAME)


def test_a_name_is_found_wherever_a_string_holds_it(tmp_path: Path) -> None:
    """As a key, in a comparison and in the literal of a type, in Python and in a template; not in prose."""
    code, template = tmp_path / "code.py", tmp_path / "text.jinja"
    code.write_text('"""Of a unet."""\nx = {"unet": 1}\ny: Literal["vae"]\nz = name == f"{\'hourglass\'}"\n')
    assert named_in(code) == {"unet", "vae", "hourglass"}
    template.write_text('{% if name == "vae" %}U-Net, unet{% endif %}')
    assert named_in(template) == {"vae"}

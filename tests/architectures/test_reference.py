"""References and entry points: what is found, and what is refused."""

import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from architectures.reference import GROUP, installed
from architectures.registry import build, configure
from architectures.sources import packages, sources
from bench.stored_config import flatten, unflatten
from tests.architectures.conftest import NETWORK, SPEC, Write
from tests.architectures.test_foreign import run_config


def test_entry_points_are_names(write: Write, tmp_path: Path) -> None:
    write(NETWORK, "site/their_nets/__init__.py")
    write(SPEC, "site/their_nets/specs.py")
    points = "their_net = their_nets:Net\ntheir_function = their_nets:make\ntheir_spec = their_nets.specs:SPEC\n"
    write(f"[{GROUP}]\n{points}broken = their_nets:nothing\n", "site/their_nets-1.5.dist-info/entry_points.txt")
    write("Metadata-Version: 2.1\nName: their-nets\nVersion: 1.5\n", "site/their_nets-1.5.dist-info/METADATA")
    write("their_nets\n", "site/their_nets-1.5.dist-info/top_level.txt")
    sys.path.append(str(tmp_path / "site"))
    installed.cache_clear()
    try:
        assert configure("their_net", slope=1, width=5).sizes == "slope=1 width=5"
        assert isinstance(build(configure("their_function"), seed=0, size=(16, 16)), nn.Conv2d)
        config = run_config("their_spec", width=6)
        assert unflatten(flatten(config)) == config
        assert packages("their_spec") == ("their-nets 1.5",)
        assert list(sources("their_net")) == ["their_nets/__init__.py"]
        with pytest.raises(ValueError, match="must be one of .*, vae, their_net, their_function, their_spec, broken"):
            configure("their_nets")
        with pytest.raises(ValueError, match="architecture broken must be importable, got AttributeError"):
            configure("broken")
    finally:
        for module in [name for name in sys.modules if name.startswith("their_nets")]:
            del sys.modules[module]


@pytest.mark.parametrize(
    ("reference", "options", "message"),
    [
        ("mine.py:Nett", {}, r"must name a class of mine\.py, got 'Nett'; its networks are Net\."),
        ("mine.py:nn", {}, r"must be a subclass of torch\.nn\.Module, .*, got module"),
        ("mine.py:unsaid", {}, r"\(-> nn\.Module\), .* got the function unsaid"),
        ("os:system", {}, "got the function system"),
        ("subprocess:getoutput", {}, "got the function getoutput"),
        ("none.py:Net", {}, r"must name a file that exists, got none\.py"),
        ("monai_is_not_here.nets:UNet", {}, r"got ModuleNotFoundError: .*; pip install monai_is_not_here installs it"),
        ("mine.py:Net", {}, r"signature \(in_channels: int, .*, \*, slope\), got none for slope\."),
        ("mine.py:Net", {"slope": 1, "widht": 4}, r"signature \(in_channels: int, .*, got widht\."),
        ("mine.py:Net", {"slope": 1, "in_channels": 4}, "got in_channels"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    reference: str, options: dict[str, Any], message: str, write: Write
) -> None:
    write(NETWORK)
    with pytest.raises(ValueError, match=message):
        configure(reference, **options)


def test_a_syntax_error_is_told_by_file_and_line(write: Write) -> None:
    with pytest.raises(ValueError, match=r"got SyntaxError in .*mine\.py, line 2: "):
        configure(f"{write('import torch' + chr(10) + 'class Net(:')}:Net")

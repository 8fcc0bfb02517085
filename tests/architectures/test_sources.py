"""What a network from elsewhere is made of: files and packages."""

import sys
from pathlib import Path

import pytest
import torch

from hourglass_bench.architectures.reference import find
from hourglass_bench.architectures.sources import packages, sources
from tests.architectures.conftest import NETWORK, SPEC, Write


def test_sources_are_the_named_file_and_that_of_the_class(write: Write) -> None:
    write(NETWORK, "parts/nets.py")
    again = "from parts.nets import Net\nOther = Net\n"
    name = f"{write(again)}:Other"
    assert sources(name) == {"mine.py": again, "parts/nets.py": NETWORK}
    assert packages(name) == ()
    del sys.modules["parts.nets"], sys.modules["parts"]


def test_a_file_is_the_one_of_the_working_directory(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find(f"{write(NETWORK)}:Net")
    write(NETWORK + "\n", "elsewhere/mine.py")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find("mine.py:Net") is not first
    assert sources("mine.py:Net") == {"mine.py": NETWORK + "\n"}
    monkeypatch.chdir(tmp_path)
    assert find("mine.py:Net") is first


def test_sources_of_a_spec_are_of_its_functions(write: Write) -> None:
    assert sources(f"{write(SPEC)}:SPEC") == {"mine.py": SPEC}


def test_sources_of_a_package_in_the_folder_are_all_that_it_imports(write: Write) -> None:
    """A constant too: a study that went on with another one would mix two networks."""
    nets = "from . import sizes\nfrom .deep.widths import WIDTH\n" + NETWORK
    write("from .nets import Net\n", "pack/__init__.py")
    for name, text in {
        "nets": nets,
        "sizes": "import json\n",
        "deep/__init__": "",
        "deep/widths": "WIDTH = 4\n",
    }.items():
        write(text, f"pack/{name}.py")
    found = sources("pack:Net")
    assert {"pack/nets.py", "pack/sizes.py", "pack/deep/widths.py"} <= set(found)
    assert found["pack/deep/widths.py"] == "WIDTH = 4\n"
    for module in [module for module in sys.modules if module.partition(".")[0] == "pack"]:
        del sys.modules[module]


def test_of_a_package_the_class_and_the_version_are_known() -> None:
    assert list(sources("torch.nn:Conv2d")) == ["torch/nn/modules/conv.py"]
    assert packages("torch.nn:Conv2d") == (f"torch {torch.__version__}",)
    assert sources("unet") == {}
    assert packages("unet") == ()


def test_sources_have_what_a_file_imports_from_its_folder(write: Write) -> None:
    files = {
        "parts/__init__.py": "",
        "parts/nets.py": "from . import blocks\nfrom .blocks import Block\n" + NETWORK,
        "parts/blocks.py": "def late():\n    import deep.inner\nBlock = 1\n",
        "deep/inner.py": "import mine\n",
    }
    for name, text in files.items():
        write(text, name)
    write("raise AssertionError", "parts/unused.py")
    top = "import torch\nfrom parts.nets import Net\ndef make() -> Net:\n    return Net(3, 1, slope=1)\n"
    try:
        assert sources(f"{write(top)}:make") == {"mine.py": top} | files
    finally:
        for module in [name for name in sys.modules if name.partition(".")[0] == "parts"]:
            del sys.modules[module]


def test_sources_change_with_a_file_beside(write: Write) -> None:
    """Of a spec whose functions stand in the file itself, what they call is what makes the network."""
    write(NETWORK, "their_nets.py")
    name = f"{write('from their_nets import Net' + chr(10) + SPEC)}:SPEC"
    assert sources(name)["their_nets.py"] == NETWORK
    del sys.modules["their_nets"]

"""References and entry points: what is found, and what is refused."""

import sys
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from hourglass_bench.architectures.reference import GROUP, installed
from hourglass_bench.architectures.registry import build, configure, get_spec, predict
from hourglass_bench.architectures.sources import packages, sources
from hourglass_bench.bench.stored_config import flatten, unflatten
from tests.architectures.conftest import NETWORK, SPEC, Write
from tests.architectures.test_foreign import run_config
from tests.networks import forget_networks


def test_entry_points_are_names(write: Write, tmp_path: Path) -> None:
    write(NETWORK, "site/their_nets/__init__.py")
    write(SPEC, "site/their_nets/specs.py")
    points = "their_net = their_nets:Net\ntheir_function = their_nets:make\ntheir_spec = their_nets.specs:SPEC\n"
    points += "unet = their_nets:Net\n"
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
        with pytest.raises(
            ValueError, match="must be one of .*, vae, their_net, their_function, their_spec, broken, or pack"
        ):
            configure("their_nets")
        with pytest.raises(ValueError, match="architecture broken must be importable, got AttributeError"):
            configure("broken")
        assert get_spec("unet").origin == "here"
        again = f"[{GROUP}]\ntheir_net = their_nets:make\n"
        write(again, "site/other_nets-1.0.dist-info/entry_points.txt")
        write("Metadata-Version: 2.1\nName: other-nets\nVersion: 1.0\n", "site/other_nets-1.0.dist-info/METADATA")
        forget_networks()
        with pytest.raises(
            ValueError, match="their_net must be offered by one package, got their_nets:Net and their_nets:"
        ):
            configure("their_net")
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
        (
            "pack/nets.py:Net",
            {},
            r"got ImportError: .*; name it package\.module:Class, from where",
        ),
        ("none.py:Net", {}, r"must name a file that exists, got none\.py"),
        ("monai_is_not_here.nets:UNet", {}, r"got ModuleNotFoundError: .*; pip install monai_is_not_here installs it"),
        (
            "mine.py:Net",
            {},
            r"signature \(in_channels: int, .*, \*, slope\), got none for slope; --set slope=\.\.\., or a class",
        ),
        ("mine.py:Net", {"slope": 1, "widht": 4}, r"signature \(in_channels: int, .*, got widht\."),
        ("mine.py:Net", {"slope": 1, "in_channels": 4}, "got in_channels"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    reference: str, options: dict[str, Any], message: str, write: Write
) -> None:
    write(NETWORK)
    write("from . import blocks", "pack/nets.py")
    with pytest.raises(ValueError, match=message):
        configure(reference, **options)


def test_a_syntax_error_is_told_by_file_and_line(write: Write) -> None:
    with pytest.raises(ValueError, match=r"got SyntaxError in .*mine\.py, line 2: "):
        configure(f"{write('import torch' + chr(10) + 'class Net(:')}:Net")


@pytest.mark.parametrize("file", ["my.own net.py", "lower/mine.py", "a-b.py"])
def test_files_of_any_name_are_found_by_one_spelling(file: str, write: Write) -> None:
    config = configure(f"./{write(NETWORK, file)}:Net", slope=1)
    assert config.name == f"{file}:Net"
    assert config == configure(f"{file}:Net", slope=1)
    assert unflatten(flatten(run_config(f"./{file}:Net", slope=1))).architecture == config
    assert list(sources(config.name)) == [Path(file).name]


def test_files_of_one_stem_are_two_networks(write: Write) -> None:
    write(NETWORK, "one/net.py")
    write(NETWORK.replace("width: int = 4", "width: int = 5"), "other/net.py")
    one, other = (configure(f"{folder}/net.py:Net", slope=1) for folder in ("one", "other"))
    assert (dict(one.arguments)["width"], dict(other.arguments)["width"]) == ("4", "5")  # type: ignore[attr-defined]


def test_a_module_beside_a_file_that_another_one_hides_is_refused(write: Write) -> None:
    """Otherwise both files would be built of the first one's blocks."""
    for folder in ("one", "other"):
        write("import torch", f"{folder}/their_blocks.py")
        write("import their_blocks" + NETWORK, f"{folder}/net.py")
    try:
        configure("one/net.py:Net", slope=1)
        with pytest.raises(
            ValueError, match=r"net\.py imports their_blocks, which lies beside it, and got .*one/their"
        ):
            configure("other/net.py:Net", slope=1)
    finally:
        del sys.modules["their_blocks"]


def test_a_module_of_the_working_directory_is_found(write: Write, tmp_path: Path) -> None:
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(tmp_path))]
    write(NETWORK, "their_package/nets.py")
    try:
        assert configure("their_package.nets:Net", slope=1).name == "their_package.nets:Net"
    finally:
        del sys.modules["their_package.nets"], sys.modules["their_package"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.exit(2)\n", r"mine\.py:Net must be importable, got SystemExit: 2\."),
        ("import monai_is_not_here\n", r"got ModuleNotFoundError: .*; pip install monai_is_not_here installs it where"),
        ("import torch.is_not_there\n", r"got ModuleNotFoundError: No module named 'torch\.is_not_there'\."),
        ("from functools import partial\nNet = partial(print)\n", r"got partial functools\.partial\("),
        ("def Net() -> 'nowhere.Net': ...\n", r"got the function Net"),
    ],
)
def test_what_a_file_does_is_refused_in_a_sentence(text: str, message: str, write: Write) -> None:
    with pytest.raises(ValueError, match=message):
        configure(f"{write(text)}:Net")
    with pytest.raises(ValueError, match=message):  # the same the second time
        configure(f"{write(text)}:Net")


def test_a_list_is_a_tuple_in_the_options_of_a_spec(write: Write) -> None:
    text = SPEC.replace("act: str", "sides: tuple[int, ...] = (1, 1)\n    act: str")
    config = configure(f"{write(text)}:SPEC", sides=[2, 2])
    assert unflatten(flatten(run_config(config.name, sides=[2, 2]))).architecture == config
    assert predict(config, 16, 16).shape == (4, 8, 8)

"""Networks from elsewhere: files, packages and entry points; their options, sources, and what is refused."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from architectures import foreign
from architectures.registry import build, configure, get_spec, predict
from bench.config import DataConfig, RunConfig, TrainingConfig
from bench.stored_config import flatten, unflatten

Write = Callable[..., str]
NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, in_channels: int, out_channels: int, width: int = 4, act: str = "relu", sides=(3, 3), *, slope):
        assert isinstance(sides, tuple)
        super().__init__(nn.Conv2d(in_channels, width, sides, padding=1), nn.Conv2d(width, out_channels, 1))
        self.said = (act, sides, slope)

def make(width: int = 4) -> nn.Module:
    return nn.Conv2d(3, 1, 1)

def unsaid(width: int = 4):
    raise AssertionError("must not be called")
"""
SPEC = """
from dataclasses import dataclass
from torch import nn
from architectures.config import ArchitectureConfig, require
from architectures.bottleneck import Prediction
from architectures.spec import ArchitectureSpec

@dataclass(frozen=True, kw_only=True, slots=True)
class Options(ArchitectureConfig):
    width: int = 4
    act: str = "relu"

    def __post_init__(self) -> None:
        super(Options, self).__post_init__()
        require(self.width > 1, "architecture.width", "be above 1", self.width)

def network(options):
    first = nn.Conv2d(options.in_channels, options.width, 2, 2)
    return nn.Sequential(first, nn.ReLU(), nn.ConvTranspose2d(options.width, options.out_channels, 2, 2))

def sizes(options, height, width):
    shape = (options.width, height // 2, width // 2)
    return Prediction(shape, 1, 1.0, options.width * 17 + 1, 5, "0")

SPEC = ArchitectureSpec(config=Options, network=network, bottleneck="0", encoder=("0",),
                        mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
CLOSED = ArchitectureSpec(config=Options, network=network, predict=sizes)
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Function that writes a file into the working directory; what is known of networks is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text: str, name: str = "mine.py") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    yield write
    for known in (foreign.installed, foreign.find, foreign.find_spec, foreign.sources, foreign.packages):
        known.cache_clear()


def run_config(name: str, **options: Any) -> RunConfig:
    return RunConfig(architecture=configure(name, **options), data=DataConfig(size=(16, 16)), training=TrainingConfig())


def test_options_are_stored_whole_and_come_back(write: Write) -> None:
    name = f"{write(NETWORK)}:Net"
    config = run_config(name, slope=0.5, sides=[5, 5], act="1")
    stored = flatten(config)
    assert {key: stored[f"architecture.{key}"] for key in ("name", "width", "act", "sides", "slope")} == {
        "name": name,
        "width": "4",
        "act": '"1"',
        "sides": "[5, 5]",
        "slope": "0.5",
    }
    assert unflatten(stored) == config
    assert build(configure(name, slope=0.5, act="1"), seed=0, size=(16, 16)).said == ("1", (3, 3), 0.5)
    assert config.architecture.sizes == 'act="1" sides=[5, 5] slope=0.5'


def test_equal_options_are_equal_configurations(write: Write) -> None:
    name = f"{write(NETWORK)}:Net"
    assert configure(name, slope=1) == configure(name, slope=1, width=4)
    assert configure(name, slope=1) != configure(name, slope=1, width=5)


def test_sources_are_the_named_file_and_that_of_the_class(write: Write) -> None:
    write(NETWORK, "parts/nets.py")
    again = "from parts.nets import Net\nOther = Net\n"
    name = f"{write(again)}:Other"
    assert foreign.sources(name) == {"mine.py": again, "parts/nets.py": NETWORK}
    assert foreign.packages(name) == ()
    del sys.modules["parts.nets"], sys.modules["parts"]


def test_sources_of_a_spec_are_of_its_functions(write: Write) -> None:
    assert foreign.sources(f"{write(SPEC)}:SPEC") == {"mine.py": SPEC}


def test_of_a_package_the_class_and_the_version_are_known() -> None:
    assert list(foreign.sources("torch.nn:Conv2d")) == ["torch/nn/modules/conv.py"]
    assert foreign.packages("torch.nn:Conv2d") == (f"torch {torch.__version__}",)
    assert foreign.sources("unet") == {}
    assert foreign.packages("unet") == ()


def test_a_spec_in_a_file_has_options_of_its_own(write: Write) -> None:
    name = f"{write(SPEC)}:SPEC"
    config = run_config(name, width=6)
    assert flatten(config)["architecture.width"] == "6"
    assert unflatten(flatten(config)) == config
    assert predict(config.architecture, 16, 24).shape == (6, 8, 12)
    with pytest.raises(ValueError, match=r"architecture\.width must be above 1, got 1"):
        configure(name, width=1)
    with pytest.raises(ValueError, match=r"options of mine\.py:SPEC must be of .*, width, act, got 'widht'"):
        configure(name, widht=6)
    assert get_spec(name).encoder == ("0",)


def test_a_closed_form_is_taken_instead_of_a_trace(write: Write) -> None:
    assert predict(configure(f"{write(SPEC)}:CLOSED"), 16, 24).macs == 5


def test_images_are_normalised_as_the_network_expects(write: Write) -> None:
    network = build(configure(f"{write(SPEC)}:SPEC"), seed=0, size=(16, 16))
    assert isinstance(network, nn.Sequential)
    pixels = torch.rand(2, 3, 16, 16)
    mean, std = (torch.tensor(of)[:, None, None] for of in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = (pixels - mean) / std
    for module in network:
        expected = module(expected)
    torch.testing.assert_close(network((pixels - 0.5) / 0.25), expected)


def test_initial_weights_are_the_constructors_by_the_repeat(write: Write) -> None:
    config = configure(f"{write(NETWORK)}:Net", slope=1)
    state = torch.random.get_rng_state()
    first, same, other = (build(config, seed=seed, size=(16, 16)).get_parameter("0.weight") for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(0)
    assert torch.equal(first, nn.Conv2d(3, 4, 3, padding=1).weight)


@pytest.mark.parametrize(("text", "attribute", "options"), [(NETWORK, "Net", {"slope": 1}), (SPEC, "SPEC", {})])
def test_configurations_travel_to_another_process(
    text: str, attribute: str, options: dict[str, Any], write: Write, tmp_path: Path
) -> None:
    import pickle

    config = run_config(f"{write(text)}:{attribute}", width=6, **options)
    (tmp_path / "config.pickle").write_bytes(pickle.dumps(config))
    read = "import pickle, bench.stored_config as s; print(s.config_hash(pickle.load(open('config.pickle', 'rb'))))"
    env = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}
    found = subprocess.run([sys.executable, "-c", read], capture_output=True, text=True, check=True, env=env)
    from bench.stored_config import config_hash

    assert found.stdout.strip() == config_hash(config)


def test_entry_points_are_names(write: Write, tmp_path: Path) -> None:
    write(NETWORK, "site/their_nets/__init__.py")
    write(SPEC, "site/their_nets/specs.py")
    points = "their_net = their_nets:Net\ntheir_function = their_nets:make\ntheir_spec = their_nets.specs:SPEC\n"
    write(f"[{foreign.GROUP}]\n{points}broken = their_nets:nothing\n", "site/their_nets-1.5.dist-info/entry_points.txt")
    write("Metadata-Version: 2.1\nName: their-nets\nVersion: 1.5\n", "site/their_nets-1.5.dist-info/METADATA")
    write("their_nets\n", "site/their_nets-1.5.dist-info/top_level.txt")
    sys.path.append(str(tmp_path / "site"))
    foreign.installed.cache_clear()
    try:
        assert configure("their_net", slope=1, width=5).sizes == "slope=1 width=5"
        assert isinstance(build(configure("their_function"), seed=0, size=(16, 16)), nn.Conv2d)
        config = run_config("their_spec", width=6)
        assert unflatten(flatten(config)) == config
        assert foreign.packages("their_spec") == ("their-nets 1.5",)
        assert list(foreign.sources("their_net")) == ["their_nets/__init__.py"]
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


def test_a_constructor_that_raises_is_quoted_with_its_signature(write: Write) -> None:
    config = configure(f"{write(NETWORK)}:Net", slope=1, width="wide")
    with pytest.raises(
        ValueError, match=r"must be made by \(.*width='wide'.*\), got TypeError: .*signature is \(in_ch"
    ):
        build(config, seed=0, size=(16, 16))


def test_a_syntax_error_is_told_by_file_and_line(write: Write) -> None:
    with pytest.raises(ValueError, match=r"got SyntaxError in .*mine\.py, line 2: "):
        configure(f"{write('import torch' + chr(10) + 'class Net(:')}:Net")

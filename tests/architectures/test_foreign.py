"""Networks from elsewhere: their options, specs and weights."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hourglass_bench.architectures.registry import build, configure, get_spec, predict
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.stored_config import flatten, unflatten
from tests.architectures.conftest import NETWORK, SPEC, Write


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
    with pytest.raises(ValueError, match=r"options of mine\.py:SPEC must be values for .*, width, act, got '>' not"):
        configure(name, width="wide")
    with pytest.raises(ValueError, match=r"mine\.py:SPEC must be made by \(.*width=5\.5, .*\), got "):
        build(configure(name, width=5.5), seed=0, size=(16, 16))


def test_a_closed_form_is_taken_instead_of_a_trace(write: Write) -> None:
    assert predict(configure(f"{write(SPEC)}:CLOSED"), 16, 24).macs == 5


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
    from hourglass_bench.bench.stored_config import config_hash

    assert found.stdout.strip() == config_hash(config)


def test_a_constructor_that_raises_is_quoted_with_its_signature(write: Write) -> None:
    config = configure(f"{write(NETWORK)}:Net", slope=1, width="wide")
    with pytest.raises(
        ValueError, match=r"must be made by \(.*width='wide'.*\), got TypeError: .*signature is \(in_ch"
    ):
        build(config, seed=0, size=(16, 16))

"""What may be relied on: names, signatures, texts, and an import that loads nothing."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import hourglass_bench as hb
from hourglass_bench.bench.commands.parameters import parameters
from hourglass_bench.bench.commands.verbs import Network, Train
from hourglass_bench.bench.config import DataConfig, TrainingConfig
from hourglass_bench.studies.__main__ import Sweep

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("train", "sweep", "load", "predict")
CLASSES = ("Results", "Comparison", "Trained")
LIBRARIES = ("torch", "mlflow", "pandas", "optuna", "numpy", "matplotlib", "tyro")


def loaded_by(code: str) -> set[str]:
    program = f"import sys; {code}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_every_name_is_there() -> None:
    assert len(hb.__all__) == len(set(hb.__all__))
    assert {*hb.__all__} <= {*dir(hb)}
    assert all(getattr(hb, name) is not None for name in hb.__all__)
    assert re.fullmatch(r"\d+\.\d+\.\d+", hb.__version__)
    with pytest.raises(AttributeError, match="module 'hourglass_bench' has no attribute 'trian'"):
        hb.trian  # noqa: B018 - asked for


def test_the_import_loads_no_library() -> None:
    loaded = loaded_by("import hourglass_bench as hb; hb.__version__; dir(hb)")
    assert not loaded & {*LIBRARIES}
    assert not {name for name in loaded if name.startswith("hourglass_bench.")}


def test_a_study_file_loads_neither_torch_nor_optuna() -> None:
    loaded = loaded_by("from hourglass_bench import Factorial, Search, TrainingConfig, DataConfig, grid, each, presets")
    assert not loaded & {*LIBRARIES}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_typed_and_documented(name: str) -> None:
    function = getattr(hb, name)
    signature = inspect.signature(function)
    hints = get_type_hints(function)
    assert "return" in hints
    assert {key for key, one in signature.parameters.items() if one.annotation is inspect.Parameter.empty} == set()
    text = inspect.getdoc(function) or ""
    own = [key for key in signature.parameters if key != "options"]
    assert [key for key in own if not re.search(rf"^ +{key}: \S", text, re.MULTILINE)] == []
    assert "Raises:\n    ValueError: " in text


@pytest.mark.parametrize("name", CLASSES)
def test_what_classes_have_is_documented(name: str) -> None:
    members = {key: one for key, one in vars(getattr(hb, name)).items() if not key.startswith("_")}
    read = [one.func if hasattr(one, "func") else getattr(one, "fget", one) for one in members.values()]
    functions = [one for one in read if inspect.isfunction(one)]
    assert [one.__name__ for one in functions if not one.__doc__ or "return" not in one.__annotations__] == []


def test_signatures_name_every_option() -> None:
    """So that help and completion know them; `data` is the path's flag."""
    names = {*inspect.signature(hb.train).parameters}
    fields = {item for config in (DataConfig, TrainingConfig) for item in config.__dataclass_fields__} - {"path"}
    assert fields | {"data", "arch", "preset"} <= names
    assert "synthetic_scenes" not in inspect.signature(hb.sweep).parameters
    assert inspect.signature(hb.sweep).parameters["folds"].default == DataConfig().folds


def test_every_flag_has_its_keyword() -> None:
    """But for those that only a command line has; the network's are options of the architecture."""
    for verb, function, none in ((Train, hb.train, {"json", "resume", "set"}), (Sweep, hb.sweep, {"json"})):
        flags = {one.name.replace("-", "_") for one in parameters(verb)} - none
        network = {one.name.replace("-", "_") for one in parameters(Network)} if verb is Train else set()
        keywords = set(inspect.signature(function).parameters)
        assert flags - keywords - (network - {"arch", "preset"}) == set()


def test_every_public_name_has_its_place_in_the_page() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    members = [f"{name}.{key}" for name in CLASSES for key in vars(getattr(hb, name)) if not key.startswith("_")]
    members += [f"{name}.{key}" for name in ("Trained", "Comparison") for key in getattr(hb, name).__annotations__]
    wanted = {*hb.__all__, *(member.partition(".")[2] for member in members)} - {"_said", "_where"}
    named = set(re.findall(r"`(?:hb\.)?(\w+)(?:\(.*?\))?`", page))
    assert wanted - named == set()

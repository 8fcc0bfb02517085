"""Messages name flags as they are typed: every field that a refusal names has its flag, or keeps its name."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from hourglass_bench.architectures.config import EncoderDecoderConfig
from hourglass_bench.bench.__main__ import main
from hourglass_bench.bench.commands.command_line import by_name
from hourglass_bench.bench.commands.parameters import parameters
from hourglass_bench.bench.commands.typed import as_typed, with_meant
from hourglass_bench.bench.commands.verbs import COMMANDS, Train
from hourglass_bench.bench.config import DataConfig, TrainingConfig
from hourglass_bench.bench.fields import BOUNDS, FLAG
from hourglass_bench.bench.generative.config import SampleConfig
from hourglass_bench.bench.perf.config import PerfConfig
from hourglass_bench.reports.__main__ import COMMANDS as REPORTS
from hourglass_bench.studies.__main__ import COMMANDS as STUDIES

ROOT = Path(__file__).parents[3]
VERBS = by_name({**STUDIES, **REPORTS, **COMMANDS})
FLAGS = {verb: {one.flag for one in parameters(command) if one.flag} for verb, command in VERBS.items()}
CONFIGS = {"data": DataConfig, "training": TrainingConfig, "architecture": EncoderDecoderConfig}
NO_FLAG = {"architecture.in_channels", "architecture.out_channels"}
"""Of specs alone."""


def required() -> Iterator[str]:
    """Fields of configs with bounds, and those that texts in the code begin with: what a refusal is about."""
    known = {f"{group}.{item.name}" for group, config in CONFIGS.items() for item in fields(config)}
    yield from (
        f"{of}.{item.name}" for of, config in CONFIGS.items() for item in fields(config) if BOUNDS in item.metadata
    )
    for file in sorted(
        path for package in ("architectures", "bench", "studies") for path in (ROOT / package).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from known & {node.value.split(" ")[0]}


NAMES = sorted(set(required()))


def test_there_are_names_to_look_at() -> None:
    assert {"data.folds", "training.loss", "architecture.channels", "architecture.name"} <= set(NAMES)
    assert len(NAMES) > 25


@pytest.mark.parametrize("name", NAMES)
def test_every_field_that_is_refused_has_its_flag(name: str) -> None:
    said = as_typed(f"{name} must be another, got 1.", FLAGS["train"])
    if name in NO_FLAG:
        assert said.startswith(f"{name} must")
    else:
        assert said.split(" ")[0] in FLAGS["train"]


@pytest.mark.parametrize(
    ("verb", "group", "config"),
    [
        ("train", "data.", DataConfig),
        ("train", "training.", TrainingConfig),
        ("perf", "", PerfConfig),
        ("sample", "", SampleConfig),
    ],
)
def test_every_field_of_a_config_is_called_by_its_flag(verb: str, group: str, config: type[Any]) -> None:
    for item in fields(config):
        flag = f"--{item.metadata.get(FLAG, item.name)}".replace("_", "-")
        assert as_typed(f"{group}{item.name} must be another.", FLAGS[verb]) == f"{flag} must be another."


@pytest.mark.parametrize(
    ("verb", "text", "said"),
    [
        (
            "train",
            "data.scene_table must stand without data.scene_pattern",
            "--scene-table must stand without --scene-pattern",
        ),
        ("sweep", "training.lr must be above 0", "training.lr must be above 0"),
        ("sweep", "memory budget must be as 2GiB", "--memory-budget must be as 2GiB"),
        ("train", "masks must be of one kind", "masks must be of one kind"),
        ("train", "a/data.size must be a file, got 'data.size'", "a/data.size must be a file, got 'data.size'"),
    ],
)
def test_what_has_no_flag_keeps_its_name(verb: str, text: str, said: str) -> None:
    assert as_typed(text, FLAGS[verb]) == said


@pytest.mark.parametrize("word", ["data.folds", "data.folds/", "--data=data.folds"])
def test_what_the_user_calls_like_a_field_keeps_its_name(word: str) -> None:
    said = "frames of data.folds must be of one size, got 2 of data.folds"
    assert as_typed(said, FLAGS["train"], ["--data", word]) == said
    assert as_typed(said, FLAGS["train"], ["--data", "other"]) == said.replace("data.folds", "--folds")
    assert as_typed("runs must hold a study", FLAGS["sweep"], ["--runs", "runs"]) == "runs must hold a study"


def test_a_folder_that_is_called_like_a_field_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.folds").mkdir()
    assert main(["data", "--data", "data.folds"]) == 2
    said = capsys.readouterr().err
    assert "data.folds" in said
    assert "--folds" not in said


def test_flags_are_those_that_the_parser_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`parameters` reads fields; what tyro makes of them is the help."""
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit, match="^0$"):
        main(["train", "--help"])
    shown = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", capsys.readouterr().out)) - {"--help"}
    assert shown == {one.flag for one in parameters(Train) if one.flag}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "study must be one of quick, skips, got 'qick'.",
            "study must be one of quick, skips, got 'qick'; did you mean quick?",
        ),
        (
            "study must be of those which are: quick; got 'quik'.",
            "study must be of those which are: quick; got 'quik'; did you mean quick?",
        ),
        ("study must be one of quick, got 'zoo'.", "study must be one of quick, got 'zoo'."),
        ("loss must be of words A=B, such as bce, got 'bce'.", "loss must be of words A=B, such as bce, got 'bce'."),
        ("lr must be above 0, got 'x'.", "lr must be above 0, got 'x'."),
        (
            "device must be one of auto, cpu, cuda, cuda:INDEX or mps, got 'msp'.",
            "device must be one of auto, cpu, cuda, cuda:INDEX or mps, got 'msp'; did you mean mps?",
        ),
        ("arch must be one of unet, or path/to/file.py:Class, got 'a.py'.",) * 2,
        ("preset must be one of unet, or of a spec, as file.py:SPEC:NAME, got 'a.py:SPEC'.",) * 2,
    ],
)
def test_what_was_probably_meant_is_said(text: str, said: str) -> None:
    assert with_meant(text) == said

"""A study in a user's own file, with a network in a file: run, killed, resumed, asked for, searched and refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hourglass_bench.architectures.registry import configure, get_spec, preset_name
from hourglass_bench.bench.__main__ import main as bench
from hourglass_bench.bench.training.weights import weights_digest
from hourglass_bench.reports import build
from hourglass_bench.reports.__main__ import main as reports
from hourglass_bench.studies import storage
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.own_file import find_study
from hourglass_bench.studies.spaces import grid, presets
from hourglass_bench.studies.status import status
from hourglass_bench.studies.study import Factorial
from tests.networks import forget_networks
from tests.studies.conftest import find_study as stored_study
from tests.studies.conftest import trial_runs

NETWORK = '''
import torch
from torch import nn


class Small(nn.Module):
    """A residual network; at 3 levels it needs more than 16 pixels."""

    def __init__(self, in_channels: int, out_channels: int, width: int = 4, levels: int = 1):
        super().__init__()
        self.first = nn.Conv2d(in_channels, width, 3, padding=1)
        self.rest = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(levels))
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Conv2d(width, out_channels, 1)
        self.side = 16 if levels < 3 else 32

    def forward(self, x):
        if x.shape[-1] < self.side:
            raise RuntimeError(f"a side of {self.side} pixels is needed")
        x = self.first(x)
        for layer in self.rest:
            x = x + layer(x.relu())
        return self.head(self.norm(x))
'''
COMMON = """
    question="Is the small one smaller?",
    size=16,
    training=TrainingConfig(epochs=1, batch_size=4),
    data={"synthetic_scenes": 6, "synthetic_frames": 2, "folds": 3},
    repeats=2,
"""
STUDY = f"""
from hourglass_bench.studies import Factorial, TrainingConfig, each, grid

STUDY = Factorial({COMMON}
    plan=each(lambda: [*grid("unet", depth=(1,), base_width=(4,)), *grid("small.py:Small", width=(4, 6))]),
)
"""
SEARCH = f"""
from optuna.distributions import IntDistribution

from hourglass_bench.studies import Search, TrainingConfig

STUDY = Search({COMMON}
    architectures=("unet", "small.py:Small"),
    spaces={{"small.py:Small": lambda: {{"width": IntDistribution(4, 6), "levels": IntDistribution(1, 2)}}}},
    trials=3,
)
"""
RUN = ("--runs", "runs", "--device", "cpu", "--workers", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, which is the working directory."""
    forget_networks()
    monkeypatch.chdir(tmp_path)
    Path("small.py").write_text(NETWORK)
    Path("mine.py").write_text(STUDY)
    Path("seek.py").write_text(SEARCH)
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that refuses; nothing was written then."""
    assert main(list(arguments)) == 2
    assert not Path("runs").exists()
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.slow
def test_workers_find_the_networks_and_a_killed_study_goes_on() -> None:
    """By processes of their own, two of them."""
    flags = ["--runs", "runs", "--device", "cpu", "--workers", "2"]
    command = [sys.executable, "-m", "hourglass_bench", "run", "mine.py", *flags]
    paths = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=paths, stderr=subprocess.PIPE, text=True, start_new_session=True) as first:
        assert first.stderr is not None
        while not (line := first.stderr.readline()).startswith("[1/6]"):
            assert line, "it ended before its first trial"
        os.killpg(first.pid, signal.SIGKILL)
    now = status("mine.py", Path("runs"))
    assert now.study == "mine"
    assert 1 <= len(now.outcomes) < 6
    done = subprocess.run(command, env=paths, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr
    now = status("mine.py", Path("runs"))
    assert now.states["complete"] == len(now.units) == 6
    assert now.planned_units["comparison"] == {"unet": (2, 2), "small.py:Small": (4, 4)}
    widths = [run.data.params.get("architecture.width") for run in trial_runs(Path("runs"), "mine")]
    assert {"4", "6"} < set(widths)


@pytest.mark.usefixtures("inline", "trained")
def test_a_changed_network_is_refused_until_that_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "mine.py", *RUN]) == 0
    root = stored_study(Path("runs"), "mine")
    assert root.user_attrs[storage.OPTIONS]["networks"].keys() == {"small.py:Small"}
    Path("small.py").write_text(NETWORK.replace("x.relu()", "x.tanh()"))
    capsys.readouterr()
    forget_networks()
    known = [name for name in sys.modules if name.startswith("hourglass_bench_file_small")]
    for name in known:
        del sys.modules[name]
    assert main(["run", "mine.py", *RUN]) == 2
    assert "got changes: source of networks from elsewhere {'small.py:Small': " in capsys.readouterr().err
    assert main(["run", "mine.py", *RUN, "--accept-changes"]) == 0


@pytest.mark.usefixtures("inline", "trained")
def test_the_status_needs_neither_the_study_file_nor_the_network() -> None:
    assert main(["run", "mine.py", *RUN]) == 0
    for file in ("mine.py", "small.py"):
        Path(file).unlink()
    forget_networks()
    assert status("mine.py", Path("runs")).states["complete"] == 6


@pytest.mark.usefixtures("inline", "trained")
def test_other_weights_under_the_same_name_are_refused_until_that_is_accepted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("mine.py").write_text(
        STUDY.replace("epochs=1", "epochs=1, weights='some.pt'").replace(
            '*grid("unet", depth=(1,), base_width=(4,)), ', ""
        )
    )
    assert "training.weights must name a file that exists, got some.pt (none there)." in refusal(
        capsys, "run", "mine.py", *RUN
    )
    torch.save({"other": torch.zeros(1)}, "some.pt")
    assert "some.pt" in refusal(capsys, "run", "mine.py", *RUN)
    head = {"head.bias": torch.zeros(1)}
    torch.save(head, "some.pt")
    assert main(["run", "mine.py", *RUN]) == 0
    assert main(["run", "mine.py", *RUN]) == 0
    root = stored_study(Path("runs"), "mine")
    assert root.user_attrs[storage.OPTIONS]["weights"] == {"some.pt": weights_digest("some.pt")}
    torch.save({"head.bias": torch.ones(1)}, "some.pt")
    capsys.readouterr()
    assert main(["run", "mine.py", *RUN]) == 2
    assert "got changes: content of files of weights {'some.pt': " in capsys.readouterr().err
    assert main(["run", "mine.py", *RUN, "--accept-changes"]) == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "(self.norm(x))",
            "(self.norm(x))[..., :5]",
            "architecture small.py:Small must return logits of the image's 16x16",
        ),
        ("self.norm =", "self.lost =", "infeasible"),
        ("range(levels)", "range(str(levels))", "architecture small.py:Small must be made by ("),
    ],
)
@pytest.mark.parametrize("study", ["mine.py", "seek.py"])
@pytest.mark.usefixtures("inline", "trained")
def test_a_network_that_no_frames_could_suit_is_refused_before_anything_is_written(
    study: str, old: str, new: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What fails while it runs may only not take these frames, which is an outcome."""
    Path("small.py").write_text(NETWORK.replace(old, new))
    if said != "infeasible":
        assert said in refusal(capsys, "run", study, *RUN)
        return
    assert main(["run", study, *RUN]) == 0
    assert status(study, Path("runs")).states["failed"] == 0


@pytest.mark.usefixtures("inline")
def test_a_network_that_fails_on_the_frames_is_infeasible_with_its_reason() -> None:
    Path("mine.py").write_text(STUDY.replace("width=(4, 6)", "levels=(1, 3)"))
    assert main(["run", "mine.py", *RUN, "--repeats", "1"]) == 0
    outcomes = {outcome["name"]: outcome for outcome in status("mine.py", Path("runs")).outcomes.values()}
    assert [name for name, of in outcomes.items() if of["state"] == "infeasible"] == ["Small levels=3 r0"]
    assert "a side of 32 pixels is needed" in outcomes["Small levels=3 r0"]["reason"]


@pytest.mark.usefixtures("inline")
def test_each_architecture_of_a_search_has_a_space_of_its_own() -> None:
    assert main(["run", "seek.py", *RUN, "--repeats", "1"]) == 0
    sampled: dict[str, set[str]] = {}
    for run in trial_runs(Path("runs"), "seek"):
        params = run.data.params
        own = {name.removeprefix("architecture.") for name in params if name.startswith("architecture.")}
        sampled.setdefault(params["architecture.name"], set()).update(own)
    assert {"width", "levels"} < sampled["small.py:Small"]
    assert "channels" in sampled["unet"]
    assert "channels" not in sampled["small.py:Small"]
    assert status("seek.py", Path("runs")).planned_units["comparison"] == {"unet": (1, 1), "small.py:Small": (1, 1)}


def test_other_architectures_are_part_of_what_a_search_is(capsys: pytest.CaptureFixture[str]) -> None:
    study = find_study("seek.py")
    assert study.among(["hourglass", "hourglass"]).planned(study.setting()).keys() == {
        *(f"hourglass-{number:03d}" for number in range(3)),
        "hourglass-refit-1",
        "hourglass-refit-2",
    }
    assert study.among(["unet"]).space() != study.space()
    assert study.among(["unet", "small.py:Small"]).space() == study.space()
    said = refusal(capsys, "run", "search", *RUN, "--archs", "unet", "small.py:Small")
    assert "architecture small.py:Small must have a search space, `spaces` of a Search" in said
    assert "must segment, got 'vae'" in refusal(capsys, "run", "search", *RUN, "--archs", "vae")
    said = refusal(capsys, "run", "mine.py", *RUN, "--archs", "unet")
    assert said == "studies: study mine must be run without --archs, which is for searches, got unet."


def test_a_grid_varies_what_is_iterable_and_fixes_the_rest() -> None:
    found = grid(("unet", "hourglass"), depth=(1, 2), base_width=(4,), growth=1.5, norm="batch")
    assert [(config.name, config.depth) for config, _ in found] == [
        ("unet", 1), ("hourglass", 1), ("unet", 2), ("hourglass", 2),
    ]  # fmt: skip
    assert found[0][1] == {"architecture": "unet", "depth": 1, "base_width": 4}
    ((config, factors),) = grid("unet", channels=[(4, 8)])
    assert (config.sizes, factors) == ("4-8", {"architecture": "unet", "channels": "[4, 8]"})


SPEC = """
from dataclasses import dataclass

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.spec import ArchitectureSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Options(ArchitectureConfig):
    width: int = 4


SPEC = ArchitectureSpec(
    config=Options,
    network=lambda options: Small(options.in_channels, options.out_channels, options.width),
    presets={"wide": Options(name="small", width=8), "narrow": Options(name="small", width=2)},
)
"""


def test_presets_of_a_spec_are_asked_for_by_its_reference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("spec.py").write_text(NETWORK + SPEC)
    ours, (config, factors) = presets(["unet", "spec.py:SPEC:wide"])
    assert ours[1] == {"architecture": "unet", "depth": 3, "base_width": 16}
    assert factors == {"architecture": "spec.py:SPEC", "preset": "spec.py:SPEC:wide"}
    assert config == configure("spec.py:SPEC", width=8)
    assert preset_name(config) == "spec.py:SPEC:wide"
    assert preset_name(configure("spec.py:SPEC", width=3)) == ""
    assert bench(["sizes", "--preset", "spec.py:SPEC:wide", "--size", "16", "--device", "cpu", "--json"]) == 0
    with torch.device("meta"):
        expected = sum(parameter.numel() for parameter in get_spec("spec.py:SPEC").network(config).parameters())
    assert json.loads(capsys.readouterr().out)["params"] == expected
    for wrong, said in (
        ("spec.py:SPEC:tall", "preset of spec.py:SPEC must be one of wide, narrow, got 'tall'."),
        ("spec.py:SPEC", "--preset must be one of simple_conv_shallow, "),
        ("tall", "--preset must be one of simple_conv_shallow, "),
        ("spec.py:SPEC:wide --norm batch", "--norm must stand with a network of our own, got --preset spec.py:SPEC:w"),
    ):
        assert bench(["train", "--runs", "runs", "--preset", *wrong.split()]) == 2
        assert said in capsys.readouterr().err
    assert not Path("runs").exists()


FAULTS = {
    "missing.py": (None, "study file must be one that exists, got missing.py (none there)."),
    "quick.py": (
        "",
        "study file must be called by a name of letters, digits, _ and - that is none of quick, practical",
    ),
    "a.b.py": ("", "study file must be called by a name of letters, digits, _ and - that is none of"),
    "empty.py": ("", "study file empty.py must define STUDY, a Factorial or a Search, got none."),
    "number.py": ("STUDY = 3", "study file number.py must define STUDY, a Factorial or a Search, got int."),
    "lost.py": (
        "\nimport nonsense_x",
        "must be importable, got ModuleNotFoundError: No module named 'nonsense_x' (line 2)",
    ),
    "syntax.py": ("def f(:", "study file syntax.py must be importable, got SyntaxError: invalid syntax."),
    "named.py": (
        STUDY.replace("Factorial(", 'Factorial(name="other",'),
        "name of a study must be left out or the stem of its file, named, got 'other'.",
    ),
    "plan.py": (STUDY.replace("depth=(1,)", "depth=({}['k'],)"), "must plan its units, got KeyError: 'k' (line 11)."),
    "option.py": (
        STUDY.replace("width=(4, 6)", "wide=4"),
        "those of its signature (in_channels: int, out_channels: int,",
    ),
    "ours.py": (STUDY.replace("depth=", "deep="), "options of unet must be of channels, depth, base_width"),
    "class.py": (STUDY.replace("py:Small", "py:Smal"), "architecture small.py:Smal must name a class of small.py"),
    "broken.py": (
        STUDY.replace("small.py:", "syntax2.py:"),
        "architecture syntax2.py:Small must name a file that exists",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_file_is_refused_in_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, said = FAULTS[name]
    if text is not None:
        Path(name).write_text(text)
    assert said in refusal(capsys, "run", name, *RUN)


def test_a_study_that_was_never_started_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, "status", "mine.py", "--runs", "runs")
    start = "hourglass-bench sweep mine.py starts it."
    assert said == f"studies: study mine must have been started in runs, got none there; {start}"


def test_a_report_is_of_the_study_that_the_file_defines(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def stop(_runs: Path, study: str, *_: object, **__: object) -> None:
        asked.append(study)
        raise ValueError("enough.")

    monkeypatch.setattr(build, "build", stop)
    assert reports(["build", "--study", "some/where/mine.py"]) == 2
    assert asked == ["mine"]


def test_a_file_may_define_its_network_too() -> None:
    both = STUDY.replace("small.py:", "both.py:")
    Path("both.py").write_text(NETWORK + both)
    study = find_study("both.py")
    assert isinstance(study, Factorial)
    planned = {unit.config.architecture.name for unit in study.units(study.setting())}
    assert planned == {"unet", "both.py:Small"}

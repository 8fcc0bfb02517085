"""A study in a user's own file, with a network in a file: run, killed, resumed, asked for, searched and refused."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reports import build
from reports.__main__ import main as reports
from studies import storage
from studies.__main__ import main
from studies.own_file import find_study
from studies.spaces import grid
from studies.status import status
from studies.study import Factorial
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
from studies import Factorial, TrainingConfig, each, grid

STUDY = Factorial({COMMON}
    plan=each(lambda: [*grid("unet", depth=(1,), base_width=(4,)), *grid("small.py:Small", width=(4, 6))]),
)
"""
SEARCH = f"""
from optuna.distributions import IntDistribution

from studies import Search, TrainingConfig

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
    command = [sys.executable, "-m", "studies", "run", "mine.py", "--runs", "runs", "--device", "cpu", "--workers", "2"]
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


@pytest.mark.usefixtures("inline")
def test_a_network_that_fails_on_the_frames_is_infeasible_with_its_reason() -> None:
    Path("mine.py").write_text(STUDY.replace("width=(4, 6)", "levels=(1, 3)"))
    assert main(["run", "mine.py", *RUN, "--repeats", "1"]) == 0
    outcomes = {outcome["name"]: outcome for outcome in status("mine.py", Path("runs")).outcomes.values()}
    assert [name for name, of in outcomes.items() if of["state"] == "infeasible"] == ["Small levels=3 repeat 0"]
    assert "a side of 32 pixels is needed" in outcomes["Small levels=3 repeat 0"]["reason"]


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


FAULTS = {
    "missing.py": (None, r"study file must be one that exists, got missing.py."),
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
    assert said == "studies: study mine must have been started in runs, got none there; make sweep STUDY=mine.py."


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

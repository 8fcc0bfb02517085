"""What a document says to type, typed: in a folder that holds what the documents speak of, and made short."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final

import pytest

from hourglass_bench.__main__ import main
from hourglass_bench.studies import __main__ as studies
from hourglass_bench.studies import placement
from hourglass_bench.studies.search import Search
from hourglass_bench.studies.study import Factorial, Study
from tests.documents import ROOT, Command, split
from tests.studies.conftest import InlineExecutor

SHORT: Final[dict[str, str]] = {
    "list": "",
    "status": "",
    "data": "",
    "data import": "",
    "sizes": "--device cpu",
    "train": "--size 16 --epochs 3 --folds 3 --batch-size 4 --device cpu",
    "predict": "--device cpu",
    "sample": "--device cpu",
    "sweep": "--size 16 --epochs 1 --repeats 1 --folds 3 --device cpu --workers 1",
    "report": "",
    "register": "",
    "doctor": "",
    "migrate": "",
    "reproduce": "",
    "calibrate": "--simulations 20",
}
"""Verb -> flags that are set, whatever the document says; studies are cut as well, see `short`."""
ONLY_CHECKED: Final[dict[str, str]] = {
    "hourglass-bench perf": "measures for a quarter of an hour; tests/bench/perf runs it",
    "hourglass-bench check": "takes minutes; tests/bench/check runs it",
    "make perf": "as hourglass-bench perf",
    "make check-device": "as hourglass-bench check",
    "make ui": "a server; tests of its own open it in a browser",
    "make dashboard": "a server, as make ui",
    "make setup": "installs",
    "make test": "runs this test",
    "make test-all": "runs this test",
    "make storm": "takes the better part of an hour; tests/test_project.py looks at what it would run",
    "make check": "CI runs it before the tests",
    "make docs": "test_the_book_builds_without_warnings",
    "make glossary": "writes into the repository; a test compares what it writes",
    "make help": "tests/test_project.py",
    "mlflow": "a server, and its client: tests of the models start them",
    "curl": "asks such a server",
    "source": "the shell's own",
    "export": "the shell's own",
    "pip": "installs",
    "python -m": "installs, by pip",
}
"""Program, or program and verb -> why only its words are checked: verbs and flags, targets and variables."""
ELSEWHERE: Final = re.compile(
    r"postgresql:|https?:|EXECUTOR=ray|/shared/|--resume|segmentation_models_pytorch|smp_unet"
)
"""What needs a server, a cluster or its disk, a run that was cut off or a package that is not installed: checked, not
run."""
SHELL: Final = ("mkdir", "cp")
ARCHITECTURES: Final = 3
"""Of a study these many, with one unit of each stage."""


def short(study: Study) -> Study:
    """The study with few small units."""
    data = {**study.data, "synthetic_scenes": 18, "synthetic_frames": 1}
    if isinstance(study, Search):
        return replace(study, data=data, trials=1, architectures=study.architectures[:ARCHITECTURES])
    assert isinstance(study, Factorial)
    plan = study.plan

    def few(*setting: Any) -> list[Any]:
        units = {(unit.stage, unit.config.architecture.name): unit for unit in reversed(plan(*setting))}
        stages = {stage for stage, _ in units}
        return [unit for stage in stages for unit in [one for (of, _), one in units.items() if of == stage][-3:]][::-1]

    return replace(study, data=data, plan=few, training=replace(study.training, batch_size=4), tunes=False)


@cache
def help_of(verb: str) -> str:
    """What `hourglass-bench VERB --help` prints."""
    with redirect_stdout(io.StringIO()) as said, pytest.raises(SystemExit, match="0"):
        main([verb.replace(" ", "-"), "--help"])
    return said.getvalue()


@cache
def made() -> dict[str, set[str]]:
    """Target of the Makefile -> its variables."""
    text = (ROOT / "Makefile").read_text()
    found = re.findall(r"^([a-z-]+):.*?  ## [^\[\n]*(?:\[(.*)\])?$", text, re.MULTILINE)
    return {target: set(variables.split()) for target, variables in found}


class Typist:
    """Types commands in one folder, and knows the run that it trained last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_id = self.checkpoint = ""

    def type(self, command: Command) -> dict[str, Any]:
        """Run it, or check it where it is in the table of those that are only checked.

        Returns:
            The answer of ours, as one JSON object; empty for the others.
        """
        program, words = Path(command.words[0]).name, command.words[1:]
        verb = verb_of(words)
        if f"{program} {verb}" in ONLY_CHECKED or program in ONLY_CHECKED or ELSEWHERE.search(str(command)):
            check(command)
        elif program == "hourglass-bench":
            return self.ours(verb, words[verb.count(" ") + 1 :])
        elif program == "make":
            return self.make(words)
        elif program in SHELL:  # unquoted again, for the shell's patterns
            subprocess.run(" ".join(command.words), shell=True, check=True)
        elif program == "cd":
            os.chdir(words[0])
        elif program == "python":
            typed = (word if word == ">" else shlex.quote(word) for word in (sys.executable, *words))
            subprocess.run(" ".join(typed), shell=True, check=True)
        else:
            pytest.fail(f"no rule says how to test {command}")
        return {}

    def make(self, words: tuple[str, ...]) -> dict[str, Any]:
        """What make would call of ours."""
        check(Command("", ("make", *words)))
        installed = ["--old-file", ".venv/installed", "--old-file", ".venv/tools"]
        dry = ["make", "--dry-run", *installed, *words]
        recipe = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True)
        lines = [tuple(dropwhile(is_setting, line)) for line in split(recipe.stdout)]
        called = [line for line in lines if line[:1] == (".venv/bin/hourglass-bench",)]
        assert called, recipe.stdout
        return [self.type(Command(" ".join(words), line)) for line in called][-1]

    def ours(self, verb: str, words: tuple[str, ...]) -> dict[str, Any]:
        """The answer of a verb of ours; what it is to write, it has written."""
        if verb == "data import":
            shutil.rmtree(words[words.index("--out") + 1], ignore_errors=True)
        asked = [*verb.split(), *(self.known(word) for word in words), *SHORT[verb].split()]
        if verb == "train" and not {"--data", "--synthetic-scenes"} & set(words):
            asked += ["--synthetic-scenes", "6", "--synthetic-frames", "1"]
        code, answer, said = say([*asked, *([] if "--json" in words else ["--json"])])
        assert code == 0, f"hourglass-bench {' '.join(asked)}: {said}"
        found: dict[str, Any] = json.loads(answer)
        if verb == "train":
            self.run_id = found["run_id"]
            self.checkpoint = found["checkpoint"]
            shutil.copy(self.checkpoint, self.folder / "weights.pt")
        written = [words[place + 1] for place, word in enumerate(words) if word in ("--out", "--sheet")]
        assert [name for name in written if not Path(name).exists()] == []
        return found

    def known(self, word: str) -> str:
        """What a word of a document stands for."""
        if re.fullmatch(r"\d{5}_\d{4}", word):  # a frame of the reader's data
            return max(path.stem for path in Path("mydata/images").glob("*"))
        return {"RUN_ID": self.run_id, "FOLDER": "mydata", "../shared/dancers": "mydata"}.get(word, word)

    def refused(self, command: Command) -> str:
        """What is said to wrong input, with the exit code 2; made short where the document leaves it open."""
        if command.words[0] == "make":
            made = subprocess.run([*command.words, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
            assert made.returncode == 2, command
            return made.stderr
        verb = verb_of(command.words[1:])
        given = {word for word in command.words if word.startswith("--")}
        code, _, said = say([*command.words[1:], *(word for flag in flags(SHORT[verb], given) for word in flag)])
        assert code == 2, f"{command}: {said}"
        return said


def flags(text: str, without: set[str]) -> list[list[str]]:
    """The flags of a command line, each with its values."""
    return [
        words for flag in re.findall(r"--[^-][^ ]*(?: [^-][^ ]*)*", text) if (words := flag.split())[0] not in without
    ]


def say(words: list[str]) -> tuple[int, str, str]:
    """Exit code of ours, stdout and stderr."""
    with redirect_stdout(io.StringIO()) as answer, redirect_stderr(io.StringIO()) as said:
        code = main(words)
    return code, answer.getvalue(), said.getvalue()


def is_setting(word: str) -> bool:
    """Whether a word before a command sets a variable of its environment."""
    return bool(re.match("[A-Z_]+=", word))


def verb_of(words: tuple[str, ...]) -> str:
    """The verb, or target, that a command line begins with."""
    return "data import" if words[:2] == ("data", "import") else next(iter(words), "")


def check(command: Command) -> None:
    """Every verb, flag, target and variable of it exists."""
    program, words = Path(command.words[0]).name, command.words[1:]
    verb = verb_of(words)
    if program == "hourglass-bench":
        assert verb in {*SHORT, "perf", "check"}, command
        flags = {word for word in words if word.startswith("--")}
        known = set(re.findall(r"--[\w-]+", help_of(verb)))
        assert flags - known == set(), command
    elif program == "make":
        assert verb in made(), command
        assert {word.partition("=")[0] for word in words[1:] if "=" in word} - made()[verb] == set(), command


def prepare(monkeypatch: pytest.MonkeyPatch, find: Callable[[str], Study] = studies.find_study) -> None:
    """Sweeps of this process are short, and start no others."""
    monkeypatch.setattr(studies, "find_study", lambda name: short(find(name)))
    monkeypatch.setattr(placement, "LocalExecutor", InlineExecutor)

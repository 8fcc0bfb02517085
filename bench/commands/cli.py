"""What the three command lines share: flags and help from dataclasses, exit codes, JSON on stdout, words on stderr."""

import json
import os
import platform
import re
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Union

FORMER = {"run": "sweep", "build": "report"}
"""Verbs by what they were called before, which goes on to work."""
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130


class Answer(NamedTuple):
    """What a command found."""

    values: dict[str, Any]
    """For programs: one JSON object."""
    text: str = ""
    """For people; empty: a line for each value."""
    code: int = 0
    """What the process exits with."""


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A verb. Its name, fields and docstrings are the subcommand, the flags and their help."""

    json: bool = False
    """print the answer as one JSON object"""

    @abstractmethod
    def run(self) -> Answer:
        """Do it; ValueError says what is wrong with the input. What takes long to import is imported here."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """The flags that say where results lie."""

    runs: Path = Path("runs")
    """folder of all results"""
    tracking: str = ""
    """MLflow store: sqlite:///FILE, postgresql://USER@HOST/DB or a server http(s)://HOST:PORT; empty: RUNS/mlflow.db"""


def study_name(study: str) -> str:
    """Name of a study that is given by it, or by the user's own file that defines it: the file's stem."""
    return Path(study).stem if study.endswith(".py") else study


def main(prog: str, description: str, commands: Sequence[type[Command]], arguments: Sequence[str] | None = None) -> int:
    """Parse, run and print; returns the exit code: 0 done, 2 wrong input (to all or a part), 130 interrupted.

    Raises:
        SystemExit: help was asked for (0) or the arguments are none of these commands' (2).
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--version"]:
        from importlib.metadata import version

        print(f"hourglass-bench {version('hourglass-bench')}")
        return 0
    return run(prog, lambda: _parse(prog, description, commands, words))


def run(prog: str, parse: Callable[[], Command]) -> int:
    """As `main`, with another parser."""
    if platform.system() == "Windows":
        say(f"{prog}: Linux or macOS is needed, got Windows; run it inside WSL2, where Windows has a Linux.")
        return EXIT_INPUT
    command = parse()
    prepare_process()
    try:
        # A network's own prints are for people, and must not stand in the answer.
        with _interrupt_on_term(), redirect_stdout(sys.stderr):
            answer = command.run()
    except KeyboardInterrupt as interrupt:
        say(f"\n{str(interrupt) or 'interrupted'}")
        return EXIT_INTERRUPTED
    except ValueError as error:
        say(f"{prog}: {error}")
        return EXIT_INPUT
    except Exception as error:
        from hourglass_bench.bench.tracking.database import store_failure

        if (path := _find_unreadable(error)) is not None:
            say(f"{prog}: {path} must be readable, got permission denied; allow it (chmod u+rX) or move it away.")
            return EXIT_INPUT
        if (said := store_failure(error)) is None:
            raise
        say(
            f"{prog}: results must be written, but the disk or database refused: {said}; what was recorded before is "
            "kept, and the same command goes on from there."
        )
        return EXIT_INPUT
    if command.json:
        print(json.dumps(answer.values))
    else:
        print(answer.text or "\n".join(f"{key}: {value}" for key, value in answer.values.items()))
    return answer.code


def _find_unreadable(error: Exception) -> Path | None:
    """The file or the folder around it that may not be read, if that is why `error` was raised."""
    if not isinstance(error, PermissionError) or error.filename is None:
        return None
    path = Path(os.fsdecode(error.filename))
    needed = {path.parent: os.R_OK | os.X_OK, path: os.R_OK}
    forbidden = (place for place, mode in needed.items() if os.path.exists(place) and not os.access(place, mode))
    return next(forbidden, None)


def _parse(prog: str, description: str, commands: Sequence[type[Command]], words: Sequence[str]) -> Command:
    # Imported late: many import this file to say a word, and one to parse.
    import tyro
    from tyro import conf

    style = (
        conf.OmitArgPrefixes,
        conf.OmitSubcommandPrefixes,
        conf.FlagCreatePairsOff,
        conf.DisallowNone,
        conf.PositionalMetavarFromFieldName,
        conf.HelptextFromCommentsOff,
    )
    words = _today(words)
    # `data import` is the command DataImport, beside `data`.
    names = {"-".join(re.findall("[A-Z][a-z]*", command.__name__)).lower() for command in commands}
    if len(words) > 1 and (joined := "-".join(words[:2])) in names:
        words = [joined, *words[2:]]
    any_of_them: Any = Union[tuple(commands)]  # noqa: UP007 - of a sequence
    about = f"{description} --version prints the version."
    command: Command = tyro.cli(any_of_them, prog=prog, description=about, args=words, config=style)
    return command


def _today(words: Sequence[str]) -> Sequence[str]:
    """The words of before as they are said today: `build --study X` is `report X`."""
    if not words:
        return words
    verb, rest = FORMER.get(words[0], words[0]), [*words[1:]]
    if verb == "report" and "--study" in rest[:-1]:
        place = rest.index("--study")
        rest = [rest[place + 1], *rest[:place], *rest[place + 2 :]]
    return [verb, *rest]


@contextmanager
def _interrupt_on_term() -> Iterator[None]:
    """Treat SIGTERM, which batch systems send before they kill, like Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def prepare_process() -> None:
    """Environment that native libraries read when torch is imported; what the user has set stays.

    The spin count lets OpenMP threads sleep soon instead of burning the core that another process needs: alone it costs
    nothing, beside a second training it was the difference between 0.28 and 2.1 s per step (docs/decisions.md). The
    other two silence log lines that are no news to the user: the profiler's, and its remark on older allocations.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def say(text: str) -> None:
    """One line for people, on stderr."""
    print(text, file=sys.stderr, flush=True)

"""What the three command lines share: flags and help from dataclasses, exit codes, JSON on stdout, words on stderr."""

import errno
import json
import os
import platform
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hourglass_bench.architectures.bounds import ends, shown
from hourglass_bench.bench import terminal
from hourglass_bench.bench.commands.refused_words import wrong_word
from hourglass_bench.bench.commands.secrets import from_environment
from hourglass_bench.bench.files import unreadable
from hourglass_bench.bench.terminal import say as say  # beside the answers, whose words for people it is

EXIT_FAILED = 1
EXIT_INPUT = 2
EXIT_INTERRUPTED = 130
_IMPOSSIBLE = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
"""How systems refuse paths: too long, through a file, or where a file or a folder is already."""
_SAID = 10_000
"""Characters of a refusal that are printed: what it quotes of a file may be the file."""
EXIT_UNREAD = 141
"""What a shell says of a program that wrote to a reader who had left."""


class Answer(NamedTuple):
    """What a command found."""

    values: dict[str, Any]
    """For programs: one JSON object."""
    text: str = ""
    """For people; empty: a line for each value."""
    code: int = 0
    """What the process exits with."""
    then: str = ""
    """For people, beside the answer: what one does next."""


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A verb. Its name, fields and docstrings are the subcommand, the flags and their help."""

    json: bool = False
    """print the answer as one JSON object"""

    @abstractmethod
    def run(self) -> Answer:
        """Do it; ValueError says what is wrong with the input. What takes long to import is imported here."""


STORE_PATIENCE = 600.0
"""Seconds for which a store may be away while something is written, unless somebody says otherwise."""
Verbs = Mapping[str, tuple[type[Command], ...]]
"""Commands by what they are for."""


class FileInputError(ValueError):
    """Wrong input that stands in a user's file: names stay as they are written there."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """The flags that say where results lie."""

    runs: Path = Path("runs")
    """folder of all results"""
    tracking: str = ""
    """MLflow store: sqlite:///FILE, postgresql://USER@HOST/DB or http(s)://HOST:PORT (default: the environment's
    HOURGLASS_BENCH_TRACKING, where a URL with a password belongs, or RUNS/mlflow.db)"""


def study_name(study: str) -> str:
    """Name of a study that is given by it, or by the user's own file that defines it: the file's stem."""
    return Path(study).stem if study.endswith(".py") else study


def run(prog: str, words: Sequence[str], parse: Callable[[Sequence[str]], Command]) -> int:
    """Run the command that the words ask for, and print; the exit code.

    0: done. 1: done, with failures that the answer names. 2: wrong input (to all or a part), or something has to be
    mended first. 130: interrupted.

    Raises:
        SystemExit: of `parse`; nobody reads what is printed (141).
    """
    if wrong := _wrong_place() or wrong_word(words):
        refuse(prog, wrong)
        return EXIT_INPUT
    with to_reader():
        command = from_environment(parse(words))
    prepare_process()
    try:
        # A network's own prints are for people, and must not stand in the answer.
        with _interrupt_on_term(), redirect_stdout(sys.stderr):
            answer = command.run()
    except KeyboardInterrupt as interrupt:
        say(f"\n{str(interrupt) or 'interrupted'}")
        return EXIT_INTERRUPTED
    except ValueError as error:
        refuse(prog, _typed(error, command, words))
        return EXIT_INPUT
    except Exception as error:
        if (said := _explain(error, command)) is None:
            raise
        refuse(prog, said)
        return EXIT_INPUT
    _print(answer, command.json)
    return answer.code


def _wrong_place() -> str:
    """Why nothing can be done where this was started, or nothing."""
    if platform.system() == "Windows":
        return "Linux or macOS is needed, got Windows; run it inside WSL2, where Windows has a Linux."
    try:
        os.getcwd()
    except FileNotFoundError:  # without one not even torch's libraries can be loaded
        return "the folder that this is started in must be there, got one that was deleted; go to another (cd)."
    return ""


def _print(answer: Answer, as_json: bool) -> None:
    lines = answer.text or "\n".join(f"{key}: {value}" for key, value in answer.values.items())
    with to_reader():
        print(json.dumps(answer.values) if as_json else terminal.paint_words(lines, sys.stdout))
    if answer.then and not as_json:
        say(f"next: {answer.then}")


@contextmanager
def to_reader() -> Iterator[None]:
    """Print in here: whoever reads it, such as `head`, may have seen enough, and then this process ends quietly.

    Raises:
        SystemExit: nobody reads any more (141), or what it is written to is full (2).
    """
    terminal.open_streams()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        terminal.silence(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise SystemExit(EXIT_UNREAD) from None
        say(f"the answer must be printed, but where it goes refused: {error.strerror}.")
        raise SystemExit(EXIT_INPUT) from None


def refuse(prog: str, why: str) -> None:
    """Say on stderr why `prog` does not do what it was asked for: one paragraph, whatever it quotes and how much."""
    name, text = terminal.paint(prog, terminal.RED, sys.stderr), terminal.printable(ends(why, _SAID))
    terminal.tell(f"{name}: {terminal.paint_words(text, sys.stderr)}")


def _typed(error: ValueError, command: Command, words: Sequence[str]) -> str:
    """What is wrong, by the names of the command's flags and with what was probably meant."""
    from hourglass_bench.bench.commands.parameters import parameters
    from hourglass_bench.bench.commands.typed import as_typed, with_meant

    if isinstance(error, FileInputError):
        return with_meant(str(error))
    return with_meant(as_typed(str(error), {one.flag for one in parameters(type(command)) if one.flag}, words))


def _explain(error: Exception, command: Command) -> str | None:
    """What the machine lacks or refuses, in a sentence; None of a mistake of the program."""
    if isinstance(error, OSError) and error.filename is not None and (of_file := _of_file(error, command)):
        return of_file
    from hourglass_bench.bench.machine.out_of_memory import is_out_of_memory

    if is_out_of_memory(error):
        return (
            f"memory must suffice, but this ran out of it: {str(error).partition(chr(10))[0] or type(error).__name__}; "
            "take smaller frames, batches or networks."
        )
    from hourglass_bench.bench.tracking.database import store_failure

    if (said := store_failure(error)) is None:
        return None
    return (
        f"results must be written, but the disk or database refused: {said}; what was recorded before is kept, and the "
        "same command goes on from there."
    )


def _of_file(error: OSError, command: Command) -> str:
    """What the system has against a file that the error names; empty if it is a result of the command that cannot be
    written, or none of the file's faults."""
    path = Path(os.fsdecode(error.filename))
    if error.errno in _IMPOSSIBLE:
        return f"{shown(str(path))} must be a path that the system takes, got {error.strerror}; give another."
    if isinstance(error, PermissionError):
        needed = {path.parent: os.R_OK | os.X_OK, path: os.R_OK}
        for place, mode in needed.items():
            if os.path.exists(place) and not os.access(place, mode):
                return unreadable(place, error)
    results = [folder.resolve() for name in ("runs", "out") if isinstance(folder := getattr(command, name, None), Path)]
    if any(path.resolve().is_relative_to(folder) for folder in results):
        return ""
    if error.errno == errno.EIO:
        return unreadable(path, error)
    if not isinstance(error, PermissionError) and error.errno != errno.EROFS:
        return ""
    place = path if os.path.lexists(path) else path.parent
    return f"{place} must be writable, got {str(error.strerror).lower()}; allow it (chmod u+w) or name another."


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

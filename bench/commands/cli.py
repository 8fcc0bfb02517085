"""What the three command lines share: flags from config fields, exit codes, JSON on stdout and words on stderr."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_type_hints

EXIT_INPUT = 2
EXIT_INTERRUPTED = 130


def main(parser: argparse.ArgumentParser, arguments: list[str] | None = None) -> int:
    """Run the command that the parser's `command` default names: 0 done, 2 wrong input, 130 interrupted.

    A command takes the parsed arguments and returns the answer: a JSON object, printed with `--json`, else as lines, or
    a text for people.
    """
    options = parser.parse_args(arguments)
    prepare_process()
    command: Callable[[argparse.Namespace], dict[str, Any] | str] = options.command
    try:
        with _interrupt_on_term():
            answer = command(options)
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return EXIT_INPUT
    except Exception as error:
        failure = _store_failure(error)
        if failure is None:
            raise
        print(f"{parser.prog}: {failure}", file=sys.stderr)
        return EXIT_INPUT
    except KeyboardInterrupt as interrupt:
        print(f"\n{str(interrupt) or 'interrupted'}", file=sys.stderr)
        return EXIT_INTERRUPTED
    if isinstance(answer, str):
        print(answer)
    elif options.json:
        print(json.dumps(answer))
    else:
        for key, value in answer.items():
            print(f"{key}: {value}")
    return 0


def _store_failure(error: Exception) -> str | None:
    """One sentence if a disk or database failed, None if the program did."""
    from bench.tracking.database import store_failure

    said = store_failure(error)
    return said and (
        f"results must be written, but the disk or database refused: {said}; what was recorded before is kept, and the "
        "same command goes on from there."
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    """The flags that say where results lie."""
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all results (default: runs)")
    parser.add_argument(
        "--tracking", default="", metavar="URL", help="MLflow store, if it is not the SQLite database in RUNS"
    )


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


def add_fields(parser: argparse._ActionsContainer, config: type[Any], skip: frozenset[str] = frozenset()) -> None:
    """One flag per field of a config dataclass, with its default and help text."""
    hints = get_type_hints(config)
    for item in fields(config):
        if item.name in skip:
            continue
        kind = hints[item.name]
        choices = getattr(kind, "__args__", None)
        default = None if item.default is MISSING else item.default
        parser.add_argument(
            f"--{item.name.replace('_', '-')}",
            type=str if choices else kind,
            choices=choices,
            default=default,
            help=f"{item.metadata['help']} (default: {default if default != '' else 'none'})",
        )


def pick_fields(options: argparse.Namespace, config: type[Any], skip: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The values that `add_fields` parsed."""
    return {item.name: getattr(options, item.name) for item in fields(config) if item.name not in skip}


def say(text: str) -> None:
    """One line for people, on stderr."""
    print(text, file=sys.stderr, flush=True)

"""`python -m studies list|run|status`. Torch, Optuna and MLflow are imported when a command needs them."""

import argparse
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args

from bench.commands import cli
from bench.config import SplitName
from studies.catalog import CATALOG, get_study
from studies.options import Executor, Options

if TYPE_CHECKING:
    from studies.status import Status


def main(arguments: list[str] | None = None) -> int:
    """Parse and run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m studies", description="Plan, run and resume studies.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="the studies and the question each one asks")
    listing.set_defaults(command=_list)

    running = commands.add_parser("run", help="run a study, or resume it where it was")
    running.add_argument("study", metavar="STUDY")
    running.add_argument("--data", default="synthetic", help="folder with images/ and masks/, or `synthetic` (default)")
    running.add_argument("--epochs", type=int, help="epochs of every training (default: the study's)")
    running.add_argument(
        "--split",
        choices=get_args(SplitName),
        help="how frames are split (default: the study's, mostly scene_folds; random_frames leaks and shows only that)",
    )
    running.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:INDEX (default: auto)")
    running.add_argument(
        "--workers", default="auto", help="trials at a time; auto (default) measures which number trains fastest"
    )
    running.add_argument(
        "--executor", choices=get_args(Executor), default="local", help="where trials run (default: local processes)"
    )
    running.add_argument(
        "--memory-budget",
        default="",
        metavar="SIZE",
        help="largest tensor peak of a training step, such as 2GiB; what is predicted to need more is not started",
    )
    running.add_argument(
        "--accept-changes", action="store_true", help="resume although the study, the data or the code changed"
    )
    running.set_defaults(command=_run)

    state = commands.add_parser("status", help="how far a study is")
    state.add_argument("study", metavar="STUDY")
    state.set_defaults(command=_status)

    for command in (running, state):
        cli.add_store(command)
        command.add_argument(
            "--storage", default="", metavar="URL", help="Optuna storage, if it is not the SQLite database in RUNS"
        )
    for command in (listing, running, state):
        command.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    return cli.main(parser, arguments)


def _list(_: argparse.Namespace) -> dict[str, Any]:
    return {name: study.question for name, study in CATALOG.items()}


def _run(options: argparse.Namespace) -> dict[str, Any] | str:
    study = get_study(options.study)
    from studies.run import run_study

    chosen = Options(**{item.name: getattr(options, item.name) for item in fields(Options)})
    return _answer(run_study(study, chosen), options)


def _status(options: argparse.Namespace) -> dict[str, Any] | str:
    from studies.status import status

    return _answer(status(options.study, options.runs, options.storage, options.tracking), options)


def _answer(status: "Status", options: argparse.Namespace) -> dict[str, Any] | str:
    """A table for people, everything for programs."""
    if not options.json:
        from studies.display import to_text

        return to_text(status)
    return status.answer()


if __name__ == "__main__":
    sys.exit(main())

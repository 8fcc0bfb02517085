"""`python -m studies list|run|status`. Torch, Optuna and MLflow are imported when a command needs them."""

import argparse
import sys
from pathlib import Path
from typing import Any

from bench import cli
from studies.catalog import CATALOG, get_study


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
    running.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:INDEX (default: auto)")
    running.set_defaults(command=_run)

    state = commands.add_parser("status", help="how far a study is")
    state.add_argument("study", metavar="STUDY")
    state.set_defaults(command=_status)

    for command in (running, state):
        command.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all results (default: runs)")
    for command in (listing, running, state):
        command.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    return cli.main(parser, arguments)


def _list(_: argparse.Namespace) -> dict[str, Any]:
    return {name: study.question for name, study in CATALOG.items()}


def _run(options: argparse.Namespace) -> dict[str, Any]:
    study = get_study(options.study)
    from studies.driver import run_study

    return run_study(study, runs=options.runs, data=options.data, epochs=options.epochs, device=options.device)


def _status(options: argparse.Namespace) -> dict[str, Any]:
    from studies.status import status

    return status(options.study, options.runs)


if __name__ == "__main__":
    sys.exit(main())

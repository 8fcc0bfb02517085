"""Command line of the report: `python -m reports build`."""

import argparse
import json
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 2 wrong input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        _build(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports", description="Reports of studies, from the tracking store."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="write RUNS/reports/STUDY/report.pdf with figures and data beside it")
    build.add_argument("--study", default="quick", help="name of the study (default: %(default)s)")
    build.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder of the store and its reports (default: %(default)s)"
    )
    build.add_argument(
        "--tracking",
        default="",
        metavar="URL",
        help="database of the store, sqlite:///path or postgresql://user@host/db (default: RUNS/mlflow.db)",
    )
    build.add_argument("--json", action="store_true", help="print one JSON object instead of the PDF's path")
    return parser


def _build(options: argparse.Namespace) -> None:
    # Imported late: pandas, matplotlib and seaborn take longer to load than --help may take.
    from reports.build import build

    built = build(options.runs, options.study, options.tracking)
    print(json.dumps({**built._asdict(), "report": str(built.report)}) if options.json else built.report)


if __name__ == "__main__":
    sys.exit(main())

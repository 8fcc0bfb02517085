"""Command line of the report: `python -m reports build|calibrate`."""

import argparse
import json
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 2 wrong input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        print(options.run(options))
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
    _add_store(build)
    build.add_argument("--html", action="store_true", help="write a self-contained page report.html as well")
    build.add_argument("--json", action="store_true", help="print one JSON object instead of the PDF's path")
    build.set_defaults(run=_build)
    calibrate = commands.add_parser(
        "calibrate", help="simulate studies and count how often the report's intervals and verdicts are right"
    )
    calibrate.add_argument(
        "--simulations",
        type=int,
        default=400,
        help="studies without a difference, and as many with one (default: %(default)s)",
    )
    calibrate.add_argument("--seed", type=int, default=0, help="decides all draws (default: %(default)s)")
    calibrate.add_argument(
        "--study",
        default="",
        help="take size and spread from this study (default: documented ones, of the size of quick)",
    )
    _add_store(calibrate)
    calibrate.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")
    calibrate.set_defaults(run=_calibrate)
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder of the store and its reports (default: %(default)s)"
    )
    parser.add_argument(
        "--tracking",
        default="",
        metavar="URL",
        help="the store: sqlite:///path, postgresql://user@host/db or the tracking server http(s)://host:port "
        "(default: RUNS/mlflow.db)",
    )


def _build(options: argparse.Namespace) -> str:
    # Imported late: pandas, matplotlib and seaborn take longer to load than --help may take.
    from reports.build import build

    built = build(options.runs, options.study, options.tracking, html=options.html)
    return json.dumps({**built._asdict(), "report": str(built.report)}) if options.json else str(built.report)


def _calibrate(options: argparse.Namespace) -> str:
    from bench import schema
    from reports.analysis.calibrate import Shape, calibrate, of_study, sentences
    from reports.analysis.components import Components

    shape, components, source = Shape(), Components(), "defaults"
    if options.study:
        shape, components, source = of_study(options.runs, options.study, options.tracking)
    margin = schema.TEST_IOU.margin or 0.0
    found = calibrate(options.simulations, shape, components, margin=margin, seed=options.seed) | {"source": source}
    return json.dumps(found) if options.json else "\n".join(sentences(found))


if __name__ == "__main__":
    sys.exit(main())

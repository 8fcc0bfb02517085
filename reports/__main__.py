"""`reports COMMAND`. Pandas, Matplotlib and Typst are imported when a command needs them."""

import shlex
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tyro.conf import Positional

from hourglass_bench.bench import schema
from hourglass_bench.bench.commands import cli, command_line
from hourglass_bench.bench.commands.cli import Answer

_OPEN = "open" if sys.platform == "darwin" else "xdg-open"


@dataclass(frozen=True, kw_only=True)
class Report(cli.Command, cli.Store):
    """Write RUNS/reports/STUDY/report.pdf and report.html, with figures and data beside them."""

    study: Positional[str] = "quick"
    """name of the study, or the user's own file that defines it"""
    html: bool = True
    """write report.html too, the report as one self-contained page to play with"""
    compare: tuple[str, ...] = ()
    """pairs to be judged beside the usual ones, each as A:B of two architectures (each at its best) or configurations,
    such as unet/3/12:hourglass/3/6 or ResUNet/width=24:unet"""
    out: Path | None = None
    """folder in which the report's folder STUDY is written (default: RUNS/reports); for RUNS that cannot be written"""

    def run(self) -> Answer:
        """Build the report."""
        from hourglass_bench.reports.build import build
        from hourglass_bench.reports.store.publish import publish

        study = cli.study_name(self.study)
        built = build(self.runs, study, self.tracking, html=self.html, compare=self.compare, out=self.out)
        for name, now in built.kept.items():
            cli.say(f"{name} was edited since the last report, and is kept as {now}")
        if failed := publish(built.report.parent, built.study, self.runs, self.tracking):
            cli.say(failed)
        return Answer(
            {**built._asdict(), "report": str(built.report)},
            str(built.report),
            then=f"{_OPEN} {shlex.quote(str(built.report))}",
        )


@dataclass(frozen=True, kw_only=True)
class Calibrate(cli.Command, cli.Store):
    """Simulate studies and count how often the report's intervals and verdicts are right."""

    simulations: int = 400
    """studies without a difference, and as many with one"""
    seed: int = 0
    """decides all draws"""
    study: str = ""
    """take size and spread from this study, given as for report (default: documented ones, of the size of quick)"""

    def run(self) -> Answer:
        """Simulate."""
        from hourglass_bench.reports.analysis.calibrate import calibrate, of_study, sentences
        from hourglass_bench.reports.analysis.components import Components
        from hourglass_bench.reports.analysis.planning import Shape

        shape, components, source = Shape(), Components(), "defaults"
        if self.study:
            shape, components, source = of_study(self.runs, cli.study_name(self.study), self.tracking)
        margin = schema.TEST_IOU.margin or 0.0
        found = calibrate(self.simulations, shape, components, margin=margin, seed=self.seed) | {"source": source}
        return Answer(found, "\n".join(sentences(found)))


COMMANDS: cli.Verbs = {"reports": (Report, Calibrate)}
main = partial(command_line.main, "reports", "Reports of studies, from the tracking store.", COMMANDS)

if __name__ == "__main__":
    sys.exit(main())

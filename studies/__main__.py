"""`studies COMMAND`. Torch, Optuna and MLflow are imported when a command needs them."""

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tyro.conf import Positional

from hourglass_bench.bench.commands import cli, command_line
from hourglass_bench.bench.commands.cli import Answer
from hourglass_bench.bench.commands.next_step import next_step
from hourglass_bench.bench.commands.serve import Serve
from hourglass_bench.studies.catalog import CATALOG
from hourglass_bench.studies.options import Options, Stores
from hourglass_bench.studies.own_file import find_study

if TYPE_CHECKING:
    from hourglass_bench.studies.status import Status as State


@dataclass(frozen=True, kw_only=True)
class List(cli.Command):
    """Name the studies and the question each one asks."""

    def run(self) -> Answer:
        """The catalogue."""
        return Answer({name: f"{study.question} SIZE={study.size}" for name, study in CATALOG.items()})


@dataclass(frozen=True, kw_only=True)
class Sweep(cli.Command, Options):
    """Run a study, or resume it where it was. The exit code is 1 if units of it failed or ran out of memory."""

    study: Positional[str]
    """name of the study, which `list` tells, or a file of your own that defines one (.py)"""

    def run(self) -> Answer:
        """One session of the study."""
        study = find_study(self.study)
        from hourglass_bench.studies.run import run_study

        state = run_study(study, self)
        answer = _answer(state, self.study, self)
        return answer._replace(code=cli.EXIT_FAILED) if state.failed else answer


@dataclass(frozen=True, kw_only=True)
class Status(cli.Command, Stores):
    """Tell how far a study is."""

    study: Positional[str]
    """name of the study, or the file that defines it"""

    def run(self) -> Answer:
        """Read the stores."""
        from hourglass_bench.studies.status import status

        return _answer(status(self.study, self.runs, self.storage, self.tracking), self.study, self)


@dataclass(frozen=True, kw_only=True)
class Register(cli.Command, Stores):
    """Register the best run of each architecture in MLflow, under the alias `best`."""

    study: Positional[str]
    """name of the study, or the file that defines it"""
    archs: tuple[str, ...] = ()
    """only these architectures"""

    def run(self) -> Answer:
        """Log what is no model yet, and name each."""
        from hourglass_bench.studies.models import register

        return register(self.study, self.archs, self.runs, self.storage, self.tracking)


@dataclass(frozen=True, kw_only=True)
class Doctor(cli.Command, Stores):
    """Tell what is inconsistent between a study's stores and its files on this machine. The exit code is then 1."""

    study: Positional[str]
    """name of the study, or the file that defines it"""
    repair: bool = False
    """repair it: trials and runs that were cut off are closed, and units whose run is lost or damaged are left to the
    next sweep; nothing is written without"""

    def run(self) -> Answer:
        """Compare, and repair if that is asked for."""
        from hourglass_bench.studies.doctor import doctor

        return doctor(self.study, self.runs, self.storage, self.tracking, repair=self.repair)


@dataclass(frozen=True, kw_only=True)
class Migrate(cli.Command, Stores):
    """Bring database files of an older MLflow or Optuna up to date, after a copy of each."""

    def run(self) -> Answer:
        """Migrate what is older."""
        from hourglass_bench.studies.migrate import migrate_stores

        return migrate_stores(self.runs, self.storage, self.tracking)


def _answer(state: "State", given: str, stores: Stores) -> Answer:
    """A table for people, everything for programs; then a report of what is done, or the rest of the study."""
    from hourglass_bench.studies.display import to_text

    verb, storage = ("sweep", stores.storage) if state.waiting else ("report", "")
    make = (verb, f"STUDY={given}")
    then = next_step(verb, given, make=make, runs=stores.runs, storage=storage, tracking=stores.tracking)
    if state.waiting:
        then += ", with the flags that it was started with"
    return Answer(state.answer(), to_text(state), then="" if state.running else then)


@dataclass(frozen=True, kw_only=True)
class Dashboard(cli.Command, Stores, Serve):
    """Open Optuna's dashboard on the studies' trials, on this machine only."""

    def run(self) -> Answer:
        """Serve until Ctrl-C."""
        from hourglass_bench.studies.dashboard import serve_dashboard

        return serve_dashboard(self.runs, self.storage, self)


COMMANDS: cli.Verbs = {"studies": (List, Sweep, Status, Register, Doctor, Migrate), "in a browser": (Dashboard,)}
main = partial(command_line.main, "studies", "Plan, run and resume studies.", COMMANDS)

if __name__ == "__main__":
    sys.exit(main())

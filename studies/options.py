"""What whoever runs a study chooses, as the command line takes it: each field's text is the help of its flag."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from tyro.conf import arg

from hourglass_bench.bench.commands.cli import STORE_PATIENCE, Store
from hourglass_bench.bench.commands.flags import changes
from hourglass_bench.bench.config import DataConfig

Executor = Literal["local", "ray"]


OF_THE_STUDY = ("labelled_scenes", *(item.name for item in fields(DataConfig) if item.name.startswith("synthetic")))
"""Fields of the DataConfig that only the study decides."""
DataChanges = changes(DataConfig, skip=OF_THE_STUDY)


@dataclass(frozen=True, kw_only=True)
class Stores(Store):
    """Where the results of a study lie."""

    storage: str = ""
    """Optuna storage: sqlite:///FILE or postgresql://USER@HOST/DB (default: the environment's HOURGLASS_BENCH_STORAGE,
    where a URL with a password belongs, or RUNS/optuna.db)"""


@dataclass(frozen=True, kw_only=True)
class Options(Stores):
    """How and where a study runs; the first six decide its numbers, and on a CPU the threads of a trial."""

    data: Annotated[Callable[[], dict[str, Any]], arg(constructor=DataChanges)] = field(default_factory=DataChanges)
    """which frames, and how they are read (default: as the study says)"""
    epochs: int | None = None
    """epochs of every training (default: the study's)"""
    repeats: int | None = None
    """repeats of every unit, of a search those of its winners' refits; more than a study had are added to it, fewer are
    refused (default: what it had, or the study's own)"""
    archs: tuple[str, ...] = ()
    """architectures of a search instead of its own: ours by name, others by a reference as --arch of train takes it,
    to an ArchitectureSpec with a search space"""
    memory_budget: str = ""
    """largest tensor peak of a training step, such as 2GiB; what is predicted to need more is not started (default: the
    study's own, which may be what the device has)"""
    no_tune: bool = False
    """train every network at the study's own learning rate, instead of tuning it before the comparison; a study that
    was started so stays so"""
    device: str = "auto"
    """auto (cuda or cpu), cpu, cuda, cuda:INDEX or mps (a Mac's GPU, untried)"""
    workers: str = "auto"
    """trials at a time; auto: on a CPU as many as its cores allow, on a GPU the number that measures fastest"""
    threads: int | None = None
    """threads of a trial on a CPU, which decide its numbers (default: what the study had, 1 for a new one)"""
    trial_timeout: str = "auto"
    """seconds without a sign of life, as each step gives one, after which a trial's worker is ended and the trial runs
    again; 0: never; auto: half an hour, or 20 times the trial's longest pause so far if that is more"""
    executor: Executor = "local"
    """where trials run: in local processes or on a Ray cluster"""
    accept_changes: bool = False
    """resume although the study, the data or the arithmetic changed since it was started"""
    redo_deleted: bool = False
    """do units again whose runs were deleted from the tracking store"""
    retry_failed: bool = False
    """do units again that failed or ran out of memory"""
    store_patience: float = STORE_PATIENCE
    """seconds for which a store may be away while the study runs, such as a server that is started again; after them
    the study stops, and the same command resumes it"""
    system_metrics: bool = False
    """log use of the machine's processors, memory, disks and network in every run, as system/* (needs psutil)"""

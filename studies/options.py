"""What whoever runs a study chooses, as the command line takes it: each field's text is the help of its flag."""

from dataclasses import dataclass
from typing import Literal

from bench.commands.cli import Store
from bench.config import SplitName

Executor = Literal["local", "ray"]


@dataclass(frozen=True, kw_only=True)
class Stores(Store):
    """Where the results of a study lie."""

    storage: str = ""
    """Optuna storage: sqlite:///FILE or postgresql://USER@HOST/DB; empty: RUNS/optuna.db"""


@dataclass(frozen=True, kw_only=True)
class Options(Stores):
    """How and where a study runs; the first four decide its numbers."""

    data: str = "synthetic"
    """folder with images/ and masks/, or `synthetic`"""
    epochs: int | None = None
    """epochs of every training; None: the study's"""
    split: SplitName | None = None
    """how frames are split; None: as the study says, mostly scene_folds; random_frames leaks and shows only that"""
    memory_budget: str = ""
    """largest tensor peak of a training step, such as 2GiB; what is predicted to need more is not started; empty: the
    study's own, which may be what the device has"""
    device: str = "auto"
    """auto, cpu, cuda or cuda:INDEX"""
    workers: str = "auto"
    """trials at a time; auto measures which number trains fastest"""
    executor: Executor = "local"
    """where trials run: in local processes or on a Ray cluster"""
    accept_changes: bool = False
    """resume although the study, the data or the arithmetic changed since it was started"""

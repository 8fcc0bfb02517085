"""The folds of a command: lowered to what the data fill, with a word."""

from pathlib import Path

from hourglass_bench.bench.commands.cli import say
from hourglass_bench.bench.config import SYNTHETIC, DataConfig
from hourglass_bench.bench.data.cache.entry import Dataset
from hourglass_bench.bench.data.dataset import load
from hourglass_bench.bench.data.folder.folds import fit_folds
from hourglass_bench.bench.data.folder.pairs import Found, find_pairs


def fitting_folds(data: DataConfig, found: Found | None = None) -> DataConfig:
    """`data` with no more folds than it has scenes; says so, on stderr, and what is odd about its scenes.

    Args:
        found: what lies in the folder, if that was asked before.

    Raises:
        ValueError: there are fewer than three scenes, or those that the names give cannot be meant.
    """
    fitting, warnings = fit_folds(data, found)
    for warning in warnings:
        say(f"warning: {warning}")
    return fitting


def load_fitting(data: DataConfig, cache: Path) -> tuple[DataConfig, Dataset]:
    """`data` as `fitting_folds` has it, with its frames.

    Raises:
        ValueError: as `fitting_folds` and `load`.
    """
    found = None if data.path == SYNTHETIC else find_pairs(data)  # once for both: a large folder takes a while
    fitting = fitting_folds(data, found)
    return fitting, load(fitting, cache, found)

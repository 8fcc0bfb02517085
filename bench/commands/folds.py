"""The folds of a command: lowered to what the data fill, with a word."""

from bench.commands.cli import say
from bench.config import DataConfig
from bench.data.folds import fit_folds


def fitting_folds(data: DataConfig) -> DataConfig:
    """`data` with no more folds than it has scenes; says so, on stderr, and what is odd about its scenes.

    Raises:
        ValueError: there are fewer than three scenes, or those that the names give cannot be meant.
    """
    fitting, warnings = fit_folds(data)
    for warning in warnings:
        say(f"warning: {warning}")
    return fitting

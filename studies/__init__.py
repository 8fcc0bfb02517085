"""Which runs to make: the catalogue of studies and the driver that plans, runs and resumes them.

A study in a user's own file takes what it needs from here (`studies.own_file`); none of it imports torch or Optuna.
"""

from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.studies.search import Search
from hourglass_bench.studies.spaces import each, encoder_decoder_space, grid, presets, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit

__all__ = [
    "DataConfig",
    "Factorial",
    "RunConfig",
    "Search",
    "TrainingConfig",
    "Unit",
    "each",
    "encoder_decoder_space",
    "grid",
    "presets",
    "to_units",
]

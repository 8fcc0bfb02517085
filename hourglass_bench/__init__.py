"""Which encoder-decoder, how deep, how wide, under which memory budget.

    import hourglass_bench as hb

    trained = hb.train("unet", channels=(16, 32, 64), epochs=10)
    quick = hb.sweep("quick")
    quick.runs, quick.curves, quick.frames
    quick.plot("iou_memory")
    quick.compare("unet", "hourglass")

What `__all__` names is the whole public interface, described in docs/api.md. Everything is imported when it is asked
for: `import hourglass_bench` takes a few milliseconds, and neither torch nor pandas nor MLflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hourglass_bench.api.comparison import Comparison as Comparison
    from hourglass_bench.api.predict import predict as predict
    from hourglass_bench.api.results import Results as Results
    from hourglass_bench.api.results import load as load
    from hourglass_bench.api.sweep import sweep as sweep
    from hourglass_bench.api.train import Trained as Trained
    from hourglass_bench.api.train import train as train
    from hourglass_bench.architectures.config import ArchitectureConfig as ArchitectureConfig
    from hourglass_bench.architectures.config import require as require
    from hourglass_bench.architectures.registry import configure as configure
    from hourglass_bench.architectures.spec import ArchitectureSpec as ArchitectureSpec
    from hourglass_bench.studies import DataConfig as DataConfig
    from hourglass_bench.studies import Factorial as Factorial
    from hourglass_bench.studies import RunConfig as RunConfig
    from hourglass_bench.studies import Search as Search
    from hourglass_bench.studies import TrainingConfig as TrainingConfig
    from hourglass_bench.studies import Unit as Unit
    from hourglass_bench.studies import each as each
    from hourglass_bench.studies import encoder_decoder_space as encoder_decoder_space
    from hourglass_bench.studies import grid as grid
    from hourglass_bench.studies import presets as presets
    from hourglass_bench.studies import to_units as to_units

    __version__: str

_PLACES = {
    "api.comparison": ("Comparison",),
    "api.predict": ("predict",),
    "api.results": ("Results", "load"),
    "api.sweep": ("sweep",),
    "api.train": ("Trained", "train"),
    "architectures.config": ("ArchitectureConfig", "require"),
    "architectures.registry": ("configure",),
    "architectures.spec": ("ArchitectureSpec",),
    "studies": (
        *("DataConfig", "Factorial", "RunConfig", "Search", "TrainingConfig", "Unit"),
        *("each", "encoder_decoder_space", "grid", "presets", "to_units"),
    ),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "ArchitectureConfig",
    "ArchitectureSpec",
    "Comparison",
    "DataConfig",
    "Factorial",
    "Results",
    "RunConfig",
    "Search",
    "Trained",
    "TrainingConfig",
    "Unit",
    "__version__",
    "configure",
    "each",
    "encoder_decoder_space",
    "grid",
    "load",
    "predict",
    "presets",
    "require",
    "sweep",
    "to_units",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("hourglass-bench")
    if name not in _PLACE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_PLACE_OF[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

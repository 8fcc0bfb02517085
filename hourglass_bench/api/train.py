"""`train`: what `hourglass-bench train` does, with keywords for flags."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hourglass_bench.api.options import documented, fields_of, plain, require_known, take
from hourglass_bench.architectures import defaults
from hourglass_bench.architectures.config import ArchitectureConfig, require
from hourglass_bench.bench.commands.verbs import NO_AUGMENTATION, Network
from hourglass_bench.bench.config import DataConfig, RunConfig, TrainingConfig
from hourglass_bench.bench.schema import State

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DATA, TRAINING = fields_of(DataConfig), fields_of(TrainingConfig)
AUGMENT = ("full", "none")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A training that has ended."""

    config: RunConfig = field(repr=False)
    run_id: str
    """Of MLflow, in the experiment `train`."""
    state: State
    """`complete`, or why not, see docs/glossary.md."""
    reason: str
    """In a sentence; empty if it is complete."""
    metrics: dict[str, float]
    """By the names of `hourglass-bench train --json`: `val_iou`, `test_iou`, `tensor_peak_bytes`, `seconds` and so on;
    what was not measured is not in it."""
    checkpoint: str
    """Where the weights of the best epoch lie; empty if there are none."""
    _where: dict[str, Any] = field(repr=False)

    def predict(self, image: "str | Path | NDArray[np.uint8] | Any", *, tile: bool = False) -> "NDArray[np.bool_]":
        """The mask of an image, see `hourglass_bench.predict`.

        Raises:
            ValueError: there are no weights, the network does not segment, or the image is none.
        """
        from hourglass_bench.api.predict import predict

        require(self.state == "complete", "state of a run that predicts", "be complete", self.state)
        return predict(self.run_id, image, tile=tile, **self._where)

    def _repr_html_(self) -> str:
        from html import escape

        about = {"run_id": self.run_id, "state": self.state, "reason": self.reason}
        shown = about | {name: f"{value:,.4g}" for name, value in self.metrics.items()}
        rows = (f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in shown.items() if value)
        return f"<table>{''.join(rows)}</table>"


@documented(DATA, TRAINING)
def train(
    arch: str | ArchitectureConfig | None = None,
    *,
    preset: str | None = None,
    augment: str = "full",
    repeat: int = 0,
    device: str = "auto",
    runs: str | Path = "runs",
    tracking: str = "",
    unseal: bool = False,
    system_metrics: bool = False,
    **options: Any,
) -> Trained:
    """Train one network, test it and track it.

    Options are the flags of `hourglass-bench train`, with `_` for `-`, and say the same. What is none of those below is
    an option of the architecture: of ours `channels` or `depth`, `base_width` and `growth`, `decoder_channels`,
    `skips`, `norm`, `target`, `latent`, `block`, `upsampling` and `bottom`; of a network from elsewhere what its
    constructor takes.

        train("unet", data="mydata", channels=(16, 32, 64), epochs=30)
        train("resunet.py:ResUNet", width=24, loss={"bce": 1, "dice": 3}, size=(96, 128))

    Args:
        arch: Name of an architecture, a reference `path/to/file.py:Class` or `package.module:Class`, or a configuration
            that `configure` made, which has its options already. None: unet.
        preset: A named network of the practical instead, beside which stands no option of an architecture but `norm`.
        augment: full: by flip, rotate, scale, shift and color_jitter; none: all of them are 0.
        repeat: Decides fold, initialisation, order and augmentation.
        device: auto (cuda or cpu), cpu, cuda, cuda:INDEX or mps.
        runs: Folder of all results.
        tracking: URL of the MLflow store, if it is not the database under `runs`.
        unseal: Open the test frames although this configuration opened them before.
        system_metrics: Log use of the machine's processors, memory, disks and network (needs psutil).

    Returns:
        The result. A training that diverges raises nothing: its `state` says so.

    Raises:
        ValueError: wrong input, with the sentence of the command line; then there is no run.
        KeyboardInterrupt: stopped; the run is marked so.
    """
    own = {name: value for name, value in options.items() if name not in DATA and name not in TRAINING}
    data = DataConfig(**take(DataConfig, options))
    require(augment in AUGMENT, "augment", f"be one of {', '.join(AUGMENT)}", augment)
    none = NO_AUGMENTATION if augment == "none" else {}
    training = TrainingConfig(**take(TrainingConfig, options) | none)
    network = _network(arch, preset, data.size, own)
    config = RunConfig(architecture=network, data=data, training=training, repeat=plain("repeat", int, repeat))
    from hourglass_bench.bench.commands.train import train_one

    where: dict[str, Any] = {"runs": Path(runs), "tracking": tracking, "device": device}
    answer = train_one(config, unseal=unseal, system_metrics=system_metrics, **where)
    numbers = {name: value for name, value in answer.items() if isinstance(value, int | float)}
    ended = {name: answer[name] for name in ("run_id", "state", "reason", "checkpoint")}
    return Trained(config=config, metrics=numbers, _where=where, **ended)


def _network(
    arch: str | ArchitectureConfig | None, preset: str | None, size: tuple[int, int], options: dict[str, Any]
) -> ArchitectureConfig:
    """The network for images of a height and width."""
    from inspect import signature

    from hourglass_bench.architectures import registry

    if preset is not None:
        alone = arch is None and options.keys() <= {"norm"}
        require(alone, "preset", "stand without arch and options of an architecture but norm", preset)
        return Network(preset=preset, **options).config(size)
    if isinstance(arch, ArchitectureConfig):
        require(not options, "arch that is a configuration", "have its options already", ", ".join(options))
        return arch
    require(arch is None or isinstance(arch, str), "arch", "be a name, a reference or a configuration", arch)
    name = arch or defaults.ARCHITECTURE
    spec = registry.get_spec(name)
    takes = signature(spec.configure or spec.config).parameters
    if "options" not in takes:
        require_known(options, {*takes, *DATA, *TRAINING} - {"name", "image_size"})
    if spec.origin == "here":
        options = {"image_size": size, **options}
    return registry.configure(name, **options)

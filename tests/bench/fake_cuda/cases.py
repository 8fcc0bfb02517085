"""Every kind of training step of an architecture, on tiny frames."""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple, get_args

from hourglass_bench.architectures.config import Norm
from hourglass_bench.architectures.registry import configure, get_spec
from hourglass_bench.bench.config import DataConfig, Precision, RunConfig, TrainingConfig

SIZE = (16, 16)
BATCH = 4
UNUSUAL: dict[str, Any] = {
    "clip_norm": 0.0,
    "loss": (("bce", 1.0), ("dice", 1.0), ("focal", 1.0), ("tversky", 1.0)),
    "sigma": 0.1,
}
VARIANTS: tuple[tuple[Precision, bool], ...] = (
    ("fp32", False),
    ("fp32", True),
    ("tf32", False),  # the same operators as fp32
    ("bf16", False),
    ("bf16", True),
)
"""A precision, and whether all else is unusual too: a flat latent, ignored pixels, pre-training, no clipping, every
loss, a fixed sigma."""


class Case(NamedTuple):
    """A run, and whether pixels of its frames are ignored, as in every unusual one."""

    config: RunConfig
    ignores: bool

    def __str__(self) -> str:
        network, training = self.config.architecture, self.config.training
        kind = "unusual " if self.ignores else ""
        return f"{kind}{network.name} of {network.target}s, norm {network.norm}, {training.precision}"


def cases(name: str) -> Iterator[Case]:
    """Those of the architecture `name`: every target, norm and precision, in the usual way and in another."""
    spec = get_spec(name)
    flat, targets = name != "simple_conv", ("image", "mask") if spec.reconstructs else ("mask",)
    for target, norm, (precision, unusual) in product(targets, get_args(Norm), VARIANTS):
        latent = 6 if flat and unusual else 0
        network = configure(name, (4,), norm=norm, target=target, latent=latent, image_size=SIZE)
        fields = UNUSUAL | {"pretrain_epochs": int(flat and not spec.reconstructs)} if unusual else {}
        training = TrainingConfig(epochs=2, batch_size=BATCH, precision=precision, **fields)
        yield Case(RunConfig(architecture=network, data=DataConfig(size=SIZE), training=training), ignores=unusual)

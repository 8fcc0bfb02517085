"""Hourglass and U-Net against networks that people use: five of MONAI's, at matched parameters and matched memory.

All have a batch norm where they leave the choice (within one block of an AttentionUnet they do not), so that the layout
is what differs; the rest is as their authors have it. Each has the widths that come nearest to the U-Net's parameters
and to its tensor peak in float32: within 7 % of each. FlexibleUNet cannot: its encoders are fixed. It has its smallest,
resnet10, and with that 11 times the parameters and three times the memory.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hourglass_bench.architectures.config import ArchitectureConfig, widths
from hourglass_bench.bench.config import DataConfig, TrainingConfig
from hourglass_bench.studies.spaces import SMALL, SMALL_TRAINING, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Factor, Unit

DEPTH = 4
"""Poolings, of all but FlexibleUNet, which has five, and SegResNet, which has three."""


def _own(width: int) -> dict[str, Any]:
    return {"channels": widths(width, DEPTH), "norm": "batch"}


def _basic(width: int) -> dict[str, Any]:
    """Its own proportions, 32, 32, 64, 128, 256 and 32."""
    return {"spatial_dims": 2, "features": (width, *widths(width, DEPTH), width), "norm": "batch"}


def _attention(width: int) -> dict[str, Any]:
    return {"spatial_dims": 2, "channels": widths(width, DEPTH + 1), "strides": (2,) * DEPTH}


def _residual(width: int) -> dict[str, Any]:
    return {"spatial_dims": 2, "init_filters": width, "norm": "batch"}


def _flexible(width: int) -> dict[str, Any]:
    """Its own proportions, 256, 128, 64, 32 and 16."""
    return {"backbone": "resnet10", "decoder_channels": widths(width, 5)[::-1]}


OPTIONS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "unet": _own,
    "hourglass": _own,
    "monai.networks.nets:BasicUNet": _basic,
    "monai.networks.nets:AttentionUnet": _attention,
    "monai.networks.nets:BasicUNetPlusPlus": _basic,
    "monai.networks.nets:SegResNet": _residual,
    "monai.networks.nets:FlexibleUNet": _flexible,
}
"""Architecture -> its options at a width of its outermost level."""
WIDTHS: Mapping[str, Mapping[int, str]] = {
    "unet": {16: "target"},
    "hourglass": {18: "both"},
    "monai.networks.nets:BasicUNet": {17: "params", 12: "memory"},
    "monai.networks.nets:AttentionUnet": {8: "both"},
    "monai.networks.nets:BasicUNetPlusPlus": {15: "params", 5: "memory"},
    "monai.networks.nets:SegResNet": {9: "both"},
    "monai.networks.nets:FlexibleUNet": {8: "neither"},
}
"""Architecture -> widths, each with what is nearest to the U-Net's at that width, for frames of 64 pixels in batches of
8. Found by `studies.catalog.matched.match_width`; a test holds them against their neighbours."""


def network(name: str, width: int) -> ArchitectureConfig:
    """One of the architectures at a width.

    Raises:
        ValueError: MONAI is not installed.
    """
    from hourglass_bench.architectures.registry import configure

    return configure(name, **OPTIONS[name](width))


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    networks: list[tuple[ArchitectureConfig, dict[str, Factor]]] = [
        (network(name, width), {"architecture": name, "width": width, "matched": matched})
        for name, of_width in WIDTHS.items()
        for width, matched in of_width.items()
    ]
    return to_units(networks, data, training)


STUDY = Factorial(
    name="zoo",
    question="Hourglass and U-Net against five of MONAI's networks at equal parameters and at equal memory.",
    size=64,
    training=replace(SMALL_TRAINING, epochs=8),
    plan=_plan,
    repeats=5,
    data=SMALL,
    tunes=True,
)

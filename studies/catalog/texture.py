"""Do skip connections matter more as dancers are harder to tell from what is behind them? The question of a paper.

The shape of the experiment of Kamath et al. 2023 (MICCAI) and 2025 (Computers in Biology and Medicine), on the drawn
dancers: docs/protocol.md says how far it follows theirs.
"""

from dataclasses import replace

from hourglass_bench.bench.config import SYNTHETIC, DataConfig, TrainingConfig
from hourglass_bench.studies.catalog.skips import network
from hourglass_bench.studies.spaces import SMALL, SMALL_TRAINING, to_units
from hourglass_bench.studies.study import Factorial
from hourglass_bench.studies.unit import Unit

BLENDS = (0.0, 0.4, 0.6, 0.8)
"""Shares of the background in the dancers' colours: from as they are drawn to hard to see, but learnt."""
DOSES: tuple[tuple[int, ...], ...] = ((), (3,), (2, 3), (1, 2, 3))
"""From Hourglass to U-Net, the innermost skip connection first."""


def _plan(data: DataConfig, training: TrainingConfig) -> list[Unit]:
    if data.path not in ("", SYNTHETIC):
        raise ValueError(
            f"data of study texture must be {SYNTHETIC}, whose textures can be blended, got {data.path!r}."
        )
    networks = [network(skips) for skips in DOSES]
    return [
        replace(unit, factors={**unit.factors, "blend": blend})
        for blend in BLENDS
        for unit in to_units(networks, replace(data, synthetic_blend=blend), training)
    ]


STUDY = Factorial(
    name="texture",
    question="Do skip connections matter more as textures are harder to tell apart? Four doses, four difficulties.",
    size=64,
    training=SMALL_TRAINING,
    plan=_plan,
    repeats=5,
    data=SMALL,
    tunes=True,
)

"""What the measurements of one network say."""

from dataclasses import dataclass

import torch

from bench.config import RunConfig
from bench.perf.config import PerfConfig, baseline_of
from bench.perf.contenders import precision
from bench.perf.cost import costs
from bench.perf.records import Measured
from bench.perf.roofline import Roof, make_roof
from bench.perf.rows import (
    Difference,
    Row,
    common_target,
    curve_rows,
    differences,
    memory_rows,
    share_row,
    speed_rows,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """One network's part of the answer."""

    network: str
    measured: Measured
    baseline: str
    train_roofs: dict[str, Roof]
    """Contender -> roof of its precision."""
    infer_roofs: dict[str, Roof]
    target_iou: float
    rows: list[Row]
    differences: dict[str, Difference]


def analyse(network: str, config: RunConfig, measured: Measured, perf: PerfConfig, device: torch.device) -> Analysis:
    """Rows, roofs and differences to the baseline."""
    baseline = baseline_of(list(measured.laps))
    cost = costs(config.architecture, *config.data.size)
    types = {name: precision(name, config, device) for name in measured.laps}
    roofs = {name: [make_roof([rates], cost.train, dtype) for rates in measured.rates] for name, dtype in types.items()}
    target = perf.target_iou or common_target(measured)
    return Analysis(
        network=network,
        measured=measured,
        baseline=baseline,
        train_roofs={name: make_roof(measured.rates, cost.train, dtype) for name, dtype in types.items()},
        infer_roofs={name: make_roof(measured.rates, cost.infer, dtype) for name, dtype in types.items()},
        target_iou=target,
        rows=[
            *speed_rows(measured, baseline),
            *curve_rows(measured, baseline, target),
            *memory_rows(measured, baseline),
            share_row(measured, roofs),
        ],
        differences=differences(measured, baseline),
    )

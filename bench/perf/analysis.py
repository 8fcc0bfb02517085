"""What the measurements of one network say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from hourglass_bench.bench.config import RunConfig
from hourglass_bench.bench.perf.config import PerfConfig, baseline_of
from hourglass_bench.bench.perf.cost import Cost, costs
from hourglass_bench.bench.perf.records import Measured, Rates
from hourglass_bench.bench.perf.roofline import Roof, make_roof
from hourglass_bench.bench.perf.rows import (
    Difference,
    Row,
    common_target,
    curve_rows,
    differences,
    memory_rows,
    share_row,
    speed_rows,
)
from hourglass_bench.bench.perf.task import dtype_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """One network's part of the answer."""

    network: str
    measured: Measured
    baseline: str
    train_roofs: dict[str, Roof]
    """Implementation -> roof of its precision."""
    infer_roofs: dict[str, Roof]
    target_iou: float
    rows: list[Row]
    differences: dict[str, Difference]

    def to_json(self) -> dict[str, Any]:
        """All fields but the name, roofs with their derived figures."""
        values = asdict(self)
        del values["network"]
        for kind, roofs in (("train_roofs", self.train_roofs), ("infer_roofs", self.infer_roofs)):
            for name, roof in roofs.items():
                values[kind][name] |= {"images": roof.images, "binds": roof.binds}
        return values


def analyse(network: str, config: RunConfig, measured: Measured, perf: PerfConfig, device: torch.device) -> Analysis:
    """Rows, roofs and differences to the baseline."""
    baseline = baseline_of(list(measured.timings))
    cost = costs(config.architecture, *config.data.size)
    dtypes = {name: dtype_of(name, config.training.precision, device) for name in measured.timings}
    each_time = [_roofs([rates], cost.train, dtypes) for rates in measured.rates]
    target = perf.target_iou or common_target(measured)
    return Analysis(
        network=network,
        measured=measured,
        baseline=baseline,
        train_roofs=_roofs(measured.rates, cost.train, dtypes),
        infer_roofs=_roofs(measured.rates, cost.infer, dtypes),
        target_iou=target,
        rows=[
            *speed_rows(measured, baseline),
            *curve_rows(measured, baseline, target),
            *memory_rows(measured, baseline),
            share_row(measured, {name: [roofs[name] for roofs in each_time] for name in dtypes}),
        ],
        differences=differences(measured, baseline),
    )


def _roofs(rates: Sequence[Rates], cost: Cost, dtypes: Mapping[str, torch.dtype]) -> dict[str, Roof]:
    return {name: make_roof(rates, cost, dtype) for name, dtype in dtypes.items()}

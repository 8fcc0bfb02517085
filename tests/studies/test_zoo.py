"""The study `zoo`, which needs MONAI: how near its networks come to what they are matched with."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from hourglass_bench.architectures.registry import build, get_spec
from hourglass_bench.architectures.trace import trace
from hourglass_bench.studies.__main__ import main
from hourglass_bench.studies.catalog.matched import costs
from hourglass_bench.studies.catalog.zoo import STUDY, WIDTHS, network
from tests.networks import forget_networks

pytest.importorskip("monai", reason='the study zoo needs MONAI: pip install "hourglass-bench[zoo]"')

SETTING = STUDY.setting()
COST = costs(SETTING.data, SETTING.training)
PLANNED = [(name, width) for name, of_width in WIDTHS.items() for width in of_width]
MATCHED = [
    (name, width, cost)
    for name, of_width in WIDTHS.items()
    for width, matched in of_width.items()
    for cost in {"params": ["params"], "memory": ["memory"], "both": ["params", "memory"]}.get(matched, [])
]
(TARGET,) = (network(name, width) for name, of in WIDTHS.items() for width, what in of.items() if what == "target")


@pytest.mark.parametrize(("name", "width", "cost"), MATCHED)
def test_widths_are_the_nearest_to_the_unet(name: str, width: int, cost: str) -> None:
    below, here, above = (
        COST[cost](network(name, near)) / COST[cost](TARGET) for near in (width - 1, width, width + 1)
    )
    assert below < here < above
    assert min((below, here, above), key=lambda share: abs(share - 1)) == here
    assert here == pytest.approx(1, abs=0.07)


def test_what_is_matched_with_nothing_is_larger_at_any_width() -> None:
    (name,) = (name for name, of_width in WIDTHS.items() if "neither" in of_width.values())
    assert all(cost(network(name, 1)) > 2.5 * cost(TARGET) for cost in COST.values() if cost is not COST["macs"])


def test_all_normalise_over_the_batch_where_they_leave_the_choice() -> None:
    for name, width in PLANNED:
        modules = list(build(network(name, width), seed=0, size=SETTING.data.size).modules())
        others = [module for module in modules if isinstance(module, torch.nn.GroupNorm | torch.nn.InstanceNorm2d)]
        assert any(isinstance(module, torch.nn.BatchNorm2d) for module in modules)
        assert bool(others) == name.endswith("AttentionUnet")


def test_lists_of_one_map_are_read_and_said() -> None:
    name = "monai.networks.nets:BasicUNetPlusPlus"
    config = network(name, 5)
    notes = trace(config, get_spec(name), SETTING.data.size).notes
    assert notes == ("logits are one of what it returns, list of 0: (2, 1, 64, 64)",)
    logits = build(config, seed=0, size=SETTING.data.size).eval()(torch.zeros(1, 3, *SETTING.data.size))
    assert logits.shape == (1, 1, *SETTING.data.size)


def test_without_monai_it_says_how_to_install_it_before_anything_is_written(
    refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(module: str) -> None:
        raise ModuleNotFoundError("No module named 'monai'", name="monai")

    forget_networks()
    monkeypatch.setattr(importlib, "import_module", missing)
    monkeypatch.delitem(sys.modules, "monai", raising=False)
    try:
        said = refused(main, "run zoo --runs elsewhere")
    finally:
        monkeypatch.undo()
    assert 'pip install "hourglass-bench[zoo]" installs it.' in said
    assert not Path("elsewhere").exists()

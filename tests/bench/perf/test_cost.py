"""FLOPs and bytes against a count by hand and against torch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hourglass_bench.architectures.config import ArchitectureConfig
from hourglass_bench.architectures.registry import PRESETS, build, configure, predict
from hourglass_bench.bench.perf.cost import costs
from hourglass_bench.bench.perf.records import Rates
from hourglass_bench.bench.perf.roofline import make_roof


def test_costs_equal_the_count_by_hand() -> None:
    """simple_conv with encoder (2,): 3 -> 2 -> 2 -> 1 -> 1 by 3x3 kernels, all on 8x4 pixels."""
    config = configure("simple_conv", (2,), decoder_channels=())
    cost = costs(config, 8, 4)
    macs = 32 * 9 * (3 * 2 + 2 * 2 + 2 * 1 + 1 * 1)
    assert predict(config, 8, 4).macs == macs
    assert cost.infer.flops == 2 * macs
    assert cost.train.flops == 2 * (3 * macs - 32 * 9 * 3 * 2)
    assert cost.infer.moved == 32 * ((3 + 2) + (2 + 2) + (2 + 1) + (1 + 1))
    assert cost.train.moved == 32 * ((2 * 3 + 2 * 2) + (3 * 2 + 2 * 2) + (3 * 2 + 2 * 1) + (3 * 1 + 2 * 1))


@pytest.mark.parametrize(
    "config",
    [
        *(PRESETS[name] for name in ("simple_conv_deep", "hourglass", "unet")),
        configure("unet", (4, 8), block="residual", upsampling="bilinear", bottom=16),
    ],
    ids=["simple_conv_deep", "hourglass", "unet", "residual"],
)
def test_flops_equal_torchs_counter(config: ArchitectureConfig) -> None:
    """The first residual block's projection reads the image too."""
    network = build(config, seed=0)
    images = torch.rand(1, 3, 24, 32)
    with FlopCounterMode(display=False) as forward:
        network(images)
    with FlopCounterMode(display=False) as both:
        network(images).sum().backward()
    cost = costs(config, 24, 32)
    assert cost.infer.flops == forward.get_total_flops()
    assert cost.train.flops == both.get_total_flops()


def test_the_lower_roof_binds() -> None:
    cost = costs(configure("simple_conv", (2,), decoder_channels=()), 8, 4).train
    rates = [Rates(matmul={"float32": {4: m, 8: 2 * m}}, copy=c) for m, c in ((1e6, 3e6), (3e6, 1e6), (2e6, 2e6))]
    roof = make_roof(rates, cost, torch.float32)
    assert (roof.side, roof.matmul, roof.copy) == (8, 4e6, 2e6)
    assert roof.matmul_images == 4e6 / cost.flops
    assert roof.copy_images == 2e6 / (4 * cost.moved)
    assert roof.binds == "arithmetic"
    assert roof.images == roof.matmul_images
    starved = make_roof([Rates(matmul={"float32": {8: 1e9}}, copy=1.0)], cost, torch.float32)
    assert starved.binds == "memory"
    assert starved.images == starved.copy_images

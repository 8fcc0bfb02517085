"""What is measured of a network before its training."""

import pytest
import torch

from hourglass_bench.architectures.registry import build, configure
from hourglass_bench.bench.training.measure import measure_bottleneck


@pytest.mark.parametrize("measures", [True, False])
def test_one_image_is_no_shape_to_choose_kernels_for(measures: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", measures)
    network, seen = build(configure("unet", (4, 8)), seed=0), []
    network.register_forward_pre_hook(lambda *_: seen.append(torch.backends.cudnn.benchmark))
    assert measure_bottleneck(network, "bottleneck", (3, 16, 16), torch.device("cpu")) == (8, 4, 4)
    assert seen == [False]
    assert torch.backends.cudnn.benchmark is measures

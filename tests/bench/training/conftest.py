"""Each arithmetic that this CPU has, and one data set for all tests of training."""

from pathlib import Path

import pytest
import torch

from hourglass_bench.bench.config import Precision

_NO_BF16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU has no convolution in bf16"
)


@pytest.fixture(params=["fp32", pytest.param("bf16", marks=_NO_BF16)])
def precision(request: pytest.FixtureRequest) -> Precision:
    """Every arithmetic, whatever `auto` means on this machine."""
    value: Precision = request.param
    return value


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where synthetic data are drawn once for all tests."""
    return tmp_path_factory.mktemp("cache")

"""Fixtures of the tests of training: each arithmetic that this CPU has, and one thread."""

from collections.abc import Iterator

import pytest
import torch

from bench.config import Precision

_NO_BF16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU has no convolution in bf16"
)


@pytest.fixture(params=["fp32", pytest.param("bf16", marks=_NO_BF16)])
def precision(request: pytest.FixtureRequest) -> Precision:
    """Every arithmetic, whatever `auto` means on this machine."""
    value: Precision = request.param
    return value


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Networks this small gain nothing from a second thread, and beside another process they lose to it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

"""The fused optimiser against torch's own class."""

import pytest
import torch
from torch import nn

from bench.training.optimizer import AdamW


@pytest.mark.parametrize("capturable", [False, True])
def test_steps_are_those_of_torchs_adamw(capturable: bool) -> None:
    networks = [nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    own = AdamW(networks[0].parameters(), 0.1, capturable=capturable)
    reference = torch.optim.AdamW(networks[1].parameters(), lr=1.0, weight_decay=0.1)
    generator = torch.Generator().manual_seed(0)
    for lr in (0.1, 0.02, 0.3):
        inputs = torch.randn(5, 4, generator=generator)
        for network in networks:
            network(inputs).square().sum().backward()
        own.set_lr(lr)
        own.step()
        own.zero_grad()
        reference.param_groups[0]["lr"] = lr
        reference.step()
        reference.zero_grad()
    for parameter, expected in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(parameter, expected)
        assert parameter.grad is None


def test_a_parameter_without_gradient_stays() -> None:
    used, unused = (nn.Parameter(torch.ones(3)) for _ in range(2))
    optimizer = AdamW([used, unused], 0.1, capturable=False)
    used.sum().backward()
    optimizer.set_lr(0.5)
    optimizer.step()
    assert (used < 1).all()
    assert (unused == 1).all()

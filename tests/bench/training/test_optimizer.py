"""The fused optimiser against torch's own class."""

import pytest
import torch
from torch import nn

from hourglass_bench.bench.training.optimizer import AdamW, Group


@pytest.mark.parametrize("capturable", [False, True])
@pytest.mark.parametrize("factor", [1.0, 0.1, None])
def test_steps_are_those_of_torchs_adamw(factor: float | None, capturable: bool) -> None:
    """Of one group where there is no factor, else of two, which have a schedule and no gradient of the first at first.

    Without a factor, and with one of 1, the numbers are torch's own in one group.
    """
    networks = [nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    encoder, rest = (list(module.parameters()) for module in networks[0])
    groups = [Group([*encoder, *rest]), Group([])] if factor is None else [Group(rest), Group(encoder, factor)]
    own = AdamW(groups, 0.1, capturable=capturable)
    lr_factors = {"0": factor or 1.0, "1": 1.0}
    reference = torch.optim.AdamW(
        [{"params": list(module.parameters()), "name": name} for name, module in networks[1].named_children()],
        weight_decay=0.1,
        fused=True,
    )
    generator = torch.Generator().manual_seed(0)
    for step, lr in enumerate((0.1, 0.02, 0.3, 0.07, 0.01)):
        inputs = torch.randn(5, 4, generator=generator)
        for network in networks:
            network[0].requires_grad_(step >= 2)
            network(inputs).square().sum().backward()
        own.set_lr(lr)
        own.step()
        own.zero_grad()
        for group in reference.param_groups:
            group["lr"] = lr * lr_factors[group["name"]]
        reference.step()
        reference.zero_grad()
    for parameter, expected in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        if capturable:  # its learning rates are in float32
            torch.testing.assert_close(parameter, expected, rtol=1e-6, atol=1e-7)
        else:
            assert torch.equal(parameter, expected)
        assert parameter.grad is None


def test_the_state_is_that_of_all_groups() -> None:
    parameters = [nn.Parameter(torch.ones(size)) for size in (1, 2, 3)]
    optimizer = AdamW([Group(parameters[:1]), Group(parameters[1:], 0.5)], 0.0, capturable=False)
    for kind in optimizer.state()[:2]:
        assert [tensor.numel() for tensor in kind] == [1, 2, 3]
    assert len(optimizer.state()[2]) == 3
    parameters[2].square().sum().backward()
    optimizer.set_lr(0.1)
    optimizer.step()
    assert [steps.item() for steps in optimizer.state()[2]] == [0, 0, 1]


def test_a_parameter_without_gradient_stays() -> None:
    used, unused = (nn.Parameter(torch.ones(3)) for _ in range(2))
    optimizer = AdamW([Group([used, unused])], 0.1, capturable=False)
    used.sum().backward()
    optimizer.set_lr(0.5)
    optimizer.step()
    assert (used < 1).all()
    assert (unused == 1).all()

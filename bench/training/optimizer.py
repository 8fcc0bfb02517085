"""AdamW as a fused call per group of parameters, all its state in tensors: a step can be captured as a CUDA graph."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Group(NamedTuple):
    """Parameters that share a learning rate; a group may be empty."""

    parameters: Sequence[Tensor]
    lr_factor: float = 1.0
    """Of the optimiser's learning rate."""


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101), torch's own fused kernel.

    The functional form of `torch.optim.AdamW`: the class imports torch._dynamo when it is made, which takes as long as
    importing torch. If a step is to be captured, the learning rates are tensors on the device too.
    """

    def __init__(self, groups: Iterable[Group], weight_decay: float, *, capturable: bool) -> None:
        self._groups = [_Moments(group, weight_decay, capturable) for group in groups if group.parameters]

    def state(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """What a step leaves for the next one: first and second moments, and numbers of steps."""
        means, squares, steps = zip(*((group.means, group.squares, group.steps) for group in self._groups), strict=True)
        return list(chain(*means)), list(chain(*squares)), list(chain(*steps))

    def set_lr(self, lr: float) -> None:
        """The learning rate of the next step; each group has its share of it."""
        for group in self._groups:
            group.set_lr(lr)

    def zero_grad(self) -> None:
        """Free the gradients."""
        for group in self._groups:
            for parameter in group.parameters:
                parameter.grad = None

    def step(self) -> None:
        """Update the parameters by their gradients; one without a gradient stays."""
        for group in self._groups:
            group.step()


class _Moments:
    """A group with what its steps leave for the next ones."""

    def __init__(self, group: Group, weight_decay: float, capturable: bool) -> None:
        self.parameters, self._lr_factor = group
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        device = self.parameters[0].device
        self.steps = [torch.zeros((), device=device) for _ in self.parameters]
        self._lr: float | Tensor = torch.zeros((), device=device) if capturable else 0.0
        self._capturable = capturable
        self._weight_decay = weight_decay

    def set_lr(self, lr: float) -> None:
        if isinstance(self._lr, Tensor):
            self._lr.fill_(lr * self._lr_factor)
        else:
            self._lr = lr * self._lr_factor

    @torch.no_grad()
    def step(self) -> None:
        rows = zip(self.parameters, self.means, self.squares, self.steps, strict=True)
        used = [(parameter, parameter.grad, *state) for parameter, *state in rows if parameter.grad is not None]
        if not used:  # it is frozen
            return
        parameters, gradients, means, squares, steps = (list(column) for column in zip(*used, strict=True))
        adam(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            fused=True,
            capturable=self._capturable,
            decoupled_weight_decay=True,
            amsgrad=False,
            maximize=False,
            beta1=BETA1,
            beta2=BETA2,
            eps=EPSILON,
            lr=self._lr,
            weight_decay=self._weight_decay,
        )

"""AdamW as one fused call per step, all its state in tensors, so that a step can be captured as a CUDA graph."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101), torch's own fused kernel.

    The functional form of `torch.optim.AdamW`: the class imports torch._dynamo when it is made, which takes as long as
    importing torch. If a step is to be captured, the learning rate is a tensor on the device too.
    """

    def __init__(self, parameters: Iterable[Tensor], weight_decay: float, *, capturable: bool) -> None:
        self._parameters = list(parameters)
        self._means = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self._parameters]
        device = self._parameters[0].device
        self._steps = [torch.zeros((), device=device) for _ in self._parameters]
        self._lr: float | Tensor = torch.zeros((), device=device) if capturable else 0.0
        self._capturable = capturable
        self._weight_decay = weight_decay

    def state(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """What a step leaves for the next one: first and second moments, and numbers of steps."""
        return self._means, self._squares, self._steps

    def set_lr(self, lr: float) -> None:
        """The learning rate of the next step."""
        if isinstance(self._lr, Tensor):
            self._lr.fill_(lr)
        else:
            self._lr = lr

    def zero_grad(self) -> None:
        """Free the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters by their gradients; one without a gradient stays."""
        rows = zip(self._parameters, self._means, self._squares, self._steps, strict=True)
        used = [(parameter, parameter.grad, *state) for parameter, *state in rows if parameter.grad is not None]
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

"""Whether a device trains what the CPU trains in float32: the same gradient and the same losses, up to rounding."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple, get_args

import torch
from torch import Tensor

from architectures.config import ArchitectureConfig, Norm
from architectures.registry import ARCHITECTURES, configure
from bench.check.lines import Line, Task
from bench.check.workload import batch_of, epoch_losses, frames_on, run_config
from bench.machine.precision import Arithmetic
from bench.training.execution import REFERENCE, Execution
from bench.training.setup import make_trainer

SIDE, FRAMES, BATCH, EPOCHS = 32, 32, 8, 3


class Tolerance(NamedTuple):
    """Largest differences relative to the reference's."""

    gradient: float
    """Of the gradient of a parameter, in norm."""
    loss: float
    """Of the loss of an epoch."""


TOLERANCES: dict[Arithmetic, Tolerance] = {
    "fp32": Tolerance(1e-4, 1e-3),
    "tf32": Tolerance(6e-2, 1e-2),
    "bf16": Tolerance(2.5e-1, 2e-2),
}
"""On the CPU layouts differ by up to 6e-6 and 5e-5, and bf16 by 1.3e-1 and 4e-3; TF32 keeps two bits more than bf16."""
SMALL = 0.1
"""Share of the whole gradient's norm below which that of a parameter is taken for as large: some are nothing but
rounding, such as of a bias before a batch norm."""


class Trained(NamedTuple):
    """What is compared."""

    gradient: tuple[Tensor, ...]
    """(P,) float32 on the CPU, of each parameter at the start."""
    losses: list[float]
    """Of each epoch."""


def compare(task: Task) -> Iterator[Line]:
    """A line for each architecture, norm and arithmetic."""
    torch.set_num_threads(1)  # networks this small gain nothing from a second one
    cpu, device = torch.device("cpu"), torch.device(task.device)
    for name, norm in product(ARCHITECTURES, get_args(Norm)):
        architecture = configure(name, (8,) if name == "simple_conv" else (8, 16), norm=norm)
        reference = train(architecture, "fp32", cpu, REFERENCE)
        for arithmetic, execution in ways(device):
            trained = train(architecture, arithmetic, device, execution)
            layout = f", {execution.memory_format}" if execution != REFERENCE else ""
            yield judge(f"{name}, norm {norm}, {arithmetic}{layout}", trained, reference, TOLERANCES[arithmetic])


def ways(device: torch.device) -> list[tuple[Arithmetic, Execution]]:
    """What is compared with float32 on the CPU; there, another layout of the same numbers and bf16."""
    if device.type == "cpu":
        return [("fp32", Execution(memory_format="contiguous")), ("bf16", REFERENCE)]
    return [("fp32", REFERENCE), ("tf32", REFERENCE), ("bf16", REFERENCE)]


def train(
    architecture: ArchitectureConfig, arithmetic: Arithmetic, device: torch.device, execution: Execution
) -> Trained:
    """The first gradient, and some epochs from equal weights over equal frames in equal order."""
    config = run_config(architecture, SIDE, batch_size=BATCH, epochs=EPOCHS, precision=arithmetic)
    data = frames_on(device, FRAMES, SIDE)
    trainer = make_trainer(config, EPOCHS * FRAMES // BATCH, device, execution)
    trainer._latent_generator = torch.Generator().manual_seed(0)  # a GPU's own has other numbers
    sizes = [parameter.numel() for parameter in trainer.network.parameters()]
    gradient = trainer.gradient(*batch_of(data, BATCH)).float().cpu().split(sizes)
    return Trained(gradient, epoch_losses(trainer, data, EPOCHS))


def judge(name: str, trained: Trained, reference: Trained, tolerance: Tolerance) -> Line:
    """How far one is from the other."""
    least = SMALL * torch.cat(reference.gradient).norm()
    pairs = zip(trained.gradient, reference.gradient, strict=True)
    gradient = torch.stack([(ours - theirs).norm() / theirs.norm().clamp(min=least) for ours, theirs in pairs]).max()
    losses, expected = torch.tensor(trained.losses), torch.tensor(reference.losses)
    loss = ((losses - expected).abs() / expected.abs()).max()
    return Line(
        name=name,
        figures={"gradient": gradient.item(), "loss": loss.item()},
        passed=bool(gradient <= tolerance.gradient and loss <= tolerance.loss),
        note=f"at most {tolerance.gradient:g} and {tolerance.loss:g}",
    )
